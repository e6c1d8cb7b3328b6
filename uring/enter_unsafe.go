//go:build linux

package uring

import (
	"fmt"
	"math"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// All enter methods share these rules. They publish what is queued and report how many entries the kernel
// took. What it did not take (after an error, or a short return) stays queued, is counted by Pending and
// goes with the next enter: an entry is never lost and never submitted twice. When entries were taken, an
// error of the wait that followed is not reported. A signal ends a wait with ErrInterrupted.

// Pending is the number of entries that are queued and not yet taken by the kernel.
func (r *Ring) Pending() uint32 { return r.sqeTail - atomic.LoadUint32(r.sqHead) }

// Unpublished is the number of entries that no enter and no Submit has shown to the kernel yet.
func (r *Ring) Unpublished() uint32 { return r.sqeTail - *r.sqTail }

// NeedsWakeup reports whether the kernel's thread of a ring made with SetupSqpoll sleeps, so that the next Submit enters
// the kernel to wake it.
func (r *Ring) NeedsWakeup() bool { return atomic.LoadUint32(r.sqFlags)&SqNeedWakeup != 0 }

// SQSpace is the number of entries that SQE can still give.
func (r *Ring) SQSpace() uint32 { return r.sqEntries - r.Pending() }

// SetEnterFlags adds flags to every enter that waits: EnterNoIowait (FeatNoIowait), EnterAbsTimer (6.12:
// the times given to SubmitAndWaitTimeout and PollWait count from the start of the ring's clock). Other
// flags are refused.
func (r *Ring) SetEnterFlags(flags uint32) error {
	if flags&^(EnterNoIowait|EnterAbsTimer) != 0 {
		return fmt.Errorf("io_uring: enter flags %#x: %w", flags, ErrArgument)
	}
	if flags&EnterNoIowait != 0 && r.features&FeatNoIowait == 0 {
		return fmt.Errorf("io_uring: EnterNoIowait: %w", ErrNotSupported)
	}
	r.waitFlags = flags
	return nil
}

// Submit hands over what is queued without waiting for completions. In a ring without SQPOLL, operations
// that can be done at once are done inside the call; it goes through the Go scheduler, which may give the P
// away meanwhile. With nothing to hand over it does not enter the kernel.
func (r *Ring) Submit() (int, error) {
	if r.closed {
		return 0, ErrClosed
	}
	n, flags, enter := r.publish()
	if !enter || n == 0 {
		return int(n), nil
	}
	return r.enter(n, 0, flags, nil, 0, false)
}

// SubmitAndWait hands over what is queued and waits for n completions, blocking the thread but not its P.
// It returns early when a signal comes, when a timeout operation fires, or, without SetupSubmitAll, when an
// entry was bad.
func (r *Ring) SubmitAndWait(n uint32) (int, error) {
	if r.closed {
		return 0, ErrClosed
	}
	sub, flags, _ := r.publish()
	return r.enter(sub, n, flags|EnterGetevents|r.waitFlags, nil, 0, false)
}

// SubmitAndWaitTimeout is SubmitAndWait with limits (FeatExtArg, 5.11): it waits for n completions until
// minWait has passed, then for one, and gives up after d with ErrTimeout, unless there is a completion or
// something was submitted. A negative d means no limit. A minWait of 0 means none; else it needs
// FeatMinTimeout (6.12).
func (r *Ring) SubmitAndWaitTimeout(n uint32, d, minWait time.Duration) (int, error) {
	return r.waitTimeout(n, d, minWait, false)
}

// Poll hands over what is queued, lets the kernel post completions, and does not wait. It keeps the P (a
// raw system call): right for a loop whose operations do not block in submission, and cheaper than Submit;
// wrong for buffered file reads, which copy inside the call.
func (r *Ring) Poll() (int, error) {
	if r.closed {
		return 0, ErrClosed
	}
	n, flags, _ := r.publish()
	return r.enter(n, 0, flags|EnterGetevents, nil, 0, true)
}

// PollWait is SubmitAndWaitTimeout as a raw system call, which keeps the P: nothing else runs on it and a
// garbage collection waits for the call's end. For waits of some microseconds only.
func (r *Ring) PollWait(n uint32, d, minWait time.Duration) (int, error) {
	return r.waitTimeout(n, d, minWait, true)
}

// PollCompletions is PollWait that publishes and hands over nothing: it waits for n completions, and gives up after d with
// ErrTimeout. A negative d means no limit. One goroutine at a time may call it, also while others use the submission side. A
// ring with SetupDeferTaskrun or SetupRegisteredFdOnly allows it to its own thread only.
func (r *Ring) PollCompletions(n uint32, d time.Duration) error {
	if r.closed {
		return ErrClosed
	}
	if r.features&FeatExtArg == 0 {
		return errNoTimeout
	}
	p := &r.poll
	if p.arg.ts = 0; d >= 0 {
		p.ts = timespec(d)
		p.arg.ts = uint64(uintptr(unsafe.Pointer(&p.ts)))
	}
	flags := EnterGetevents | EnterExtArg | r.waitFlags
	if r.flags&SetupRegisteredFdOnly != 0 {
		flags |= EnterRegisteredRing // fd is an index; else the descriptor serves all threads
	}
	_, _, e := unix.RawSyscall6(unix.SYS_IO_URING_ENTER, uintptr(r.fd), 0, uintptr(n),
		uintptr(flags), uintptr(unsafe.Pointer(&p.arg)), unsafe.Sizeof(p.arg))
	if e != 0 {
		return r.enterFailed(e, flags)
	}
	return nil
}

func (r *Ring) waitTimeout(n uint32, d, minWait time.Duration, raw bool) (int, error) {
	if r.closed {
		return 0, ErrClosed
	}
	if r.features&FeatExtArg == 0 || minWait > 0 && r.features&FeatMinTimeout == 0 {
		return 0, errNoTimeout
	}
	r.arg = geteventsArg{}
	if d >= 0 && r.waitFlags&EnterAbsTimer == 0 {
		minWait = min(minWait, d) // of the two the kernel waits for the longer one
	}
	if minWait > 0 {
		// A minimum that is too short to be told in microseconds is still one.
		r.arg.minWaitUsec = uint32(min(int64(minWait-1)/1000+1, math.MaxUint32))
	}
	if d >= 0 {
		r.ts = timespec(d)
		r.arg.ts = uint64(uintptr(unsafe.Pointer(&r.ts)))
	}
	sub, flags, _ := r.publish()
	return r.enter(sub, n, flags|EnterGetevents|EnterExtArg|r.waitFlags,
		unsafe.Pointer(&r.arg), unsafe.Sizeof(r.arg), raw)
}

// Enter is io_uring_enter with exactly the given numbers and flags, through the Go scheduler. toSubmit is
// cut to what is queued. EnterExtArg is refused: its argument belongs to SubmitAndWaitTimeout.
func (r *Ring) Enter(toSubmit, minComplete, flags uint32) (int, error) {
	if r.closed {
		return 0, ErrClosed
	}
	if flags&(EnterExtArg|EnterExtArgReg) != 0 {
		return 0, fmt.Errorf("io_uring enter: argument flags %#x: %w", flags, ErrArgument)
	}
	n, wake, _ := r.publish()
	return r.enter(min(toSubmit, n), minComplete, flags|wake, nil, 0, false)
}

// EnterRegWait waits with the arguments that stand in a registered region (6.13): offset is the place in
// bytes of a RegWait inside the region that RegisterMemRegion took with MemRegionRegWaitArg.
func (r *Ring) EnterRegWait(minComplete uint32, offset uintptr) (int, error) {
	if r.closed {
		return 0, ErrClosed
	}
	n, flags, _ := r.publish()
	flags |= EnterGetevents | EnterExtArg | EnterExtArgReg | r.waitFlags
	return r.enterOffset(n, minComplete, flags, offset, regWaitSize)
}

// publish makes queued entries visible and tells how many there are, which flags an enter needs, and
// whether the kernel needs an enter to take them: with SQPOLL only when its thread sleeps. The atomic store
// and load are the full barrier between tail and flags that SQPOLL asks for.
func (r *Ring) publish() (n, flags uint32, enter bool) {
	if r.sqeTail != *r.sqTail {
		atomic.StoreUint32(r.sqTail, r.sqeTail)
	}
	n = r.sqeTail - atomic.LoadUint32(r.sqHead)
	if r.flags&SetupSqpoll == 0 {
		return n, 0, true
	}
	if atomic.LoadUint32(r.sqFlags)&SqNeedWakeup != 0 {
		return n, EnterSqWakeup, true
	}
	return n, 0, false
}

func (r *Ring) enter(n, wait, flags uint32, arg unsafe.Pointer, size uintptr, raw bool) (int, error) {
	var got uintptr
	var e unix.Errno
	if raw {
		got, _, e = unix.RawSyscall6(unix.SYS_IO_URING_ENTER, uintptr(r.enterFd), uintptr(n), uintptr(wait),
			uintptr(flags|r.enterFlags), uintptr(arg), size)
	} else {
		got, _, e = unix.Syscall6(unix.SYS_IO_URING_ENTER, uintptr(r.enterFd), uintptr(n), uintptr(wait),
			uintptr(flags|r.enterFlags), uintptr(arg), size)
	}
	r.sqeHead = atomic.LoadUint32(r.sqHead)
	if e != 0 {
		return 0, r.enterFailed(e, r.enterFlags)
	}
	return int(got), nil
}

func (r *Ring) enterOffset(n, wait, flags uint32, offset, size uintptr) (int, error) {
	got, _, e := unix.Syscall6(unix.SYS_IO_URING_ENTER, uintptr(r.enterFd), uintptr(n), uintptr(wait),
		uintptr(flags|r.enterFlags), offset, size)
	r.sqeHead = atomic.LoadUint32(r.sqHead)
	if e != 0 {
		return 0, r.enterFailed(e, r.enterFlags)
	}
	return int(got), nil
}

// enterFailed is enterError for an enter with these flags.
func (r *Ring) enterFailed(e unix.Errno, flags uint32) error {
	err := enterError(e)
	if flags&EnterRegisteredRing != 0 && !Temporary(err) {
		r.blameThread(err.(*Error))
	}
	return err
}
