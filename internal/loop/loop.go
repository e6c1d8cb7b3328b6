package loop

import (
	"errors"
	"log/slog"
	"net"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/planted"
	"github.com/unio-go/unio/internal/sys"
)

// Bounds of a turn. They keep a turn short, so that a timer, a mail or a stop-the-world never waits for a long queue, and
// are high enough that a saturated loop still gathers its sends.
const (
	completionsPerTurnMax = 256
	tasksPerRunMax        = 1024

	// completionsPerRound is how many receives, then tasks, then sends follow each other: each kind of work finds its own
	// code in the caches, and a peer on the other end is woken for several answers at once. On epoll 16 cost 6 % less CPU
	// per message than 1 at 50 connections and 64 B; 32 cost more at 16 KiB, where the buffers of a round leave the caches.
	completionsPerRound = 16
)

// clockTurns is in how many turns the clock is read once, also when there is no timer and the loop does not sleep: the
// age of operations depends on it.
const clockTurns = 64

// Config describes a loop.
type Config struct {
	// NewEngine makes the loop's engine, on the loop's goroutine.
	NewEngine func(engine.Config) (engine.Engine, error)
	// Engine is passed to NewEngine; its Netpoll is set from Shared.
	Engine engine.Config
	// Shared makes an ordinary goroutine without tasks of a loop that only goroutines use.
	Shared bool
	// CPU is what the loop's thread is pinned to; negative: not pinned.
	CPU int
	// Logger hears of panics and stalls.
	Logger *slog.Logger
	// BatchWait allows the wait policy to hold completions back for a moment under load (policy.go).
	BatchWait bool
	// WaitInPlace lets a quiet loop sleep without telling the Go scheduler (policy.go).
	WaitInPlace bool
}

// Loop runs one engine. Its exported methods are for its goroutine and its tasks, except those that say otherwise.
type Loop struct {
	cur  atomic.Pointer[Task] // the running task; anybody may read it
	eng  engine.Engine
	caps engine.Caps

	timed engine.Clock // the engine, if it has a time of its own

	runHead, runTail *Task
	idle             *Task
	idles            int
	idleLeast        int // the least of them in the running period
	trim             Timer
	dirty            []Flusher
	timers           heap
	now              int64     // loop time, as it was last read
	read             uint64    // the turn in which now was read
	calendar         time.Time // a reading of time.Now, for TurnTime
	calendarAt       int64     // and its loop time
	firing           int64     // the loop time up to which timers are being fired; 0: not now
	policy           policy
	readied          bool // a goroutine was made ready since the last Gosched
	closing          bool
	resources        list

	box      mailbox
	sleeping atomic.Bool
	turns    atomic.Uint64
	registry registry
	parked   parkedTasks
	tid      int
	shared   bool
	log      *slog.Logger
	err      error // why the engine failed, if it did
	failed   atomic.Bool

	ended   chan struct{}
	endMail endMail

	// Counters may be read by anybody.
	Counters Counters
}

// Counters of a loop are cumulative but for Tasks.
type Counters struct {
	Tasks  atomic.Int64
	Panics atomic.Uint64
	Stalls atomic.Uint64
	Mails  atomic.Uint64
	// BatchWaits are entries into the kernel that waited for further completions.
	BatchWaits atomic.Uint64
}

// Flusher is something that gathers output and hands it to the engine when the loop says so.
type Flusher interface{ Flush() }

// New starts a loop and returns when its engine runs or has failed.
func New(cfg Config) (*Loop, error) {
	l := &Loop{shared: cfg.Shared, log: cfg.Logger, ended: make(chan struct{})}
	l.endMail.Mail = &l.endMail
	started := make(chan error)
	go l.run(cfg, started)
	if err := <-started; err != nil {
		return nil, err
	}
	return l, nil
}

// run is the loop's goroutine.
func (l *Loop) run(cfg Config, started chan<- error) {
	defer close(l.ended)
	if !l.shared {
		runtime.LockOSThread()
		l.tid = sys.Gettid()
		release, err := pin(cfg.CPU)
		defer release()
		if err != nil {
			started <- err
			return
		}
	}
	cfg.Engine.Netpoll = l.shared
	eng, err := cfg.NewEngine(cfg.Engine)
	if err != nil {
		started <- err
		return
	}
	l.eng, l.caps = eng, eng.Caps()
	l.timed, _ = eng.(engine.Clock)
	if b, ok := eng.(engine.Batcher); ok && cfg.BatchWait {
		l.policy = policy{batcher: b, epoch: 1}
	}
	if p, ok := eng.(engine.InPlacer); ok && cfg.WaitInPlace {
		l.policy.inPlace = p
	}
	addLoop(l)
	defer removeLoop(l)
	l.readClock()
	started <- nil
	for !l.endMail.over {
		l.turn()
	}
	l.stopIdle()
}

// pin binds the calling thread, which is locked, to a CPU if that is not negative. What runs on the thread later must not be
// bound too, so release gives it back with the CPUs that it had, or else leaves it locked, to end with its goroutine.
func pin(cpu int) (release func(), err error) {
	if cpu < 0 {
		return runtime.UnlockOSThread, nil
	}
	had, err := sys.ThreadCPUs()
	if err == nil {
		err = sys.PinThread(cpu)
	}
	return func() {
		if err != nil || sys.PinThread(had...) == nil {
			runtime.UnlockOSThread()
		}
	}, err
}

