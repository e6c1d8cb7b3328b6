//go:build linux && !unio_nouring

package uringengine

import (
	"time"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/uring"
)

const (
	setupBoth = uring.SetupSubmitAll | uring.SetupCqsize | uring.SetupClamp | uring.SetupNoSqarray
	// A locked loop's ring belongs to its thread, and completions appear only when that enters the kernel: no
	// interrupts, no atomics.
	setupLocked = uring.SetupSingleIssuer | uring.SetupDeferTaskrun
	// A goroutine's ring may be entered by any thread, and completions appear at the next entry of the one that
	// submitted, whatever for.
	setupShared = uring.SetupCoopTaskrun | uring.SetupTaskrunFlag

	// featuresNeeded lack in no kernel that has setupLocked. Sockets would need worker threads without FastPoll, and
	// completions could be lost without Nodrop.
	featuresNeeded = uring.FeatNodrop | uring.FeatSubmitStable | uring.FeatFastPoll | uring.FeatExtArg |
		uring.FeatCqeSkip
)

// sqe is the next entry. When the queue is full its entries go to the kernel first.
func (e *Engine) sqe() *uring.SQE {
	if e.lone != nil {
		e.queueLone()
	}
	if s := e.ring.SQE(); s != nil {
		return s
	}
	return e.sqeFull()
}

// sqeFull makes room. The kernel takes entries unless it lacks memory for requests, and that comes back; an engine that
// has failed takes none any more, and gets an entry that nobody reads.
func (e *Engine) sqeFull() *uring.SQE {
	for pause := time.Microsecond; ; pause = min(2*pause, time.Millisecond) {
		e.enterNow()
		if s := e.ring.SQE(); s != nil {
			return s
		}
		if e.err != nil {
			return &e.deadEntry
		}
		time.Sleep(pause)
	}
}

// enterNow gives the kernel what is queued and has it post completions, without sleeping. The call is raw: it does not
// sleep, and the scheduler's bookkeeping for calls that may would cost an eighth of a busy loop's time. Where it may copy or
// wait for a device, it is not raw: others need the P meanwhile.
func (e *Engine) enterNow() {
	e.seen()
	e.stats.enters++
	var err error
	if e.files.copies {
		_, err = e.ring.SubmitAndWait(0) // as Poll, but by way of the scheduler
	} else {
		_, err = e.ring.Poll()
	}
	e.entered(err)
	e.elsewhere = e.netpoll != nil && e.ring.TaskrunPending()
}

// entered judges the outcome of an enter. What the kernel did not take stays queued and goes with the next one, so
// nothing is to be done about a signal, a timeout or a lack of memory.
func (e *Engine) entered(err error) {
	if err != nil && !uring.Temporary(err) {
		e.err = err
	}
	e.copying, e.fed = 0, 0
	if e.files.queued > 0 && e.ring.Pending() == 0 {
		e.files.queued, e.files.copies = 0, false
	}
}

// seen gives the places of dispatched completions back to the kernel.
func (e *Engine) seen() {
	if e.cqAt > 0 {
		e.ring.Seen(e.cqAt)
		e.cqEnd -= e.cqAt
		e.cqAt = 0
	}
}

// ready reports whether Next has something to look at.
func (e *Engine) ready() bool {
	if !e.done.Empty() || e.cqAt < e.cqEnd {
		return true
	}
	e.seen()
	e.cqEnd = e.ring.CQReady()
	return e.cqEnd > 0
}

// prepare offers blocks and arms receives that waited for them, and looks after resets, so that it goes with the next
// enter. Where others wait for blocks it gives them back; asleep says that the loop is about to sleep.
func (e *Engine) prepare(asleep bool) {
	e.lookAtSuspects()
	b := e.blocks
	if b.offered > 0 || b.gone {
		e.share(asleep)
	}
	if b.due(len(e.starved) > 0) {
		was := b.scarce
		b.refill(len(e.starved) > 0)
		if b.scarce && !was {
			e.tighten()
		}
	}
	if e.hungry() {
		e.feed()
	}
}

// Poll submits what is queued and collects completions without sleeping.
func (e *Engine) Poll() (ready bool, err error) {
	e.prepare(false)
	if e.lone != nil {
		e.sendLone()
	}
	if e.polled {
		e.collect()
	} else if e.ring.Pending() > 0 || !e.ready() && e.worthEntering() {
		e.enterNow()
	}
	e.publish()
	return e.ready(), e.err
}

// worthEntering reports whether an enter without entries could bring completions. A locked ring posts them only then; a
// shared one says when it has some. If it still says so after an enter, they are those of requests that another thread has
// submitted, when the loop's goroutine ran there: to enter again and again would keep that thread from the CPU on which
// it has to post them, and asleep we are told when it has.
func (e *Engine) worthEntering() bool {
	if e.netpoll == nil {
		return true
	}
	if !e.ring.TaskrunPending() {
		e.elsewhere = false
	}
	return e.ring.TaskrunPending() && !e.elsewhere || e.ring.CQOverflow()
}

// Wait submits what is queued and sleeps until there is a completion, a Wake, or d has passed.
func (e *Engine) Wait(d time.Duration) error {
	if d == 0 || e.err != nil || e.wakeDue() || !e.done.Empty() || e.cqAt < e.cqEnd {
		_, err := e.Poll()
		return err
	}
	e.prepare(true)
	if e.blocks.owed() || e.hungry() {
		_, err := e.Poll() // what they were got for comes first; the next Wait gives them back
		return err
	}
	switch {
	case e.netpoll != nil:
		e.waitShared(d)
	case e.polled:
		e.waitPolled(d)
	default:
		e.waitLocked(d)
	}
	e.wakeDue()
	e.publish()
	return e.err
}

var _ engine.InPlacer = (*Engine)(nil)

// WaitInPlace is Wait by a raw system call. Reads of files that the kernel may do by copying inside the call are no matter of
// moments; with such it is Wait.
func (e *Engine) WaitInPlace(d time.Duration) error {
	e.inPlace = e.netpoll == nil && !e.polled && !e.files.copies
	err := e.Wait(d)
	e.inPlace = false
	return err
}

func (e *Engine) waitLocked(d time.Duration) {
	e.seen()
	e.stats.enters++
	var err error
	switch {
	case e.inPlace:
		_, err = e.ring.PollWait(1, d, 0)
	case d < 0:
		_, err = e.ring.SubmitAndWait(1)
	default:
		_, err = e.ring.SubmitAndWaitTimeout(1, d, 0)
	}
	e.entered(err)
}

// waitShared sleeps in Go's network poller.
func (e *Engine) waitShared(d time.Duration) {
	if e.lone != nil {
		e.sendLone()
	}
	if e.ring.Pending() > 0 || e.worthEntering() {
		e.enterNow()
	}
	if e.err != nil || e.ready() || e.ring.Pending() > 0 {
		return
	}
	e.entered(e.netpoll.wait(d))
	if e.worthEntering() {
		e.enterNow()
	}
}

// pollReady reports whether it is useless to sleep.
func (e *Engine) pollReady() bool {
	return e.woken.Load() || e.worthEntering() || e.ring.CQReady() > 0
}
