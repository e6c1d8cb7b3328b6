//go:build linux && !unio_nouring

package filering

import (
	"time"

	"github.com/unio-go/unio/internal/fileio"
)

// The pump is a goroutine that performs operations while others compute on all Ps (busy). A caller that parks then and
// is woken waits for the end of a time slice, and the reaper, before it can wake anybody, for that of another. The pump does many
// reads in one slice: it hands over what is on the inbox in one enter, sleeps in the kernel without giving up its P, and wakes one
// caller at a time, who calls it back. The Go scheduler runs the goroutine that was woken last as soon as the P is free, in what is
// left of the slice. So the pump and the callers take turns until the slice ends, and get no more of the Ps than one goroutine that
// computes.

const (
	// pumpSleep bounds how long a P is kept for a disk that does not answer. A stop-the-world ends the sleep by the runtime's
	// own signal.
	pumpSleep = time.Millisecond
	// pumpPatience is after how many sleeps in vain the rest is left to the reaper.
	pumpPatience = 2
)

// entrust has the pump perform an operation in stateWaiting, and returns when it has completed.
func (f *flow) entrust(op *fileio.Op) {
	f.leave(op, op)
	if f.wait(op, stateCalls) {
		f.want()
	}
}

// leave has the pump begin operations that are linked from newest to oldest.
func (f *flow) leave(newest, oldest *fileio.Op) {
	f.push(newest, oldest)
	f.want()
}

// want calls the pump. A call stays until it is taken.
func (f *flow) want() {
	f.at(pointWant, nil)
	select {
	case f.wanted <- struct{}{}:
	default:
	}
}

// pump goes on until nothing is in flight, the disk is slow, or a P is free.
func (f *flow) pump() {
	for late := 0; ; {
		if late == 0 {
			f.at(pointTurn, nil)
		}
		left := f.submit(true)
		done, again, further := f.collect(f.reaps)
		f.handOut(done)
		again = again || further || left == more
		switch {
		case left >= stuck || again && !f.held():
			f.kick()
			return
		case again || done != nil:
			late = 0
		case f.side.begun() == f.side.ended():
			return
		case !f.held() || late == pumpPatience:
			f.watch()
			return
		case !f.side.await():
			late++
		}
	}
}

// handOut tells those who wait for operations, one after the other.
func (f *flow) handOut(op *fileio.Op) {
	for op != nil {
		next := op.Next // whoever waits may begin op anew
		op.Next = nil
		f.at(pointHand, op)
		select {
		case <-f.wanted: // whoever it was: the inbox is looked at behind this
		default:
		}
		told := pointDeliver
		if op.State.Load() == stateCalls {
			told = pointDeliverCall
		}
		f.at(told, op)
		f.side.deliver(op)
		if told == pointDeliverCall {
			f.at(pointCalled, nil)
			<-f.wanted
		}
		op = next
	}
}

// pumping is the goroutine.
func (s *shard) pumping() {
	defer s.ended.Done()
	for {
		select {
		case <-s.wanted:
			s.pump()
		case <-s.quit:
			return
		}
	}
}
