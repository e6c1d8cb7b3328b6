package unio

import (
	"net"
	"os"
	"time"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/sys"
)

// closeFD closes a descriptor that no engine owns.
func closeFD(fd int) { sys.CloseFD(fd) }

// addrsOf asks a socket for its two addresses, or for its peer's alone where local is known.
func addrsOf(s engine.Socket, local net.Addr) *connAddrs {
	if s.Conn != nil {
		return &connAddrs{s.Conn.LocalAddr(), s.Conn.RemoteAddr()}
	}
	var all struct { // one object, and not five
		connAddrs
		rooms [2]sys.TCPRoom
	}
	if all.local = local; local == nil {
		all.local = sys.LocalAddr(s.FD, &all.rooms[0])
	}
	all.remote = sys.PeerAddr(s.FD, &all.rooms[1])
	return &all.connAddrs
}

// takeListener takes the socket out of package net's listener, for the engine of this runtime. With an error the listener is as it was.
// An option that is refused is no reason for one, as with setDialed.
func (rt *Runtime) takeListener(ln net.Listener, k net.KeepAliveConfig) (engine.Socket, error) {
	if rt.choice.name == Std || rt.choice.name == Sim {
		return engine.Socket{FD: -1, Listener: ln}, nil
	}
	fd, err := sys.TakeListener(ln)
	if err == nil && ln.Addr().Network() == "tcp" {
		setTCPDefaults(fd, k)
	}
	return engine.Socket{FD: fd}, err
}

// setTCPDefaults gives a socket what package net gives each TCP connection: no delay of small segments, and keep-alives.
// Set on a listener, Linux passes them on to the connections it accepts, at no cost for each.
func setTCPDefaults(fd int, k net.KeepAliveConfig) {
	sys.SetNoDelay(fd, true)
	sys.SetKeepAliveConfig(fd, k)
}

// setDialed does the same for a connection of ours. An option that is refused is no reason to give the connection up;
// package net does not either.
func setDialed(s engine.Socket, k net.KeepAliveConfig) {
	if s.Conn == nil {
		setTCPDefaults(s.FD, k)
		return
	}
	setKeepAlive(s.Conn, k)
}

// openRaw gives a socket a second descriptor for raw calls.
func openRaw(s engine.Socket, name string) (*rawState, error) {
	f, err := fileOf(s, name)
	if err != nil {
		return nil, err
	}
	raw, err := f.SyscallConn()
	if err != nil {
		f.Close()
		return nil, err
	}
	return &rawState{conn: raw, file: f}, nil
}

// fileOf gives a socket a second descriptor, non-blocking as package net's: Go's poller takes no other, and whoever makes
// raw calls expects EAGAIN. The mode belongs to the socket and is indifferent to the engines: a ring waits for readiness
// all the same (io_uring since 5.11; the engine needs 6.1), the others ask for no wait with each call.
func fileOf(s engine.Socket, name string) (*os.File, error) {
	var fd int
	var err error
	switch {
	case s.Conn != nil:
		fd, err = sys.DupOf(s.Conn)
	case s.Listener != nil:
		fd, err = sys.DupOf(s.Listener)
	default:
		fd, err = sys.Dup(s.FD)
	}
	if err == nil {
		if err = sys.SetNonblock(fd, true); err == nil {
			return os.NewFile(uintptr(fd), name), nil
		}
		sys.CloseFD(fd)
	}
	return nil, err
}

// optionsOf is what has the socket's options as methods.
func optionsOf(s engine.Socket, local net.Addr) any {
	if s.Conn != nil {
		return s.Conn
	}
	if _, ok := local.(*net.UnixAddr); ok {
		return bufferOptions(s.FD)
	}
	return tcpOptions{bufferOptions(s.FD)}
}

// bufferOptions are the options of each stream socket, by the names of package net.
type bufferOptions int

func (fd bufferOptions) SetReadBuffer(bytes int) error  { return sys.SetReadBuffer(int(fd), bytes) }
func (fd bufferOptions) SetWriteBuffer(bytes int) error { return sys.SetWriteBuffer(int(fd), bytes) }

// tcpOptions are those that TCP has besides.
type tcpOptions struct{ bufferOptions }

func (o tcpOptions) fd() int { return int(o.bufferOptions) }

func (o tcpOptions) SetNoDelay(on bool) error   { return sys.SetNoDelay(o.fd(), on) }
func (o tcpOptions) SetLinger(sec int) error    { return sys.SetLinger(o.fd(), sec) }
func (o tcpOptions) SetKeepAlive(on bool) error { return sys.SetKeepAlive(o.fd(), on) }
func (o tcpOptions) SetKeepAlivePeriod(d time.Duration) error {
	return sys.SetKeepAliveIdle(o.fd(), d)
}
func (o tcpOptions) SetKeepAliveConfig(k net.KeepAliveConfig) error {
	return sys.SetKeepAliveConfig(o.fd(), k)
}
