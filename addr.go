package unio

import "net"

// LocalAddr is the connection's own address. It stays known after Close. Where the loop has to be asked and does not answer, as
// with ErrStalled or ErrCoroutine, it is a zero *net.TCPAddr.
func (c *Conn) LocalAddr() net.Addr { return notNil(c.knownAddrs().local) }

// RemoteAddr is the peer's address. It stays known after Close. The socket is asked when the first call comes, or the end of the
// stream; if an accepted connection has been reset by then, it has forgotten, and the address is the zero address of its network:
// who wants to log whose connections are reset calls RemoteAddr in time. For the rest it is as LocalAddr.
func (c *Conn) RemoteAddr() net.Addr { return notNil(c.knownAddrs().remote) }

// notNil is for callers who ask at once for an address's text.
func notNil(a net.Addr) net.Addr {
	if a == nil {
		return &net.TCPAddr{}
	}
	return a
}

// knownAddrs reads the addresses once, on the loop: elsewhere the descriptor might be closed and its number taken by
// another connection meanwhile.
func (c *Conn) knownAddrs() *connAddrs {
	if a := c.addrs.Load(); a != nil {
		return a
	}
	if c.home.onLoop() {
		c.readAddrs()
	} else {
		c.call(callAddrs)
	}
	if a := c.addrs.Load(); a != nil {
		return a
	}
	return &connAddrs{}
}

// readAddrs asks the socket, on the loop. Closing does so before the descriptor goes.
func (c *Conn) readAddrs() {
	if c.addrs.Load() != nil || c.ending {
		return
	}
	a := addrsOf(c.recv.Desc.Socket(), c.local)
	if a.remote == nil {
		a.remote = c.dialed
	}
	if a.local != nil && a.remote == nil {
		a.remote = zeroAddr(a.local)
	}
	c.addrs.Store(a)
}

// zeroAddr is an address of the same network that says nothing.
func zeroAddr(a net.Addr) net.Addr {
	if _, ok := a.(*net.UnixAddr); ok {
		return &net.UnixAddr{Net: a.Network()}
	}
	return &net.TCPAddr{}
}
