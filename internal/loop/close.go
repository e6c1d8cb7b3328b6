package loop

import (
	"fmt"
	"sync"
	"time"
)

// Resource is something that lives on a loop and has to end before the loop does: a connection, a listener.
type Resource interface {
	// Abort ends it at once: whoever waits for it gets net.ErrClosed. It is removed when its descriptor is closed.
	Abort()
}

// Member is a resource's place in its loop's list.
type Member struct {
	Of         Resource
	prev, next *Member
}

// list is the resources of a loop. The loop changes it, others may look.
type list struct {
	mu   sync.Mutex
	head Member // of an empty ring: its own neighbour
	n    int
}

func (s *list) abort() {
	for _, r := range s.all() {
		r.Abort()
	}
}

func (s *list) all() (all []Resource) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.each(func(r Resource) { all = append(all, r) })
	return all
}

// each calls f for each; the caller has the lock.
func (s *list) each(f func(Resource)) {
	for m := s.head.next; m != nil && m != &s.head; m = m.next {
		f(m.Of)
	}
}

// Add enters a resource. It must be removed when it has ended.
func (l *Loop) Add(m *Member) {
	l.resources.mu.Lock()
	defer l.resources.mu.Unlock()
	h := &l.resources.head
	if h.next == nil {
		h.next, h.prev = h, h
	}
	m.prev, m.next = h.prev, h
	h.prev.next, h.prev = m, m
	l.resources.n++
}

// Remove takes a resource out.
func (l *Loop) Remove(m *Member) {
	l.resources.mu.Lock()
	defer l.resources.mu.Unlock()
	if m.next == nil {
		return
	}
	m.prev.next, m.next.prev = m.next, m.prev
	m.prev, m.next = nil, nil
	l.resources.n--
}

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
