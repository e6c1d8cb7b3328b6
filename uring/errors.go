//go:build linux

package uring

import (
	"errors"
	"io/fs"

	"golang.org/x/sys/unix"
)

// Error is a system call that failed.
type Error struct {
	Op    string     // setup, mmap, enter, register NAME
	Errno unix.Errno // never 0
	Hint  string     // what would cure it, where that is known

	flags uint32 // of a setup
}

// Error names the operation, the cause and the cure.
func (e *Error) Error() string {
	s := "io_uring " + e.Op + ": " + e.Errno.Error()
	if e.Hint != "" {
		s += ": " + e.Hint
	}
	return s
}

// Unwrap gives the errno, for errors.Is.
func (e *Error) Unwrap() error { return e.Errno }

// Is lets errors.Is(err, ErrNotSupported) see the ways in which a kernel says that it does not know
// something.
func (e *Error) Is(target error) bool {
	if target != ErrNotSupported {
		return false
	}
	return e.Errno == unix.ENOSYS || e.Errno == unix.EOPNOTSUPP
}

// What the enter methods return in normal life, made once so that they can be compared and cost nothing.
// Entries that the kernel has not taken stay queued after each of them.
var (
	// ErrInterrupted: a signal ended the wait. In Go that happens all the time (preemption is a signal).
	ErrInterrupted error = &Error{Op: "enter", Errno: unix.EINTR}
	// ErrAgain: the kernel had no memory for a request. Enter again later.
	ErrAgain error = &Error{Op: "enter", Errno: unix.EAGAIN}
	// ErrBusy: completions have overflowed (older kernels). Take completions, then enter again.
	ErrBusy error = &Error{Op: "enter", Errno: unix.EBUSY}
	// ErrTimeout: the wait's time has passed and there is no completion.
	ErrTimeout error = &Error{Op: "enter", Errno: unix.ETIME}
)

var (
	// ErrClosed: the ring has been closed. It is also fs.ErrClosed.
	ErrClosed error = closedError{}
	// ErrNotSupported: this kernel does not have it.
	ErrNotSupported = errors.New("not supported by this kernel")
	// ErrArgument: a call that can never be right, refused before the kernel sees it.
	ErrArgument = errors.New("bad argument")
)

const errnoNotSupported = unix.EOPNOTSUPP

// errNoTimeout: the kernel is older than FeatExtArg (5.11) or FeatMinTimeout (6.12).
var errNoTimeout error = &Error{Op: "enter with a time", Errno: errnoNotSupported}

type closedError struct{}

func (closedError) Error() string { return "io_uring: ring already closed" }

func (closedError) Is(target error) bool { return target == fs.ErrClosed }

// Temporary reports whether err of an enter method only means to go on: take completions, then enter again.
func Temporary(err error) bool {
	return err == ErrInterrupted || err == ErrAgain || err == ErrBusy || err == ErrTimeout
}

func errnoErr(e int32) error { return unix.Errno(e) }

// enterError turns an errno of enter into an error without allocating for those that are part of normal life.
func enterError(e unix.Errno) error {
	switch e {
	case unix.EINTR:
		return ErrInterrupted
	case unix.EAGAIN:
		return ErrAgain
	case unix.EBUSY:
		return ErrBusy
	case unix.ETIME:
		return ErrTimeout
	case unix.EEXIST:
		return &Error{Op: "enter", Errno: e, Hint: "the ring belongs to another thread"}
	case unix.EBADFD:
		return &Error{Op: "enter", Errno: e, Hint: "the ring is disabled: call Enable"}
	case unix.EBADR:
		return &Error{Op: "enter", Errno: e, Hint: "the kernel has dropped a completion for lack of memory"}
	case unix.EOWNERDEAD:
		return &Error{Op: "enter", Errno: e, Hint: "the kernel's submission thread has ended"}
	}
	return &Error{Op: "enter", Errno: e}
}
