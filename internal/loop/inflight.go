package loop

import (
	"math"
	"sync/atomic"
	"time"

	"github.com/unio-go/unio/internal/engine"
)

// sinceShift is the unit of engine.Op.Since: 2^20 ns of loop time, about a millisecond. It is counted modulo 2^32, which
// is 52 days.
const sinceShift = 20

// sinceAhead is how far, in that unit, a Since may be ahead of the clock of whoever looks: in the loop's first moment it is, by one.
const sinceAhead = 1 << 10

// Submit hands an operation to the engine, and notes since when it is there, for those who look at the loop from outside.
func (l *Loop) Submit(op *engine.Op) (done bool) {
	if l.eng.Submit(op) {
		return true
	}
	setSince(&op.Since, max(uint32(l.now>>sinceShift), 1))
	return false
}

// completed tells whom it concerns that an operation has come back.
func (l *Loop) completed(op *engine.Op) {
	setSince(&op.Since, 0)
	op.To.Complete(op)
}

// Age is how long an operation has been with the loop's engine, to about a millisecond; anybody may call it. False: it is
// not there.
func (l *Loop) Age(op *engine.Op) (time.Duration, bool) {
	since := atomic.LoadUint32(&op.Since)
	if since == 0 {
		return 0, false
	}
	age := uint32(l.clock()>>sinceShift) - since
	if age > math.MaxUint32-sinceAhead {
		age = 0
	}
	return time.Duration(age) << sinceShift, true
}

// Elapsed is the time since a loop time; anybody may call it.
func (l *Loop) Elapsed(since int64) time.Duration { return time.Duration(max(l.clock()-since, 0)) }

// Inspect calls f for each resource of the loop; anybody may call it. None of them is removed meanwhile: what belongs to one may
// be used again as soon as Remove has returned. The loop waits where it adds or removes one, so f is short.
func (l *Loop) Inspect(f func(Resource)) {
	l.resources.mu.Lock()
	defer l.resources.mu.Unlock()
	l.resources.each(f)
}
