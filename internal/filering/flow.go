//go:build linux && !unio_nouring

package filering

import (
	"sync/atomic"

	"github.com/unio-go/unio/internal/fileio"
)

// flow brings operations to a ring and their completions back. It does not know the kernel: that is behind the interface
// side, so that a test can play every order in which things can happen.
//
// The rules that keep a wake-up from being lost:
//
//   - An operation is on the inbox before its caller asks for the submission lock. Who does not get the lock leaves a mark
//     in it, and the holder, which finds the mark when it gives the lock up, looks at the inbox again or kicks the helper.
//   - The completion lock is the same: who holds it looks at the completions again when somebody has asked meanwhile.
//     Whoever has learnt that there may be completions asks: who entered the ring, because completions of that time signal
//     nothing, and the reaper, because of a signal.
//   - Who stops with something left kicks the helper, after it has given the lock up. A kick stays until it is taken.
//   - Who leaves operations in the backlog for lack of slots says so (starved) and looks at the slots once more; who has
//     freed slots looks at starved.
//   - Who waits changes its operation's state from stateWaiting to stateParked; who has found the completion swaps in
//     stateDone, and wakes whom it finds parked.
//   - While Ps are held (held), callers do not ask for the submission lock: they call the pump, after they have pushed. Whom
//     the pump has woken calls it, and it waits for that.
//   - Who has entered the ring and leaves operations in flight looks whether the reaper watches, and calls it if not; the
//     reaper says that it rests and then looks once more whether anything is in flight (watch, rest).
type flow struct {
	side side

	inbox atomic.Pointer[fileio.Op] // newest first

	_          [64]byte
	submitting look
	oldest     *fileio.Op // the backlog: taken from the inbox and not yet handed over; guarded by submitting
	newest     *fileio.Op

	_       [64]byte
	reaping look
	starved atomic.Bool

	_      [64]byte
	kicked chan struct{}
	failed atomic.Pointer[error] // why the ring can take nothing more

	held   func() bool // whether goroutines compute on all Ps
	wanted chan struct{}

	watching atomic.Bool   // the reaper waits for signals, or is about to
	called   chan struct{} // a call for the reaper, by whoever has set watching
	seen     uint32        // what had begun when the reaper looked last; its own

	bounds
	step func(point, *fileio.Op) // for tests: called before each step that others can see
}

// bounds is how much one caller does for others.
type bounds struct {
	enters int // entries of one enter
	reaps  int // completions that are found before those who wait for them are told
	turns  int // enters of one call, before the helper takes over
}

// bound is the best of those measured: 16 to 32 entries gave the least CPU per read with 512 reads in flight, and no more of them
// keep short the time for which the kernel locks the ring, where completions wait for the same lock. Without a bound on the turns
// a caller was held up for as long as others submitted: up to 640 ms.
var bound = bounds{enters: 32, reaps: 64, turns: 2}

// side is what a flow needs of a ring. The methods of the submission side are called under one lock, those of the
// completion side under another.
type side interface {
	// room is how many operations can be filled in. It grows when completions are reaped.
	room() int
	// fill adds an operation.
	fill(*fileio.Op)
	// enter hands over what was filled in and returns without waiting; left is what the kernel did not take, which goes
	// with the next enter. When quiet, completions that come meanwhile signal nothing. After an error that is not nil
	// nothing will be taken any more.
	enter(quiet bool) (left int, err error)
	// unfill gives back what was filled in and never taken, linked by Next, when enter has failed for good.
	unfill() *fileio.Op

	// reap looks at completions.
	reap(limit int) reaped
	// await sleeps until there are some, without giving up the P. It is false when there are none after a while. The pump calls
	// it, without a lock.
	await() bool

	// begun counts the operations that were filled in, ended those whose completion was reaped. Both go round, and may be
	// asked for without a lock.
	begun() uint32
	ended() uint32

	// deliver tells whoever waits for the operations, linked by Next. No lock is held.
	deliver(*fileio.Op)
}

// reaped is what became of completions.
type reaped struct {
	done  *fileio.Op // completed operations, their results set, linked by Next
	again *fileio.Op // those that have to be submitted again
	freed bool       // slots are free that were not
	more  bool       // there are further completions
}

// State words of an operation.
const (
	stateStarted = iota // by Start: Done is called
	stateWaiting        // its caller has not parked
	stateParked
	stateCalls // parked, and calls the pump when it is woken
	stateDone
)

