package unio

import (
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
	return engine.Socket{FD: fd}, cleanup, err
}
