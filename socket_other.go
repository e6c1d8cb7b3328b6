//go:build !linux

package unio

import (
	"errors"
	"net"
	"os"
	"syscall"

	"github.com/unio-go/unio/internal/engine"
)

// closeFD has nothing to do where every socket belongs to package net.
func closeFD(int) {}

// addrsOf asks a socket for its two addresses.
func addrsOf(s engine.Socket, _ net.Addr) *connAddrs {
	if s.Conn == nil {
		return &connAddrs{}
	}
	return &connAddrs{s.Conn.LocalAddr(), s.Conn.RemoteAddr()}
}

// takeListener passes package net's listener on: the std engine uses it as it is.
func (rt *Runtime) takeListener(ln net.Listener, _ net.KeepAliveConfig) (engine.Socket, error) {
	return engine.Socket{FD: -1, Listener: ln}, nil
}

// setDialed sets what package net was told to leave.
func setDialed(s engine.Socket, k net.KeepAliveConfig) { setKeepAlive(s.Conn, k) }

// openRaw gives the access to a socket that package net gives.
func openRaw(s engine.Socket, _ string) (*rawState, error) {
	sc, ok := s.Conn.(syscall.Conn)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil, err
	}
	return &rawState{conn: raw}, nil
}

// fileOf gives a socket a second descriptor, where package net can.
func fileOf(s engine.Socket, _ string) (*os.File, error) {
	sock := any(s.Conn)
	if s.Listener != nil {
		sock = s.Listener
	}
	if f, ok := sock.(interface{ File() (*os.File, error) }); ok {
		return f.File()
	}
	return nil, errors.ErrUnsupported
}

// optionsOf is what has the socket's options as methods: package net's connection.
func optionsOf(s engine.Socket, _ net.Addr) any { return s.Conn }
