package unio

import (
	"runtime"
	"time"

	"github.com/unio-go/unio/internal/loop"
)

// mailedTask is a task that waits for something outside its loop, which tells it by mail.
type mailedTask struct {
	loop.Node
	t *loop.Task
}

func newMailedTask(t *loop.Task) *mailedTask {
	m := &mailedTask{t: t}
	m.Mail = m
	return m
}

// Deliver wakes the task.
func (m *mailedTask) Deliver(*loop.Loop) { m.t.Waiter.Finish() }

// wake is for whatever the task waits for, once.
func (m *mailedTask) wake() { m.t.Loop().Post(&m.Node) }

// Offload runs fn on a goroutine of its own while the calling task is parked, for what would block the loop: a mutex,
// a channel, a system call, a long computation, and whatever waits by itself, such as database/sql, os/exec or the client
// of net/http, also when it dials through [Runtime.DialContext]. The loop serves its other connections meanwhile. On a
// goroutine it just calls fn; so it does in a coroutine that a task made, where fn holds the loop. A panic in fn is raised in
// the caller, and runtime.Goexit in fn ends the caller: nobody goes on with the result of what has not come to its end.
//
//	unio.Offload(func() { err = db.QueryRowContext(ctx, query).Scan(&name) })
//
// Everything that waits belongs into fn: the rows of a query and the body of a response are read there too, and what is
// used there later (a *sql.Tx, an open response) may be passed from one Offload to the next. fn may use connections; it
// is a goroutine like any other to them. Nothing but fn itself ends it early, so give what it calls a context: closing the
// runtime waits for the task, and so for fn. Each call starts a goroutine.
func Offload(fn func()) {
	t := loop.Current()
	if t == nil {
		fn()
		return
	}
	m := newMailedTask(t)
	var panicked any // nil with normal false: fn has called runtime.Goexit
	normal := false
	go func() {
		defer m.wake()
		defer func() {
			if !normal {
				panicked = recover()
			}
		}()
		fn()
		normal = true
	}()
	t.Wait()
	switch {
	case panicked != nil:
		panic(panicked)
	case !normal:
		runtime.Goexit()
	}
}

// Sleep pauses the caller for at least d: a task parks and its loop goes on. When the runtime is closed a sleeping task
// is woken early. In a coroutine that a task made it holds the loop for as long.
func Sleep(d time.Duration) {
	t := loop.Current()
	if t == nil {
		time.Sleep(d)
		return
	}
	s := &sleeper{t: t}
	s.timer.To = s
	s.member.Of = s
	l := t.Loop()
	if l.Closing() {
		t.Waiter.Finish()
		t.Wait()
		return
	}
	l.Add(&s.member)
	l.SetTimer(&s.timer, l.In(max(d, 0)))
	t.Wait()
}

// sleeper is a task in Sleep.
type sleeper struct {
	t      *loop.Task
	timer  loop.Timer
	member loop.Member
}

// Fire wakes the task.
func (s *sleeper) Fire(*loop.Timer) {
	s.t.Loop().Remove(&s.member)
	s.t.Waiter.Finish()
}

// Abort wakes the task because its loop ends.
func (s *sleeper) Abort() {
	s.t.Loop().StopTimer(&s.timer)
	s.Fire(&s.timer)
}
