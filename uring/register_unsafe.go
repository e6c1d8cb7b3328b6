//go:build linux

package uring

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// regWaitSize is sizeof(struct io_uring_reg_wait).
const regWaitSize = 64

func (r *Ring) register(name string, op uint32, arg unsafe.Pointer, n uint32) error {
	_, err := r.registerN(name, op, arg, n)
	return err
}

func (r *Ring) registerN(name string, op uint32, arg unsafe.Pointer, n uint32) (int, error) {
	if r.closed {
		return 0, ErrClosed
	}
	got, err := registerFd(r.fd, name, op|r.regFlags, arg, n)
	if err != nil && r.regFlags != 0 {
		r.blameThread(err.(*Error))
	}
	return got, err
}

// blameThread tells the cause of a failure that comes of an index that is another thread's: there the table has nothing in that
// place (EBADF), or there is no table (EINVAL).
func (r *Ring) blameThread(err *Error) {
	if (err.Errno == unix.EBADF || err.Errno == unix.EINVAL) && unix.Gettid() != r.regThread {
		err.Hint = "the ring is registered with another thread"
	}
}

func registerFd(fd int, name string, op uint32, arg unsafe.Pointer, n uint32) (int, error) {
	got, _, e := unix.Syscall6(unix.SYS_IO_URING_REGISTER,
		uintptr(fd), uintptr(op), uintptr(arg), uintptr(n), 0, 0)
	if e != 0 {
		return 0, registerError(name, e)
	}
	return int(got), nil
}

func registerError(name string, e unix.Errno) error {
	hint := ""
	switch e {
	case unix.EEXIST:
		hint = "the ring belongs to another thread, or it is there already"
	case unix.ENOMEM:
		hint = "limit of locked memory (ulimit -l)"
	case unix.EACCES:
		hint = "a restriction of the ring forbids it"
	case unix.EBUSY:
		if hint = "the ring has that already"; name == "RING_FDS" {
			hint = hintIndexes
		}
	case unix.ENXIO:
		hint = "the ring has nothing of the kind"
	case unix.EBADFD:
		if hint = "the ring is enabled already"; name == "SEND_MSG_RING" {
			hint = "its target is no ring, or a disabled one"
		}
	}
	return &Error{Op: "register " + name, Errno: e, Hint: hint}
}

// hintIndexes is the hint for one registered ring too many.
const hintIndexes = "the thread has 16 registered rings, and no room for more"

// RegisterRingFd gives the ring an index in the calling thread's table, which every enter uses from then on
// and which saves the look-up of the descriptor (5.18). The index is good in this thread only, to which the
// goroutine must be locked: an enter from any other fails with EINVAL or EBADF, or reaches the ring that has
// the same index there.
func (r *Ring) RegisterRingFd() error {
	if r.closed {
		return ErrClosed
	}
	if r.enterFlags&EnterRegisteredRing != 0 {
		return nil
	}
	up := &rsrcUpdate{offset: ^uint32(0), data: uint64(r.fd)}
	if err := r.register("RING_FDS", RegisterRingFds, unsafe.Pointer(up), 1); err != nil {
		return err
	}
	r.enterFd, r.regThread = int(up.offset), unix.Gettid()
	r.enterFlags |= EnterRegisteredRing
	return nil
}

// UnregisterRingFd undoes RegisterRingFd, in the same thread: elsewhere the index may be that of another
// ring, and the call is refused.
func (r *Ring) UnregisterRingFd() error {
	if r.closed {
		return ErrClosed
	}
	if r.enterFlags&EnterRegisteredRing == 0 || r.regFlags != 0 {
		return nil
	}
	if err := r.dropRegisteredFd(r.enterFd); err != nil {
		return err
	}
	r.enterFd = r.fd
	r.enterFlags &^= EnterRegisteredRing
	return nil
}

// dropRegisteredFd empties the ring's slot in the table of the thread that registered it.
func (r *Ring) dropRegisteredFd(slot int) error {
	if unix.Gettid() != r.regThread {
		return &Error{Op: "register UNREGISTER RING_FDS", Errno: unix.EEXIST,
			Hint: "the index belongs to another thread, and goes with it"}
	}
	up := &rsrcUpdate{offset: uint32(slot)}
	_, err := registerFd(r.fd, "UNREGISTER RING_FDS", UnregisterRingFds|r.regFlags, unsafe.Pointer(up), 1)
	return err
}

// setupRaw makes a ring without mapping it and closes it again, for flags that this package does not serve.
func setupRaw(flags uint32) error {
	kp := &ioUringParams{flags: flags}
	fd, _, e := unix.Syscall(unix.SYS_IO_URING_SETUP, 8, uintptr(unsafe.Pointer(kp)), 0)
	if e != 0 {
		return setupError(e, flags)
	}
	return unix.Close(int(fd))
}
