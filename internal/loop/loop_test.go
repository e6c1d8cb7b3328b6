package loop

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/unio-go/unio/internal/engine"
)

// bound is how long a test waits for what must happen.
const bound = 10 * time.Second

// idleEngine performs nothing: it sleeps and is woken, which is all that a loop without descriptors asks of an engine.
type idleEngine struct {
	wake     chan struct{}
	fail     atomic.Bool
	closed   bool
	counters engine.Counters
}

func newIdleEngine(engine.Config) (engine.Engine, error) {
	return &idleEngine{wake: make(chan struct{}, 1)}, nil
}

var errBroken = errors.New("broken on purpose")

func (e *idleEngine) Attach(engine.Socket, engine.Kind) (engine.Desc, error) {
	return nil, errors.ErrUnsupported
}
func (e *idleEngine) Submit(op *engine.Op) bool { op.Err = errors.ErrUnsupported; return true }
func (e *idleEngine) Cancel(*engine.Op)         {}
func (e *idleEngine) Poll() (bool, error) {
	if e.closed || e.fail.Load() {
		return false, errBroken
	}
	return false, nil
}

func (e *idleEngine) Wait(d time.Duration) error {
	var limit <-chan time.Time
	if d >= 0 {
		limit = time.After(d)
	}
	select {
	case <-e.wake:
	case <-limit:
	}
	return nil
}

func (e *idleEngine) Next() *engine.Op { return nil }
func (e *idleEngine) Wake() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}
func (e *idleEngine) Caps() engine.Caps          { return engine.Caps{Name: "idle"} }
func (e *idleEngine) Counters() *engine.Counters { return &e.counters }
func (e *idleEngine) Close(time.Duration) error  { e.closed = true; return nil }