// look is a lock that nobody waits for: who cannot have it leaves a mark, and the holder looks again.
type look struct{ word atomic.Uint32 }

const (
	lookFree = iota
	lookHeld
	lookAgain
)

// try takes the lock, or leaves the mark.
func (l *look) try(f *flow) bool {
	for {
		f.at(pointTry, nil)
		if l.word.CompareAndSwap(lookFree, lookHeld) {
			return true
		}
		f.at(pointMark, nil)
		if l.word.Load() == lookAgain || l.word.CompareAndSwap(lookHeld, lookAgain) {
			return false
		}
	}
}

// drop gives the lock up. Where it was marked the caller looks again, or has somebody do it.
func (l *look) drop(f *flow) (marked bool) {
	f.at(pointLeave, nil)
	return l.word.Swap(lookFree) == lookAgain
}

// point names a step, for tests.
type point uint8

const (
	pointPush point = iota
	pointTry
	pointMark
	pointLeave
	pointTake
	pointRoom
	pointStarve
	pointRoomAgain
	pointFed
	pointEnter
	pointReap
	pointStarved
	pointAgain
	pointKick
	pointDeliver
	pointPark
	pointSleep
	pointWake
	pointPause
	pointWatch
	pointFlying
	pointCall
	pointRest
	pointRested
	pointResume
	pointWant
	pointHand
	pointDeliverCall
	pointCalled

	// No steps: where something begins, and how it has ended.
	pointTurn
	pointSubmit
	pointReapAll
	pointReaped
	pointReapedAgain
	pointSubmitted // and the outcome
)

func (f *flow) at(p point, op *fileio.Op) {
	if f.step != nil {
		f.step(p, op)
	}
}

// push puts operations on the inbox that are linked from newest to oldest.
func (f *flow) push(newest, oldest *fileio.Op) {
	for {
		f.at(pointPush, newest)
		old := f.inbox.Load()
		oldest.Next = old
		if f.inbox.CompareAndSwap(old, newest) {
			return
		}
	}
}

// outcome is what is left after submitting.
type outcome uint8

const (
	nothing outcome = iota
	taken           // somebody else submits
	more            // there is something that can be submitted
	stuck           // the kernel lacks memory for requests
	dead            // the ring has failed
)

// submit hands over what is on the inbox, in one enter.
func (f *flow) submit(quiet bool) (left outcome) {
	f.at(pointSubmit, nil)
	left = taken
	if f.submitting.try(f) {
		left = f.round(quiet)
		if f.submitting.drop(f) && left == nothing {
			left = more
		}
	}
	f.at(pointSubmitted+point(left), nil)
	return left
}

// round is one enter; the submission lock is held.
func (f *flow) round(quiet bool) outcome {
	if f.failed.Load() != nil {
		return dead
	}
	f.take()
	n := 0
	for f.oldest != nil && n < f.enters && f.roomy() {
		op := f.oldest
		if f.oldest, op.Next = op.Next, nil; f.oldest == nil {
			f.newest = nil
		}
		f.side.fill(op)
		n++
	}
	f.at(pointEnter, nil)
	left, err := f.side.enter(quiet)
	switch {
	case err != nil:
		f.fail(err)
		return dead
	case left > 0:
		return stuck
	case f.oldest != nil && n == f.enters:
		return more
	}
	return nothing // or starved
}

func (f *flow) fail(err error) { f.failed.Store(&err) }

// take moves the inbox to the end of the backlog, oldest first.
func (f *flow) take() {
	f.at(pointTake, nil)
	if f.inbox.Load() == nil {
		return
	}
	op := f.inbox.Swap(nil)
	last := op
	var first *fileio.Op
	for op != nil {
		op.Next, first, op = first, op, op.Next
	}
	if f.oldest == nil {
		f.oldest = first
	} else {
		f.newest.Next = first
	}
	f.newest = last
}

// roomy reports whether an operation can be filled in. If not, whoever frees slots will look at starved.
func (f *flow) roomy() bool {
	f.at(pointRoom, nil)
	if f.side.room() > 0 {
		return true
	}
	f.at(pointStarve, nil)
	f.starved.Store(true)
	f.at(pointRoomAgain, nil)
	if f.side.room() == 0 {
		return false
	}
	f.at(pointFed, nil)
	f.starved.Store(false)
	return true
}

// reap finds completions and tells those who wait for them; at most limit of them, so that whoever finds them can attend to
// its own. again says that there is something left to do, by a turn.
func (f *flow) reap(limit int) (again bool) {
	f.at(pointReapAll, nil)
	if again = f.reapAll(limit); again {
		f.at(pointReapedAgain, nil)
	} else {
		f.at(pointReaped, nil)
	}
	return again
}

