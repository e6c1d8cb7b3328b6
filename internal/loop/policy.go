package loop

import (
	"time"

	"github.com/unio-go/unio/internal/engine"
)

// policy decides how a turn waits. A loop asks the engine for what is there without sleeping (Poll) and sleeps only when
// there was nothing: an entry that cannot sleep needs none of the scheduler's bookkeeping for blocking calls, which
// costs an eighth of a saturated loop's time.
//
// A loop that many connections keep busy has short turns: each finds the two or three messages that came during the
// last. Where the engine can batch, such a loop waits in the entry that it makes anyway until a part of the active
// connections has answered. That pays only while the loop is saturated: then the answers come while the kernel still
// works on what was submitted, and nobody waits in truth. A wait that has brought less than half of what it was for has
// delayed the rest for nothing, so it is not repeated for a while that doubles each time.
type policy struct {
	batcher engine.Batcher // nil: never wait
	last    int            // completions of the last turn
	skip    int            // turns until the next attempt
	pause   int            // the last number of turns without one

	// How many different connections received something among the last windowReceives receives.
	active   int
	distinct int
	receives int
	epoch    uint32
}

const (
	// windowReceives is how many receives the number of active connections is taken from.
	windowReceives = 512
	// batchActiveMin is how many connections must be active for a wait to pay, and batchLastMin how many completions
	// the last turn must have had: with less the wait runs into its limit.
	batchActiveMin = 32
	batchLastMin   = 8
	// batchMax and batchLimit bound a wait, in completions and in time.
	batchMax   = 48
	batchLimit = 60 * time.Microsecond
	// batchPauseMin and batchPauseMax bound the turns without a wait after one in vain: at the upper end a loop that
	// is not saturated waits in vain once in several thousand turns, which no percentile of interest shows.
	batchPauseMin = 64
	batchPauseMax = 8192
)

// poll is the engine's Poll, or its PollBatch.
func (p *policy) poll(l *Loop) (ready bool, err error) {
	if p.batcher == nil || p.active < batchActiveMin || p.last < batchLastMin {
		return l.eng.Poll()
	}
	if p.skip > 0 {
		p.skip--
		return l.eng.Poll()
	}
	engine.Bump(&l.Counters.BatchWaits, 1)
	want := min(batchMax, p.active)
	got, err := p.batcher.PollBatch(want, batchLimit)
	if 2*got >= want {
		p.pause = 0
	} else {
		p.pause = min(max(2*p.pause, batchPauseMin), batchPauseMax)
		p.skip = p.pause
	}
	return got > 0, err
}

// saw counts a completion.
func (p *policy) saw(op *engine.Op) {
	if op.Code != engine.Recv {
		return
	}
	if op.Mark != p.epoch {
		op.Mark = p.epoch
		p.distinct++
	}
	if p.receives++; p.receives == windowReceives {
		p.active, p.distinct, p.receives = p.distinct, 0, 0
		p.epoch++
	}
}
