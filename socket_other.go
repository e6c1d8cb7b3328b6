//go:build !linux

package unio

import (
	"net"

	"github.com/unio-go/unio/internal/engine"
)

// closeFD has nothing to do where every socket belongs to package net.
func closeFD(int) {}

// addrsOf asks a socket for its two addresses.
func addrsOf(s engine.Socket) (local, remote net.Addr) {
	if s.Conn == nil {
		return nil, nil
	}
	return s.Conn.LocalAddr(), s.Conn.RemoteAddr()
}

// takeListener passes package net's listener on: the std engine uses it as it is.
func (rt *Runtime) takeListener(ln net.Listener) (engine.Socket, func(), error) {
	return engine.Socket{FD: -1, Listener: ln}, func() {}, nil
}

// setDialed has nothing to do: package net has set its defaults.
func setDialed(engine.Socket) {}
