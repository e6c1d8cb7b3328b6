package unio

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/loop"
)

// ErrStalled is what errors.Is finds when a call from outside waited for a loop that one of its tasks held longer than
// Options.StallLimit. The error's text has the stack of that task. A call that the loop had not begun with has no effect. One
// that it had begun goes on where it changes the connection: what a Send gave is sent, and Close and CloseWrite end it.
var ErrStalled = loop.ErrStalled

// ErrCoroutine is what errors.Is finds when a call would have to wait in a coroutine that the handler made itself, where
// waiting would stop the loop for good.
var ErrCoroutine = loop.ErrCoroutine

// opError dresses an error as package net does: io.EOF stays bare, all else becomes a *net.OpError around the cause, with
// an *os.SyscallError where it came from the kernel.
func (c *Conn) opError(op string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	e := &net.OpError{Op: op, Net: "tcp", Err: sysError(op, err)}
	a := c.addrs.Load()
	if a == nil && !errors.Is(err, ErrStalled) {
		a = c.knownAddrs() // asks the loop, but not one that has just been found held
	}
	if a != nil && a.local != nil {
		e.Net, e.Source, e.Addr = a.local.Network(), a.local, a.remote
	}
	return e
}

// localError is opError for what concerns only the own end: there package net names that as the address.
func (c *Conn) localError(op string, err error) error {
	err = c.opError(op, err)
	if e, ok := err.(*net.OpError); ok && e.Source != nil {
		e.Addr, e.Source = e.Source, nil
	}
	return err
}

// sysError names the system call of a bare errno.
func sysError(call string, err error) error {
	if errno, ok := err.(syscall.Errno); ok {
		return os.NewSyscallError(call, errno)
	}
	if err == engine.ErrCanceled {
		return net.ErrClosed
	}
	return err
}