// turn does what has come up, hands it to the kernel, and waits for more.
func (l *Loop) turn() {
	l.turns.Store(l.turns.Load() + 1)
	if l.shared && l.readied {
		l.readied = false
		runtime.Gosched()
	}
	l.takeMail()
	if l.endMail.over {
		return // the engine is closed
	}
	l.runReady()
	l.flush()
	slept, err := l.wait()
	if err != nil {
		l.fail(err)
		return
	}
	if len(l.timers) > 0 || slept || l.turns.Load()%clockTurns == 0 {
		l.readClock()
	}
	l.complete()
	l.fireTimers()
}

// wait lets the engine collect completions, and sleeps if there are none and nothing else is to be done.
func (l *Loop) wait() (slept bool, err error) {
	if l.policy.mayStay() && l.quiet() {
		return true, l.sleep(true)
	}
	ready, err := l.policy.poll(l)
	if err != nil || ready || !l.quiet() {
		return false, err
	}
	return true, l.sleep(false)
}

// quiet reports whether nothing is left to do but to wait. A loop that has made goroutines ready lets them run first:
// what they answer with is most often another operation, which is then done without a wake-up.
func (l *Loop) quiet() bool {
	if l.runHead != nil || len(l.dirty) > 0 || l.endMail.over {
		return false
	}
	if l.readied {
		l.readied = false
		runtime.Gosched()
	}
	return l.box.empty()
}

// sleep waits in the engine until the next timer. The flag is set before the mailbox is looked at once more: whoever
// posts puts his mail down before he looks at the flag.
func (l *Loop) sleep(inPlace bool) error {
	d := time.Duration(-1)
	if len(l.timers) > 0 {
		l.readClock()
		d = time.Duration(max(l.timers[0].when, l.now) - l.now) // what lies before may be too far away to be subtracted
	}
	l.sleeping.Store(true)
	defer l.sleeping.Store(false)
	if !l.box.empty() {
		return nil
	}
	if !inPlace {
		return l.eng.Wait(d)
	}
	if d < 0 || d > stayLimit {
		d = stayLimit
	}
	return l.policy.inPlace.WaitInPlace(d)
}

// complete hands out what the engine has collected, in rounds: some completions, then the tasks that they wake, then,
// where sends are inline, what those tasks send.
func (l *Loop) complete() {
	n := 0
	for ; n < completionsPerTurnMax; n++ {
		op := l.eng.Next()
		if op == nil {
			break
		}
		if l.policy.batcher != nil {
			l.policy.saw(op)
		}
		l.completed(op)
		if n%completionsPerRound == completionsPerRound-1 {
			l.react()
		}
	}
	l.react()
	l.policy.came(n)
}

// react runs what a round of completions has woken.
func (l *Loop) react() {
	l.runReady()
	if l.caps.SendsInline {
		l.flush()
	}
}

// Dirty has f.Flush called before the loop next waits, or, where sends are inline, at the end of the running round.
// The caller calls it once until then.
func (l *Loop) Dirty(f Flusher) { l.dirty = append(l.dirty, f) }

func (l *Loop) flush() {
	for i := 0; i < len(l.dirty); i++ {
		f := l.dirty[i]
		l.dirty[i] = nil
		f.Flush()
	}
	l.dirty = l.dirty[:0]
}

// Post gives mail to the loop; anybody may call it. False: the loop has ended and will not deliver it.
func (l *Loop) Post(n *Node) bool {
	if !l.box.push(n) {
		return false
	}
	if planted.Bug == planted.LostWake && l.turns.Load()%64 == 0 {
		return true
	}
	if l.sleeping.Load() && l.sleeping.CompareAndSwap(true, false) {
		l.eng.Wake()
	}
	return true
}

func (l *Loop) takeMail() { l.deliver(l.box.take()) }

// deliver hands out mail. A node may be in use again, for another loop, as soon as it is delivered.
func (l *Loop) deliver(n *Node) {
	for n != nil {
		next := n.next
		n.next = nil
		l.Counters.Mails.Add(1)
		n.Mail.Deliver(l)
		n = next
	}
}

// Turns counts the loop's turns; anybody may call it.
func (l *Loop) Turns() uint64 { return l.turns.Load() }

// Caps describes the loop's engine; anybody may call it.
func (l *Loop) Caps() engine.Caps { return l.caps }

// Engine is the loop's engine.
func (l *Loop) Engine() engine.Engine { return l.eng }

// Closing reports whether the loop takes no new work. New resources are refused with net.ErrClosed.
func (l *Loop) Closing() bool { return l.closing }

// fail is for an engine that can go on no longer: everything it held ends with net.ErrClosed.
func (l *Loop) fail(err error) {
	l.log.Error("unio: engine failed; its connections are closed", slog.Any("error", err))
	l.err = err
	l.failed.Store(true)
	l.closing = true
	l.resources.abort()
	l.runReady()
	l.end(time.Now())
}

// Failed reports whether the engine has failed, so that the loop takes nothing more; anybody may call it.
func (l *Loop) Failed() bool { return l.failed.Load() }

// Err says why the loop's engine failed, after the loop has ended.
func (l *Loop) Err() error {
	if l.err != nil {
		return errors.Join(net.ErrClosed, l.err)
	}
	return nil
}
