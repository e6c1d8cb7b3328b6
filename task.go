package unio

import (
	"errors"
	"fmt"

	"github.com/unio-go/unio/internal/loop"
)

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
