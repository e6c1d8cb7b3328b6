package unio

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/unio-go/unio/internal/loop"
	"github.com/unio-go/unio/mem"
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
// goroutine it just calls fn. A panic in fn is raised in the caller, and runtime.Goexit in fn ends the caller: nobody goes
// on with the result of what has not come to its end.
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
// is woken early.
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

// Go starts fn as a task: on the caller's loop when a task calls, else on the loop with the fewest connections. fn may
// block only as the package comment says. After Close it does nothing. It panics when fn is nil.
func (rt *Runtime) Go(fn func()) {
	if fn == nil {
		panic("unio: Go needs a function")
	}
	if p := rt.here(); p != nil {
		p.Go(fn)
		return
	}
	rt.leastBusy().start(fn)
}

// GoOn starts fn as a task of a given loop, by the number that Conn.Loop tells, from 0 to Report().Loops-1: so a program
// reaches what it keeps for each loop without a lock. It does not wait. It fails with net.ErrClosed when the runtime is
// closed; a task that was on its way when that happened may not run.
func (rt *Runtime) GoOn(i int, fn func()) error {
	if fn == nil {
		return errors.New("unio: GoOn needs a function")
	}
	if err := rt.usable(); err != nil {
		return err
	}
	if i < 0 || i >= len(rt.loops) {
		return fmt.Errorf("unio: GoOn: there is no loop %d: this runtime has loops 0 to %d", i, len(rt.loops)-1)
	}
	if p := rt.loops[i]; p == rt.here() {
		p.Go(fn)
	} else {
		p.start(fn)
	}
	return nil
}

// start starts fn as a task of the loop, for a caller who is elsewhere.
func (p *place) start(fn func()) {
	m := &goMail{rt: p.rt, fn: fn}
	m.Mail = m
	p.rt.sent.Add(1)
	if !p.Post(&m.Node) {
		p.rt.arrived.Add(1)
	}
}

// goMail starts a task on another loop.
type goMail struct {
	loop.Node
	rt *Runtime
	fn func()
}

// Deliver starts the task, unless the loop is about to end.
func (m *goMail) Deliver(l *loop.Loop) {
	if !l.Closing() {
		l.Go(m.fn)
	}
	m.rt.arrived.Add(1)
}

// bufWait is a task that waits for a buffer. It is woken once: by the pool, by the end of a context, or with the loop.
type bufWait struct {
	mailedTask
	member loop.Member
	woken  atomic.Bool
}

func (m *bufWait) wakeOnce() {
	if !m.woken.Swap(true) {
		m.wake()
	}
}

// Abort wakes the task because its loop ends.
func (m *bufWait) Abort() { m.wakeOnce() }

// allocTask waits for a buffer in a task. It fails with net.ErrClosed when the runtime is closed.
func allocTask(ctx context.Context, pool *mem.Pool, t *loop.Task, n int) (*mem.Buf, error) {
	for l := t.Loop(); ; {
		if b, ok := pool.TryGet(n); ok {
			return b, nil
		}
		if l.Closing() {
			return nil, net.ErrClosed
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		m := &bufWait{mailedTask: mailedTask{t: t}}
		m.Mail, m.member.Of = m, m
		l.Add(&m.member)
		cancel := pool.Notify(n, m.wakeOnce)
		stop := context.AfterFunc(ctx, m.wakeOnce)
		t.Wait()
		stop()
		cancel()
		l.Remove(&m.member)
	}
}
