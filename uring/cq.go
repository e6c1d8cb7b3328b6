//go:build linux

package uring

import (
	"iter"
	"sync/atomic"
)

// CQReady is the number of places that are filled in the completion ring. Completions of a ring with
// SetupDeferTaskrun appear only inside an enter with EnterGetevents.
func (r *Ring) CQReady() uint32 { return atomic.LoadUint32(r.cqTail) - r.cqNext }

// CQE is the i-th completion that is ready, 0 the oldest. i must be smaller than what CQReady said; it is
// not checked. A closed ring gives a zero one. The fastest loop is: n := CQReady(), CQE(0) to CQE(n-1), Seen(n). A ring made with
// SetupCqeMixed has completions of one or two places, for which CQEs and PeekCQE are right.
func (r *Ring) CQE(i uint32) *CQE { return r.cqe(r.cqNext + i) }

// PeekCQE is the oldest completion, or nil when there is none. It stays the oldest until Seen.
func (r *Ring) PeekCQE() *CQE {
	for r.CQReady() != 0 {
		c := r.cqe(r.cqNext)
		if c.Flags&CqeFSkip == 0 || r.flags&SetupCqeMixed == 0 {
			return c
		}
		r.Seen(1)
	}
	return nil
}

// Seen gives the n oldest places back to the kernel. Their completions may not be touched afterwards. More
// than CQReady are cut to CQReady. A completion takes Slots places.
func (r *Ring) Seen(n uint32) {
	if ready := r.CQReady(); n > ready {
		n = ready
	}
	r.cqNext += n
	// In a ring with DEFER_TASKRUN on a new kernel a plain store would do, and save 2 ns in each round.
	// Older kernels post messages from the sender's thread, for which the order of this store matters.
	atomic.StoreUint32(r.cqHead, r.cqNext)
}

// Slots is the number of places that a completion takes: 2 for a 32-byte one in a ring made with
// SetupCqeMixed, else 1.
func (r *Ring) Slots(c *CQE) uint32 {
	if r.flags&SetupCqeMixed != 0 && c.Flags&CqeF32 != 0 {
		return 2
	}
	return 1
}

// CQEs ranges over the completions that are ready when it starts, oldest first, and gives their places back
// when the loop ends, together with that of the completion at which it was left. The body may queue entries
// and enter. If it panics, all of them are still there.
func (r *Ring) CQEs() iter.Seq[*CQE] {
	return func(yield func(*CQE) bool) {
		pos, end := r.cqNext, r.cqNext+r.CQReady()
		for pos != end {
			c := r.cqe(pos)
			pos += r.Slots(c)
			if c.Flags&CqeFSkip != 0 && r.flags&SetupCqeMixed != 0 {
				continue
			}
			if !yield(c) || r.closed {
				break
			}
		}
		r.Seen(pos - r.cqNext)
	}
}

// CQOverflow reports whether completions wait in the kernel because the completion ring was full. They come
// with the next enter with EnterGetevents: FlushOverflow. Every multishot request that met the overflow has
// ended.
func (r *Ring) CQOverflow() bool { return atomic.LoadUint32(r.sqFlags)&SqCqOverflow != 0 }

// CQDropped is the number of completions that were lost for good, which happens only when the kernel has no
// memory.
func (r *Ring) CQDropped() uint32 { return atomic.LoadUint32(r.cqOverflow) }

// TaskrunPending reports whether an enter would bring completions, in a ring made with SetupTaskrunFlag.
func (r *Ring) TaskrunPending() bool { return atomic.LoadUint32(r.sqFlags)&SqTaskrun != 0 }

// FlushOverflow brings overflowed completions into the ring, as many as fit, without submitting anything.
// It does not wait.
func (r *Ring) FlushOverflow() error {
	_, err := r.Enter(0, 0, EnterGetevents)
	return err
}

// SetEventfdEnabled turns the signalling of a registered eventfd off or on (5.8). It does not enter the
// kernel.
func (r *Ring) SetEventfdEnabled(on bool) error {
	if r.closed {
		return ErrClosed
	}
	if r.cqFlags == nil {
		return &Error{Op: "eventfd toggle", Errno: errnoNotSupported}
	}
	v := atomic.LoadUint32(r.cqFlags) | CqEventfdDisabled
	if on {
		v &^= CqEventfdDisabled
	}
	atomic.StoreUint32(r.cqFlags, v)
	return nil
}
