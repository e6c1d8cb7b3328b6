package loop

import (
	"fmt"
	"time"
)

// abortMail begins the end of a loop.
type abortMail struct {
	Node
	quiet chan struct{}
}

// endMail finishes it.
type endMail struct {
	Node
	deadline time.Time
	err      error
	over     bool
}

// Abort begins the end of the loop; anybody may call it, once. Every resource is aborted and no new one is taken. The
// channel is closed when no resource and no task is left; until End the loop runs on, since tasks of other loops may
// still wait for it, and its own for others.
func (l *Loop) Abort() <-chan struct{} {
	m := &abortMail{quiet: make(chan struct{})}
	m.Mail = m
	if !l.Post(&m.Node) {
		close(m.quiet)
	}
	return m.quiet
}

// Deliver aborts, and then looks again each turn until the loop is quiet.
func (m *abortMail) Deliver(l *Loop) {
	l.closing = true
	l.resources.abort()
	w := &quietWatch{l: l, quiet: m.quiet}
	w.timer.To = w
	w.Fire(&w.timer)
}

// quietWatch looks from time to time whether a closing loop has become quiet.
type quietWatch struct {
	l     *Loop
	timer Timer
	quiet chan struct{}
}

// quietTick is how often a closing loop looks whether it is done: often enough that Close is prompt.
const quietTick = time.Millisecond

// Fire closes the channel when nothing is left.
func (w *quietWatch) Fire(t *Timer) {
	if w.l.resources.n == 0 && w.l.Counters.Tasks.Load() == 0 {
		close(w.quiet)
		return
	}
	w.l.readClock()
	w.l.SetTimer(t, w.l.now+int64(quietTick))
}

// EndGrace is what a loop gets beyond the deadline of End, which is the kernel's, to end itself.
const EndGrace = time.Second

// End ends the loop; anybody may call it, once, after Abort. What the kernel still holds gets until the deadline.
// Tasks that have not ended by then never resume. It returns when the loop's goroutine is gone, or with an error when a
// task holds it for EndGrace more; it ends then when the task gives it back.
func (l *Loop) End(deadline time.Time) error {
	l.endMail.deadline = deadline
	l.Post(&l.endMail.Node)
	limit := time.NewTimer(time.Until(deadline) + EndGrace)
	defer limit.Stop()
	select {
	case <-l.ended:
		return l.endMail.err
	case <-limit.C:
		return fmt.Errorf("unio: a loop could not be ended, because one of its tasks holds it:\n%s",
			stackOf(l.cur.Load()))
	}
}

// Deliver ends the loop.
func (m *endMail) Deliver(l *Loop) { l.end(m.deadline) }

func (l *Loop) end(deadline time.Time) {
	if l.endMail.over {
		return
	}
	l.closing = true
	l.deliver(l.box.close())
	l.runAll()
	l.flush()
	err := l.eng.Close(max(time.Until(deadline), 0))
	for op := l.eng.Next(); op != nil; op = l.eng.Next() {
		l.completed(op)
		l.runReady()
	}
	l.runAll()
	if n := l.Counters.Tasks.Load(); n > 0 && err == nil {
		err = fmt.Errorf("unio: %d tasks had not ended when their loop was closed; "+
			"a handler must return when its connection fails", n)
	}
	l.endMail.err, l.endMail.over = err, true
}
