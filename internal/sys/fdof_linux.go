package sys

import (
	"fmt"
	"net"
	"os"
	"syscall"
)

// TakeConn takes the descriptor out of a connection of package net (or anything else with File or
// SyscallConn): it returns a descriptor of the same socket that the caller owns, non-blocking, and
// closes c, so that Go's network poller no longer watches it. On failure c is as it was.
func TakeConn(c net.Conn) (int, error) {
	fd, err := DupOf(c)
	if err != nil {
		return -1, err
	}
	c.Close()
	return fd, nil
}

// TakeListener does for a listener what TakeConn does for a connection. The path of a unix listener
// stays in the file system: it is the new owner's to remove.
func TakeListener(l net.Listener) (int, error) {
	fd, err := DupOf(l)
	if err != nil {
		return -1, err
	}
	if u, ok := l.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false)
	}
	l.Close()
	return fd, nil
}

// DupOf duplicates the descriptor of a connection or listener, non-blocking, by SyscallConn and not by File, which would
// set the socket to blocking mode for everybody who shares it.
func DupOf(v any) (int, error) {
	sc, ok := v.(syscall.Conn)
	if !ok {
		return -1, fmt.Errorf("%T has no descriptor: %w", v, os.ErrInvalid)
	}
	rc, err := sc.SyscallConn()
	if err != nil {
		return -1, err
	}
	fd := -1
	var dupErr error
	if err := rc.Control(func(p uintptr) { fd, dupErr = Dup(int(p)) }); err != nil {
		return -1, err
	}
	if dupErr != nil {
		return -1, dupErr
	}
	if err := SetNonblock(fd, true); err != nil {
		CloseFD(fd)
		return -1, err
	}
	return fd, nil
}
