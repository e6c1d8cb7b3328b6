package unio

import (
	"errors"
	"net"
	"time"
)

// The methods of this file are those of *net.TCPConn. They may be called from anywhere and wait for the connection's
// loop; on a Unix socket those that are TCP's fail with errors.ErrUnsupported. Each fails with net.ErrClosed once the
// connection is closed.

// SetNoDelay says whether small segments are sent at once (TCP_NODELAY, tcp(7)). It is on unless switched off.
func (c *Conn) SetNoDelay(on bool) error {
	return setOption(c, func(s interface{ SetNoDelay(bool) error }) error { return s.SetNoDelay(on) })
}

// lingerer is a socket whose end may be a reset.
type lingerer interface{ SetLinger(sec int) error }

// SetLinger says what Close does with bytes that the kernel has taken and the peer has not acknowledged (SO_LINGER,
// socket(7)): negative leaves them to the kernel, which is the default; 0 drops them and resets the connection; with a
// positive number Close waits for them so many seconds at most, which holds no loop. What has not yet been handed to the
// kernel is handed over first; with 0 that has 250 ms.
func (c *Conn) SetLinger(sec int) error {
	return setOption(c, func(s lingerer) error {
		err := s.SetLinger(sec)
		if err == nil {
			c.resets = sec == 0
		}
		return err
	})
}

// SetKeepAlive says whether the kernel probes an idle peer (SO_KEEPALIVE). It is on unless switched off.
func (c *Conn) SetKeepAlive(on bool) error {
	return setOption(c, func(s interface{ SetKeepAlive(bool) error }) error { return s.SetKeepAlive(on) })
}

// SetKeepAlivePeriod sets how long a connection is idle before the first probe, rounded up to a second; 0 is 15 s.
func (c *Conn) SetKeepAlivePeriod(d time.Duration) error {
	return setOption(c, func(s interface{ SetKeepAlivePeriod(time.Duration) error }) error {
		return s.SetKeepAlivePeriod(d)
	})
}

// SetKeepAliveConfig sets all of how an idle peer is probed. See net.KeepAliveConfig for zero and negative values.
func (c *Conn) SetKeepAliveConfig(k net.KeepAliveConfig) error {
	return setOption(c, func(s interface {
		SetKeepAliveConfig(net.KeepAliveConfig) error
	}) error {
		return s.SetKeepAliveConfig(k)
	})
}

// SetReadBuffer sets the size in bytes of the kernel's receive buffer (SO_RCVBUF; the kernel doubles it for its own
// use and bounds it by net.core.rmem_max). What the runtime itself may hold unread is Options.UnreadBytes.
func (c *Conn) SetReadBuffer(bytes int) error {
	return setBuffer(c, func(s interface{ SetReadBuffer(int) error }) error { return s.SetReadBuffer(bytes) })
}

// SetWriteBuffer sets the size in bytes of the kernel's send buffer (SO_SNDBUF, bounded by net.core.wmem_max).
func (c *Conn) SetWriteBuffer(bytes int) error {
	return setBuffer(c, func(s interface{ SetWriteBuffer(int) error }) error { return s.SetWriteBuffer(bytes) })
}

// MultipathTCP reports whether the connection uses Multipath TCP. It never does: unio asks for plain TCP sockets, on
// which the kernel's fast paths work.
func (c *Conn) MultipathTCP() (bool, error) { return false, nil }

// setOption applies an option to the socket, if the socket has it.
func setOption[T any](c *Conn, set func(T) error) error { return c.opError("set", onSocket(c, set)) }

// setBuffer does so for an option that concerns only the own end.
func setBuffer[T any](c *Conn, set func(T) error) error { return c.localError("set", onSocket(c, set)) }

// onSocket runs set on the loop with the socket, which has the methods of package net's connections.
func onSocket[T any](c *Conn, set func(T) error) error {
	return bare(c.onLoop(func() error { return onSocketHere(c, set) }))
}

// onSocketHere is that on the loop, when the addresses have been read.
func onSocketHere[T any](c *Conn, set func(T) error) error {
	if o, ok := optionsOf(c.recv.Desc.Socket(), c.addrs.Load().local).(T); ok {
		return set(o)
	}
	return errors.ErrUnsupported
}

// bare takes off the *net.OpError that package net has put around an error of its own sockets.
func bare(err error) error {
	if e, ok := errors.AsType[*net.OpError](err); ok {
		return e.Err
	}
	return err
}
