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
	batcher engine.Batcher  // nil: never wait
	last    int             // completions of the last turn
	inPlace engine.InPlacer // nil: never sleep in place
	silent  int             // turns in a row that brought nothing
	skip    int             // turns until the next attempt
	pause   int             // the last number of turns without one

	// How many different connections received something among the last windowReceives receives.
	active   int
	distinct int
	receives int
	epoch    uint32

	bytes int // received in this window
	most  int // completions that a wait may gather
}

const (
	// windowReceives is how many receives the number of active connections is taken from.
	windowReceives = 512
	// batchActiveMin is how many connections must be active for a wait to pay, and batchLastMin how many completions
	// the last turn must have had: with less the wait runs into its limit.
	batchActiveMin = 32
	batchLastMin   = 8
	// batchMax, batchBytes and batchLimit bound a wait, in completions, in what they are expected to have received, and in
	// time. What has been received is sent on when all of it has come, so more than a part of the second-level cache would
	// be read from memory again: 16 completions instead of 48 cost a proxy 2 to 5 % less for responses of 16 KiB.
	batchMax   = 48
	batchBytes = 128 << 10
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
	want := min(p.most, p.active)
	got, err := p.batcher.PollBatch(want, batchLimit)
	if 2*got >= want {
		p.pause = 0
	} else {
		p.pause = min(max(2*p.pause, batchPauseMin), batchPauseMax)
		p.skip = p.pause
	}
	return got > 0, err
}

// A loop with little to do is quickest when it asks for what is there and sleeps in one entry, in place: to tell the
// scheduler costs up to a tenth of what a message costs on a single connection. It does so for stayLimit at a time, which is
// not so short that the kernel's timers cost more, and after staySilent turns in vain it sleeps as others do: a loop that has
// nothing to do should not hold a P.
const (
	stayLimit  = 5 * time.Millisecond
	staySilent = 20
)

// mayStay reports whether the next sleep may be one in place, without a look before it.
func (p *policy) mayStay() bool {
	return p.inPlace != nil && p.last < batchLastMin && p.silent < staySilent
}

// came notes how many completions a turn has brought.
func (p *policy) came(n int) {
	if p.last = n; n > 0 {
		p.silent = 0
	} else if p.silent < staySilent {
		p.silent++
	}
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
	if op.Buf != nil {
		p.bytes += op.Buf.Len()
	}
	if p.receives++; p.receives == windowReceives {
		p.most = min(batchMax, max(batchBytes*windowReceives/max(p.bytes, 1), batchLastMin))
		p.active, p.distinct, p.receives, p.bytes = p.distinct, 0, 0, 0
		p.epoch++
	}
}
