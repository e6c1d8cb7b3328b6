//go:build linux

package uring

import (
	"fmt"
	"math/bits"

	"golang.org/x/sys/unix"
)

// Params says what ring is wanted and, after New, what it became.
type Params struct {
	// In.
	Flags        uint32 // Setup constants
	CQEntries    uint32 // with SetupCqsize: at least the number of submission entries; 0 without
	SQThreadCPU  uint32 // with SetupSqAff
	SQThreadIdle uint32 // with SetupSqpoll: milliseconds until the kernel's thread sleeps; 0: 1 s
	WQFd         uint32 // with SetupAttachWq: the ring whose submission thread is shared

	// Out. CQEntries is replaced too.
	SQEntries uint32 // a power of two
	Features  uint32 // Feat constants
}

// EntriesMax is the largest submission ring that the kernel makes; the completion ring may have twice as
// many.
const EntriesMax = 32768

// New makes a ring with room for entries submissions, rounded up to a power of two, with exactly the flags
// of p. A nil p means none. The kernel's refusals come back as *Error: EINVAL for a flag that it does not
// know, EPERM, ENOSYS and ENOMEM for what Diagnose explains.
//
// SetupSqRewind is refused: the ring's head and tail, by which this package knows what is pending, do not
// move with it.
func New(entries uint32, p *Params) (*Ring, error) {
	if p == nil {
		p = &Params{}
	}
	if err := checkParams(entries, p); err != nil {
		return nil, err
	}
	return newRing(entries, p)
}

func checkParams(entries uint32, p *Params) error {
	switch {
	case entries == 0:
		return fmt.Errorf("io_uring setup: 0 entries: %w", ErrArgument)
	case entries > EntriesMax && p.Flags&SetupClamp == 0:
		return fmt.Errorf("io_uring setup: %d entries, more than %d: %w", entries, EntriesMax, ErrArgument)
	case p.Flags&SetupSqRewind != 0:
		return fmt.Errorf("io_uring setup: SetupSqRewind: %w", ErrArgument)
	case p.Flags&SetupCqsize != 0 && p.CQEntries < entries && p.Flags&SetupClamp == 0:
		return fmt.Errorf("io_uring setup: %d completion entries for %d submission entries: %w",
			p.CQEntries, entries, ErrArgument)
	case p.Flags&SetupCqsize == 0 && p.CQEntries != 0:
		return fmt.Errorf("io_uring setup: CQEntries without SetupCqsize: %w", ErrArgument)
	}
	return nil
}

// flagRules are the setup flags that need others or do not go with them. The kernel answers EINVAL then, as for a flag that it does
// not know.
var flagRules = []struct {
	flag, needs, without uint32 // needs any of them, if not 0
	text                 string
}{
	{SetupDeferTaskrun, SetupSingleIssuer, SetupSqpoll, "SetupDeferTaskrun needs SetupSingleIssuer, and does not go with SetupSqpoll"},
	{SetupCoopTaskrun, 0, SetupSqpoll, "SetupCoopTaskrun does not go with SetupSqpoll"},
	{SetupTaskrunFlag, SetupCoopTaskrun | SetupDeferTaskrun, SetupSqpoll,
		"SetupTaskrunFlag needs SetupCoopTaskrun or SetupDeferTaskrun, and does not go with SetupSqpoll"},
	{SetupSqAff, SetupSqpoll, 0, "SetupSqAff needs SetupSqpoll"},
	{SetupHybridIopoll, SetupIopoll, 0, "SetupHybridIopoll needs SetupIopoll"},
	{SetupRegisteredFdOnly, SetupNoMmap, 0, "SetupRegisteredFdOnly needs SetupNoMmap"},
	{SetupCqeMixed, 0, SetupCqe32, "SetupCqeMixed does not go with SetupCqe32"},
	{SetupSqeMixed, 0, SetupSqe128, "SetupSqeMixed does not go with SetupSqe128"},
}

// brokenRule is the rule that flags do not keep, or empty.
func brokenRule(flags uint32) string {
	for _, r := range flagRules {
		if flags&r.flag != 0 && (r.needs != 0 && flags&r.needs == 0 || flags&r.without != 0) {
			return r.text
		}
	}
	return ""
}

// FD is the ring's descriptor, or -1 for a closed ring and one made with SetupRegisteredFdOnly.
func (r *Ring) FD() int {
	if r.closed || r.flags&SetupRegisteredFdOnly != 0 {
		return -1
	}
	return r.fd
}

// Flags are the flags that the ring was made with.
func (r *Ring) Flags() uint32 { return r.flags }

// Features are what the kernel promises: Feat constants.
func (r *Ring) Features() uint32 { return r.features }

// SQEntries is the size of the submission ring.
func (r *Ring) SQEntries() uint32 { return r.sqEntries }

// CQEntries is the size of the completion ring.
func (r *Ring) CQEntries() uint32 { return r.cqMask + 1 }

// Enable starts a ring that was made with SetupRDisabled and makes the calling thread its owner.
func (r *Ring) Enable() error {
	return r.register("ENABLE_RINGS", RegisterEnableRings, nil, 0)
}

// Close unmaps the rings and closes the descriptor. It may be called more than once. What is still pending
// is cancelled by the kernel in the background, after Close has returned: memory that requests name stays
// in use, ports stay bound and files stay open for some milliseconds more, and the ring counts against
// RLIMIT_MEMLOCK as long. Where that matters, cancel and take every terminal completion first. Entries and
// completions of the ring may not be touched any more, and a group of provided buffers keeps its memory:
// see BufRing.Free.
//
// A registered index (RegisterRingFd, SetupRegisteredFdOnly) keeps the ring alive. Close gives it back when
// it is called in the thread that has it; else the ring ends with that thread.
func (r *Ring) Close() error {
	if r.closed {
		return nil
	}
	r.closed = true
	err := r.unmap()
	if r.flags&SetupRegisteredFdOnly != 0 {
		return firstError(err, r.dropRegisteredFd(r.fd))
	}
	if r.enterFlags&EnterRegisteredRing != 0 && unix.Gettid() == r.regThread {
		err = firstError(err, r.dropRegisteredFd(r.enterFd))
	}
	if cerr := unix.Close(r.fd); cerr != nil && err == nil {
		err = &Error{Op: "close", Errno: cerr.(unix.Errno)}
	}
	return err
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func roundUpPow2(n uint32) uint32 {
	if n <= 1 {
		return 1
	}
	return 1 << bits.Len32(n-1)
}
