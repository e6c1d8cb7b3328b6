package unio

import (
	"errors"
	"net"
	"os"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/sys"
)

// closeFD closes a descriptor that no engine owns.
func closeFD(fd int) { sys.CloseFD(fd) }

// addrsOf asks a socket for its two addresses.
func addrsOf(s engine.Socket) (local, remote net.Addr) {
	if s.Conn != nil {
		return s.Conn.LocalAddr(), s.Conn.RemoteAddr()
	}
	return sys.LocalAddr(s.FD), sys.PeerAddr(s.FD)
}

// takeListener takes the socket out of package net's listener, for the engine of this runtime. The function removes
// what the listener leaves in the file system.
func (rt *Runtime) takeListener(ln net.Listener) (engine.Socket, func(), error) {
	if rt.choice.name == Std {
		return engine.Socket{FD: -1, Listener: ln}, func() {}, nil
	}
	cleanup := func() {}
	if u, ok := ln.Addr().(*net.UnixAddr); ok && u.Name != "" && u.Name[0] != '@' {
		cleanup = func() { os.Remove(u.Name) }
	}
	fd, err := sys.TakeListener(ln)
	if err == nil && ln.Addr().Network() == "tcp" {
		err = setTCPDefaults(fd)
	}
	return engine.Socket{FD: fd}, cleanup, err
}

// setTCPDefaults gives a socket what package net gives each TCP connection: no delay of small segments, and keep-alives.
// Set on a listener, Linux passes them on to the connections it accepts, at no cost for each.
func setTCPDefaults(fd int) error {
	return errors.Join(sys.SetNoDelay(fd, true), sys.SetKeepAliveConfig(fd, net.KeepAliveConfig{Enable: true}))
}

// setDialed does the same for a connection of ours. An option that is refused is no reason to give the connection up;
// package net does not either.
func setDialed(s engine.Socket) {
	if s.Conn == nil {
		setTCPDefaults(s.FD)
	}
}
