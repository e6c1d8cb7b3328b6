//go:build linux && !unio_nouring

package filering

import (
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/unio-go/unio/internal/fileio"
	"github.com/unio-go/unio/internal/ringfile"
	"github.com/unio-go/unio/uring"
)

// slot is the place of an operation that the kernel has, or is about to get. It keeps the operation, and so the memory that
// the kernel may write to, reachable until the terminal completion. user_data is the slot's number and its generation.
type slot struct {
	op *fileio.Op
	// gen changes with each use. Storing it after the entry was filled in, and loading it before the operation is touched
	// again, also orders the two for the race detector, which does not see what goes through the kernel.
	gen atomic.Uint32
}

// ringSide is the side of a real ring. There are as many slots as places in the completion ring, so that it cannot
// overflow.
type ringSide struct {
	ring *uring.Ring
	r    *Ring
	regs registry // of the submission side

	slots []slot
	mask  uint32

	// free is a queue of free slots. Its head belongs to the submission side, its tail to the completion side.
	free     []uint32
	freeHead atomic.Uint32
	order    []uint32 // the slots of the entries, in their order; as long as the submission ring
	filled   uint32
	vectors  [][]unix.Iovec // of entries that the kernel has not taken
	fixed    uint64         // operations on registered memory since the last enter

	_        [64]byte
	freeTail atomic.Uint32
}

func newRingSide(r *Ring, ring *uring.Ring) *ringSide {
	n := ring.CQEntries()
	s := &ringSide{
		ring: ring, r: r, slots: make([]slot, n), mask: n - 1,
		free: make([]uint32, n), order: make([]uint32, ring.SQEntries()),
	}
	for i := range s.free {
		s.free[i] = uint32(i)
	}
	s.freeTail.Store(n)
	return s
}

func (s *ringSide) room() int {
	return int(min(s.freeTail.Load()-s.freeHead.Load(), s.ring.SQSpace()))
}

func (s *ringSide) fill(op *fileio.Op) {
	head := s.freeHead.Load()
	n := s.free[head&s.mask]
	s.freeHead.Store(head + 1)
	s.order[s.filled&uint32(len(s.order)-1)] = n
	s.filled++
	e := s.ring.SQE()
	vector, fixed := prepare(e, op, &s.regs)
	if vector != nil {
		s.vectors = append(s.vectors, vector)
	}
	if fixed {
		s.fixed++
	}
	slot := &s.slots[n]
	slot.op = op
	gen := slot.gen.Load() + 1
	e.UserData = uint64(gen)<<32 | uint64(n)
	slot.gen.Store(gen)
}

// prepare fills in an entry. It gives the vector that the entry points to, if any, and says whether the memory is registered.
func prepare(e *uring.SQE, op *fileio.Op, regs *registry) (vector []unix.Iovec, fixed bool) {
	if op.Code == fileio.Nop {
		e.PrepNop()
		return nil, false
	}
	var names ringfile.Names
	names.FD, names.Registered = regs.file(op.File)
	p := op.Data[:min(len(op.Data), bytesMax)]
	if op.Code == fileio.Write && len(op.More) > 0 {
		vector = pieces(op)
		names.Vector, names.Pieces = uring.AddrOf(&vector[0]), len(vector)
	} else {
		names.Buffer, names.Fixed = regs.memory.Find(p)
	}
	ringfile.Fill(e, op, p, &names)
	return vector, names.Fixed
}

// bytesMax is MAX_RW_COUNT, the most that one call moves, read(2).
const bytesMax = 0x7ffff000

// pieces is the memory of a write, as far as one call takes it.
func pieces(op *fileio.Op) []unix.Iovec {
	vector := make([]unix.Iovec, 0, min(1+len(op.More), fileio.PiecesMax))
	vector = appendPiece(vector, op.Data)
	for _, p := range op.More[:min(len(op.More), fileio.PiecesMax-1)] {
		vector = appendPiece(vector, p)
	}
	return vector
}

func appendPiece(v []unix.Iovec, p []byte) []unix.Iovec {
	piece := unix.Iovec{}
	if len(p) > 0 {
		piece.Base = &p[0]
		piece.SetLen(len(p))
	}
	return append(v, piece)
}

func (s *ringSide) enter(quiet bool) (left int, err error) {
	if s.ring.Pending() == 0 {
		return 0, nil
	}
	if quiet {
		s.ring.SetEventfdEnabled(false)
	}
	_, err = s.ring.Poll()
	if quiet {
		s.ring.SetEventfdEnabled(true)
	}
	s.r.counters.Enters.Add(1)
	if s.fixed > 0 {
		s.r.counters.Fixed.Add(s.fixed)
		s.fixed = 0
	}
	if uring.Temporary(err) {
		err = nil
	}
	left = int(s.ring.Pending())
	if left == 0 && s.vectors != nil {
		s.vectors = nil // the kernel has copied them (FeatSubmitStable)
	}
	return left, err
}

func (s *ringSide) unfill() *fileio.Op {
	var first *fileio.Op
	for n := s.ring.Pending(); n > 0; n-- {
		slot := &s.slots[s.order[(s.filled-n)&uint32(len(s.order)-1)]]
		if slot.op != nil {
			slot.op.Next, first, slot.op = first, slot.op, nil
		}
	}
	return first
}

func (s *ringSide) reap(limit int) (found reaped) {
	ready := s.ring.CQReady()
	n := min(ready, uint32(limit))
	if n == 0 {
		return reaped{}
	}
	tail := s.freeTail.Load()
	for i := range n {
		e := s.ring.CQE(i)
		k := uint32(e.UserData)
		slot := &s.slots[k&s.mask]
		if slot.gen.Load() != uint32(e.UserData>>32) || slot.op == nil {
			continue // not ours: such a completion frees nothing
		}
		op := slot.op
		slot.op = nil
		s.free[tail&s.mask] = k
		tail++
		switch {
		case settle(op, e.Res):
			op.Next, found.done = found.done, op
		case op.Tries <= retriesMax:
			op.Next, found.again = found.again, op
		default:
			s.r.plain.add(op)
		}
	}
	s.ring.Seen(n)
	found.freed, found.more = tail != s.freeTail.Load(), ready > n
	s.freeTail.Store(tail)
	return found
}

// retriesMax is how often the ring is asked again for an operation that it has not done for a reason that passes.
// After that it is done by a system call.
const retriesMax = 3

// settle sets an operation's result. It is false for one that has to be done again.
func settle(op *fileio.Op, res int32) bool {
	if res >= 0 {
		op.N, op.Err = int(res), nil
		return true
	}
	errno := syscall.Errno(-res)
	if ringfile.Passes(errno) {
		op.Tries++
		return false
	}
	op.N, op.Err = 0, errno
	return true
}

// await sleeps for pumpSleep at most.
func (s *ringSide) await() bool {
	s.r.counters.Enters.Add(1)
	err := s.ring.PollCompletions(1, pumpSleep)
	return err == nil || err == uring.ErrInterrupted
}

func (s *ringSide) begun() uint32 { return s.freeHead.Load() }

func (s *ringSide) ended() uint32 { return s.freeTail.Load() - uint32(len(s.free)) }

func (s *ringSide) deliver(first *fileio.Op) { s.r.deliver(first) }
