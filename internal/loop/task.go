package loop

import (
	"context"
	"log/slog"
	"runtime/debug"
	"runtime/trace"

	"github.com/unio-go/unio/internal/coro"
)

// Task is straight-line code that a loop runs. It exists while its function runs; the coroutine below it serves one
// task after another.
type Task struct {
	// Waiter is for the task's own waits on its own loop. A task waits for one thing at a time. It stands first so
	// that what a switch touches is two cache lines.
	Waiter Waiter

	loop *Loop
	co   coro.Coro
	job  Job
	next *Task // in the run queue or among the idle

	retired bool // its job is its last
	wake    wakeMail
}

// wakeMail makes a task of another loop ready.
type wakeMail struct {
	Node
	task *Task
}

// Deliver makes the task ready on its loop.
func (m *wakeMail) Deliver(l *Loop) { l.ready(m.task) }

// Loop is the loop that the task belongs to.
func (t *Task) Loop() *Loop { return t.loop }

// Wait parks the task until its Waiter is finished. The caller has proved that it runs on the task (Here, Current).
func (t *Task) Wait() {
	if t.loop.cur.Load() != t {
		panic("unio: a task was parked that is not running")
	}
	t.co.Park()
}

// Wake ends a task's Wait for what is not a loop's; anybody may call it, once for each Wait, when the task waits or is about to.
func (t *Task) Wake() {
	if t.loop.Here() != nil {
		t.loop.ready(t)
		return
	}
	t.loop.Post(&t.wake.Node)
}

// traced is the task's function as a region of an execution trace, which tells tasks from other coroutines and one task from
// the next of the same coroutine.
func (t *Task) traced() { trace.WithRegion(context.Background(), "unio.task", t.job.Run) }

// Job is what a task does.
type Job interface{ Run() }

// function is one that is a function.
type function func()

// Run calls it.
func (f function) Run() { f() }

// Go starts fn as a task of this loop, from the loop itself or one of its tasks. It runs when the caller parks.
func (l *Loop) Go(fn func()) { l.Do(function(fn)) }

// Do is Go for a job, which unlike a function need not be made for the occasion.
func (l *Loop) Do(j Job) {
	t := l.takeIdle()
	if t == nil {
		t = &Task{loop: l}
		t.wake.task, t.wake.Mail = t, &t.wake
		t.Waiter.task = t
		t.co.Init(t.serve)
	}
	l.start(t, j)
}

func (l *Loop) start(t *Task, j Job) {
	t.job = j
	l.Counters.Tasks.Add(1)
	l.ready(t)
}

// serve runs one job. It is not inlined so that a stack shows it with the task's address, by which the watchdog finds
// the task that holds its loop.
//
//go:noinline
func (t *Task) serve() bool {
	defer t.countOut()
	defer t.ended()
	if trace.IsEnabled() {
		t.traced()
	} else {
		t.job.Run()
	}
	return t.loop.idles < idleMax && !t.retired && !t.loop.closing
}

// countOut is the end of a task, whatever has become of it and of the log of that: a task that is not counted out is waited
// for by Close. A Goexit passes through here too.
func (t *Task) countOut() {
	t.job = nil
	t.loop.Counters.Tasks.Add(-1)
}

// ended recovers a panic, which must not reach the loop with its stack lost.
func (t *Task) ended() {
	if r := recover(); r != nil && !isAbort(r) {
		t.loop.panicked(r)
	}
}

// panicked counts a task's panic and tells the Logger, which is the program's and may panic too.
func (l *Loop) panicked(r any) {
	defer func() { _ = recover() }()
	l.Counters.Panics.Add(1)
	l.log.Error("unio: panic in a task", slog.Any("panic", r), slog.String("stack", string(debug.Stack())))
}

// isAbort recognises net/http's ErrAbortHandler, which ends a handler without a word, by its text: importing net/http
// for it would put an HTTP server into every program. An error that cannot tell its text, such as a nil pointer, is not it.
func isAbort(r any) (abort bool) {
	err, ok := r.(error)
	if !ok {
		return false
	}
	defer func() { _ = recover() }()
	return err.Error() == "net/http: abort Handler"
}

// ready puts a task on the run queue.
func (l *Loop) ready(t *Task) {
	if l.runTail == nil {
		l.runHead = t
	} else {
		l.runTail.next = t
	}
	l.runTail = t
}

// runReady resumes the tasks that are ready now, and those that they make ready, up to a bound.
func (l *Loop) runReady() {
	if l.runHead == nil {
		return
	}
	for n := 0; l.runHead != nil && n < tasksPerRunMax; n++ {
		t := l.runHead
		l.runHead, t.next = t.next, nil
		if l.runHead == nil {
			l.runTail = nil
		}
		l.resume(t)
	}
	l.cur.Store(nil)
}

// runAll is runReady for the end of a loop, after which nothing resumes who is left: each task that is ready now is resumed. It is
// bounded for the sake of those that make themselves ready for ever.
func (l *Loop) runAll() {
	for n := l.Counters.Tasks.Load()/tasksPerRunMax + 1; n > 0; n-- {
		l.runReady()
	}
}

// resume runs t until it parks or its job ends. It stays the current task until the next one is or runReady has ended:
// what happens in between does not ask who runs, and a store is a locked instruction.
func (l *Loop) resume(t *Task) {
	l.cur.Store(t)
	alive := t.co.Resume()
	if t.job != nil && alive {
		return // it parked inside its job
	}
	l.cur.Store(nil) // its goroutine may be gone, and another have its identity
	if !alive {
		return
	}
	l.keepIdle(t)
}

// stopIdle ends the coroutines that are between jobs. One that has seen a Goexit takes the caller's goroutine with it,
// so each is stopped from a deferred call, of which the others are left: the loop calls this last.
func (l *Loop) stopIdle() {
	for l.idle != nil {
		t := l.idle
		l.idle = t.next
		if t.co.Exited() {
			defer t.co.Stop()
		} else {
			t.co.Stop()
		}
	}
}