func (f *flow) reapAll(limit int) (again bool) {
	for limit > 0 {
		done, rest, further := f.collect(min(limit, f.reaps))
		again = again || rest
		if done != nil {
			f.at(pointDeliver, done)
			f.side.deliver(done)
		}
		if !further {
			return again
		}
		limit -= f.reaps
	}
	return true
}

// collect takes completions from the ring, at most limit of them. done is for the caller to tell those who wait, again says
// that there is something to submit, further that there are more completions.
func (f *flow) collect(limit int) (done *fileio.Op, again, further bool) {
	if !f.reaping.try(f) {
		return nil, false, false
	}
	f.at(pointReap, nil)
	found := f.side.reap(limit)
	if f.reaping.drop(f) {
		found.more = true
	}
	if found.again != nil {
		f.pushChain(found.again)
		again = true
	}
	if found.freed && f.unstarve() {
		again = true // with a try of the submission lock, which sets starved anew if need be
	}
	return found.done, again, found.more
}

// unstarve reports whether operations have waited for the slots that are free now.
func (f *flow) unstarve() bool {
	f.at(pointStarved, nil)
	if !f.starved.Load() {
		return false
	}
	f.at(pointAgain, nil)
	f.starved.Store(false)
	return true
}

// pushChain pushes operations that are linked from oldest to newest; their order does not matter.
func (f *flow) pushChain(first *fileio.Op) {
	last := first
	for last.Next != nil {
		last = last.Next
	}
	f.push(first, last)
}

// perform pushes operations that are linked from newest to oldest, and has them begun.
func (f *flow) perform(newest, oldest *fileio.Op) {
	f.push(newest, oldest)
	left := f.submit(true)
	if left == taken {
		return // who submits looks at what completes
	}
	again := f.reap(f.reaps)
	for n := 1; left >= more || again; n++ {
		if left >= stuck || n == f.turns {
			f.kick()
			return
		}
		left = f.submit(true)
		again = f.reap(f.reaps) // also when taken: it may be ours to look at completions
	}
	f.watch()
}

// start is perform for a caller that must not be held up: it enters once at most, and tells nobody anything.
func (f *flow) start(newest, oldest *fileio.Op) {
	f.push(newest, oldest)
	if left := f.submit(false); left >= more {
		f.kick()
		return
	}
	f.watch()
}

// kick has the helper take a turn.
func (f *flow) kick() {
	f.at(pointKick, nil)
	select {
	case f.kicked <- struct{}{}:
	default: // it will look after all that was done before it takes the kick
	}
}

// wait returns when an operation in stateWaiting has completed, and says whether it parked for that, as stateParked or
// stateCalls.
func (f *flow) wait(op *fileio.Op, as uint32) (parked bool) {
	f.at(pointPark, op)
	if op.State.Load() == stateDone {
		return false
	}
	if op.Wake == nil {
		op.Wake = make(chan struct{}, 1)
	}
	f.at(pointSleep, op)
	if !op.State.CompareAndSwap(stateWaiting, as) {
		return false
	}
	f.at(pointWake, op)
	<-op.Wake
	return true
}

// help is the helper's part after a kick: it goes on until nothing is left that can be done. pause is called when the
// kernel lacks memory, which comes back.
func (f *flow) help(pause func(n int)) {
	for n := 0; ; n++ {
		f.at(pointTurn, nil)
		left := f.submit(true)
		again := f.reap(f.reaps)
		f.watch()
		switch {
		case left == stuck:
			f.at(pointPause, nil)
			pause(n)
			continue
		case left == dead:
			f.abort()
		}
		if left != more && !again {
			return
		}
		n = 0
	}
}

// abort gives the failure to all that the kernel has not taken.
func (f *flow) abort() {
	if !f.submitting.try(f) {
		return // who holds it kicks
	}
	f.take()
	queued := f.oldest
	f.oldest, f.newest = nil, nil
	filled := f.side.unfill()
	if f.submitting.drop(f) {
		f.kick()
	}
	err := *f.failed.Load()
	for _, chain := range [...]*fileio.Op{filled, queued} {
		for op := chain; op != nil; op = op.Next {
			op.N, op.Err = 0, err
		}
		if chain != nil {
			f.at(pointDeliver, chain)
			f.side.deliver(chain)
		}
	}
}