// newLoop is a loop that the test ends.
func newLoop(t *testing.T, log *strings.Builder) *Loop {
	t.Helper()
	logger := slog.New(slog.DiscardHandler)
	if log != nil {
		logger = slog.New(slog.NewTextHandler(log, nil))
	}
	l, err := New(Config{NewEngine: newIdleEngine, CPU: -1, Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// end ends a loop in good order.
func end(t *testing.T, l *Loop) {
	t.Helper()
	select {
	case <-l.Abort():
	case <-time.After(bound):
		t.Fatal("the loop does not become quiet")
	}
	if err := l.End(time.Now().Add(time.Second)); err != nil {
		t.Error(err)
	}
}

// task starts a task from outside.
func task(l *Loop, fn func()) {
	m := &startMail{fn: fn}
	m.Mail = m
	l.Post(&m.Node)
}

type startMail struct {
	Node
	fn func()
}

func (m *startMail) Deliver(l *Loop) { l.Go(m.fn) }

func wait[T any](t *testing.T, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(bound):
		t.Fatal("waited in vain")
	}
	return v
}

func TestTasksKnowWhereTheyRun(t *testing.T) {
	a, b := newLoop(t, nil), newLoop(t, nil)
	defer end(t, a)
	defer end(t, b)
	if Current() != nil || a.Here() != nil {
		t.Error("a goroutine is a task")
	}
	done := make(chan struct{})
	task(a, func() {
		defer close(done)
		me := Current()
		if me == nil || me.Loop() != a || a.Here() != me || b.Here() != nil {
			t.Errorf("Current %v, Here %v, elsewhere %v", me, a.Here(), b.Here())
		}
		inside := make(chan bool)
		go func() { inside <- Current() == nil && a.Here() == nil }()
		if !<-inside {
			t.Error("a goroutine of a task is the task")
		}
	})
	wait(t, done)
}

// The turn in which a loop ended went on to use its closed engine, and logged that it had failed.
func TestEndOfALoopIsNoFailureOfItsEngine(t *testing.T) {
	var log strings.Builder
	l := newLoop(t, &log)
	end(t, l)
	if log.Len() > 0 {
		t.Errorf("logged: %s", log.String())
	}
	if l.Post(&(&startMail{}).Node) {
		t.Error("an ended loop takes mail")
	}
}

// A task that never gives its loop back kept whoever closed the loop for ever.
func TestEndIsBoundedWhenATaskHoldsTheLoop(t *testing.T) {
	l := newLoop(t, nil)
	held, release := make(chan struct{}), make(chan struct{})
	task(l, func() { close(held); holdOnPurpose(release) })
	wait(t, held)
	l.Abort()
	err := l.End(time.Now().Add(-EndGrace))
	if err == nil || !strings.Contains(err.Error(), "holdOnPurpose") {
		t.Errorf("%v: does not name who holds the loop", err)
	}
	close(release)
	wait(t, l.ended)
}

func holdOnPurpose(release chan struct{}) { <-release }

func TestGoexitInManyTasksKeepsTheLoop(t *testing.T) {
	l := newLoop(t, nil)
	defer end(t, l)
	const many = 2000
	var left atomic.Int32
	for range many {
		task(l, func() { defer left.Add(1); runtime.Goexit() })
	}
	for stop := time.Now().Add(bound); left.Load() < many; time.Sleep(time.Millisecond) {
		if time.Now().After(stop) {
			t.Fatalf("%d of %d tasks ran", left.Load(), many)
		}
	}
	done := make(chan struct{})
	task(l, func() { close(done) })
	wait(t, done)
}

// wordless is an error that, as a nil pointer, panics when it is asked for its text.
type wordless struct{ text string }

func (e *wordless) Error() string { return e.text }

// brokenHandler is a Logger's that panics, or ends the goroutine that logs.
type brokenHandler struct {
	slog.Handler
	fault func()
}

func (brokenHandler) Enabled(context.Context, slog.Level) bool    { return true }
func (h brokenHandler) Handle(context.Context, slog.Record) error { h.fault(); return nil }

func TestATaskThatPanicsIsCountedOutWhateverTheLogDoes(t *testing.T) {
	handlers := map[string]slog.Handler{
		"text":   slog.NewTextHandler(io.Discard, nil),
		"panic":  brokenHandler{fault: func() { panic("on purpose") }},
		"goexit": brokenHandler{fault: runtime.Goexit},
	}
	for name, h := range handlers {
		t.Run(name, func(t *testing.T) {
			l, err := New(Config{NewEngine: newIdleEngine, CPU: -1, Logger: slog.New(h)})
			if err != nil {
				t.Fatal(err)
			}
			for _, what := range []any{(*wordless)(nil), "text", errBroken} {
				task(l, func() { panic(what) })
			}
			ran := make(chan int64, 1)
			task(l, func() { ran <- l.Counters.Tasks.Load() })
			if n := wait(t, ran); n != 1 {
				t.Errorf("%d tasks are counted while one runs", n)
			}
			if n := l.Counters.Panics.Load(); n != 3 {
				t.Errorf("%d panics are counted, of 3", n)
			}
			end(t, l)
		})
	}
}

func TestBrokenEngineEndsItsLoop(t *testing.T) {
	var log strings.Builder
	l := newLoop(t, &log)
	l.eng.(*idleEngine).fail.Store(true)
	task(l, func() {})
	wait(t, l.ended)
	if !errors.Is(l.Err(), errBroken) || !errors.Is(l.Err(), net.ErrClosed) || !strings.Contains(log.String(), "broken") {
		t.Errorf("%v, logged %q", l.Err(), log.String())
	}
	w, err := l.Foreign()
	if err != nil {
		t.Fatal(err)
	}
	w.To = server(func(*Waiter) { t.Error("an ended loop serves") })
	if w.Await(); !errors.Is(w.Err, net.ErrClosed) {
		t.Errorf("a call to it: %v", w.Err)
	}
	w.Free()
}

type server func(*Waiter)

func (s server) Serve(w *Waiter) { s(w) }

// A call that was withdrawn is not served afterwards, and gives its buffers back once.
func TestWithdrawnCallIsForgotten(t *testing.T) {
	l := newLoop(t, nil)
	held, release := make(chan struct{}), make(chan struct{})
	task(l, func() { close(held); <-release })
	wait(t, held)
	w, err := l.Foreign()
	if err != nil {
		t.Fatal(err)
	}
	w.To = server(func(*Waiter) { t.Error("served after it was withdrawn") })
	done := make(chan error)
	go func() { w.Await(); done <- w.Err }()
	dog := Watch(func() []*Loop { return []*Loop{l} }, 20*time.Millisecond, slog.New(slog.DiscardHandler))
	if err := wait(t, done); !errors.Is(err, ErrStalled) {
		t.Errorf("%v", err)
	}
	dog.Stop()
	close(release)
	w.Free()
	end(t, l)
	if l.Counters.Stalls.Load() != 1 {
		t.Errorf("%d stalls", l.Counters.Stalls.Load())
	}
}

// runAtOnce has so many tasks exist at the same time, and then end.
func runAtOnce(t *testing.T, l *Loop, n int) {
	t.Helper()
	done := make(chan struct{})
	task(l, func() {
		var waiting []*Task
		for range n {
			l.Go(func() {
				me := l.Here()
				waiting = append(waiting, me)
				if len(waiting) < n {
					me.Wait()
					return
				}
				for _, w := range waiting[:n-1] {
					l.ready(w)
				}
				close(done)
			})
		}
	})
	<-done
}

// onLoop is what fn says in a task.
func onLoop[T any](t *testing.T, l *Loop, fn func() T) T {
	t.Helper()
	answer := make(chan T, 1)
	task(l, func() { answer <- fn() })
	return wait(t, answer)
}

func (l *Loop) idleCount() int { return l.idles }

func TestIdleCoroutinesAreBounded(t *testing.T) {
	l := newLoop(t, nil)
	defer end(t, l)
	runAtOnce(t, l, idleMax+500)
	if n := onLoop(t, l, l.idleCount); n > idleMax {
		t.Errorf("%d coroutines are kept, at most %d should be", n, idleMax)
	}
}

// With a bound below what a loop has in flight each request made a coroutine, and a quarter of the time was the collector's.
func TestSteadyLoadMakesNoCoroutines(t *testing.T) {
	l := newLoop(t, nil)
	defer end(t, l)
	const busy = 5 * idleKept
	runAtOnce(t, l, busy)
	for range 3 {
		runAtOnce(t, l, busy)
		if n := onLoop(t, l, func() int { (*trimmer)(l).Fire(nil); return l.idles }); n < busy-2 {
			t.Errorf("%d coroutines are kept of %d that were needed", n, busy)
		}
	}
}

func TestBurstLeavesFewCoroutines(t *testing.T) {
	l := newLoop(t, nil)
	defer end(t, l)
	runAtOnce(t, l, 10*idleKept)
	before := runtime.NumGoroutine()
	for range 20 { // seconds in which nothing happens
		onLoop(t, l, func() int { (*trimmer)(l).Fire(nil); return 0 })
	}
	if n := onLoop(t, l, l.idleCount); n > idleKept {
		t.Errorf("%d coroutines are kept, at most %d should be", n, idleKept)
	}
	if ended := before - runtime.NumGoroutine(); ended < 8*idleKept {
		t.Errorf("%d coroutines have ended, which leaves stacks behind", ended)
	}
}

func BenchmarkForeignCall(b *testing.B) {
	l, err := New(Config{NewEngine: newIdleEngine, CPU: -1, Shared: true, Logger: slog.Default()})
	if err != nil {
		b.Fatal(err)
	}
	answer := server(func(w *Waiter) {
		if w.Claim() {
			w.Finish()
		}
	})
	for b.Loop() {
		w, _ := l.Foreign()
		w.To = answer
		w.Await()
		w.Free()
	}
	<-l.Abort()
	l.End(time.Now())
}

// inSleep is a task that waits until its loop ends.
type inSleep struct {
	t      *Task
	member Member
}

// Abort wakes the task.
func (s *inSleep) Abort() {
	s.t.Loop().Remove(&s.member)
	s.t.Waiter.Finish()
}

// Those that were beyond the bound of a run never ran again, when nothing but the end of their loop could wake them.
func TestTasksBeyondTheBoundOfARunEndWithTheirEngine(t *testing.T) {
	const tasks = 5 * tasksPerRunMax
	l := newLoop(t, nil)
	var ended atomic.Int64
	started := make(chan struct{})
	task(l, func() {
		for i := range tasks {
			l.Go(func() {
				s := &inSleep{t: Current()}
				s.member.Of = s
				l.Add(&s.member)
				if i == tasks-1 {
					close(started)
				}
				s.t.Wait()
				ended.Add(1)
			})
		}
	})
	wait(t, started)
	l.eng.(*idleEngine).fail.Store(true)
	l.eng.Wake()
	wait(t, l.ended)
	if n := ended.Load(); n != tasks {
		t.Errorf("%d of %d tasks have ended", n, tasks)
	}
}

// A loop that has ended makes no turn, and so it passed for one that a task holds.
func TestALoopWhoseEngineHasFailedIsNotHeld(t *testing.T) {
	l := newLoop(t, nil)
	l.eng.(*idleEngine).fail.Store(true)
	l.eng.Wake()
	wait(t, l.ended)
	log := new(strings.Builder)
	dog := Watch(func() []*Loop { return []*Loop{l} }, 10*time.Millisecond, slog.New(slog.NewTextHandler(log, nil)))
	time.Sleep(50 * time.Millisecond)
	dog.Stop()
	if n := l.Counters.Stalls.Load(); n > 0 || log.Len() > 0 {
		t.Errorf("%d stalls: %s", n, log)
	}
}

// The watchdog may withdraw a call at the moment in which its loop is found to have ended. What it had sent then woke the next
// call that used the Waiter.
func TestACallToALoopThatHasEndedIsWokenOnce(t *testing.T) {
	l := newLoop(t, nil)
	end(t, l)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				l.withdrawAll(ErrStalled)
			}
		}
	}()
	defer func() { close(stop); <-stopped }()
	for limit := time.Now().Add(time.Second); time.Now().Before(limit); {
		w, err := l.Foreign()
		if err != nil {
			t.Fatal(err)
		}
		w.Await()
		if len(w.ch) > 0 {
			t.Fatal("the next who uses it will be woken by this call")
		}
		w.Free()
	}
}

// An operation that had been with the kernel for half of what its clock counts was as good as new.
func TestAgeOfAnOperationOfAMonth(t *testing.T) {
	l := newLoop(t, nil)
	defer end(t, l)
	const month = 30 * 24 * time.Hour
	op := &engine.Op{}
	setSince(&op.Since, uint32((l.clock()-int64(month))>>sinceShift))
	if age, ok := l.Age(op); !ok || age < month-time.Second || age > month+time.Minute {
		t.Errorf("%v, %v", age, ok)
	}
}
