package loop

import (
	"log/slog"
	"sync"
	"time"
)

// Parked is a task that waits for what another gives back soon unless something is wrong, such as a lock. The watchdog
// names those that wait for long, since a task that waits holds no loop and nothing else would show it.
type Parked struct {
	task       *Task
	what       string
	since      time.Time // when the watchdog saw it first
	told       bool
	prev, next *Parked
}

// parkedTasks lists them, for the watchdog.
type parkedTasks struct {
	mu    sync.Mutex
	first *Parked
}

// Enter lists a task of the loop, which calls it before it waits.
func (l *Loop) Enter(p *Parked, t *Task, what string) {
	*p = Parked{task: t, what: what}
	l.parked.mu.Lock()
	if p.next = l.parked.first; p.next != nil {
		p.next.prev = p
	}
	l.parked.first = p
	l.parked.mu.Unlock()
}

// Leave takes it out again.
func (l *Loop) Leave(p *Parked) {
	l.parked.mu.Lock()
	if p.prev == nil {
		l.parked.first = p.next
	} else {
		p.prev.next = p.next
	}
	if p.next != nil {
		p.next.prev = p.prev
	}
	p.prev, p.next = nil, nil
	l.parked.mu.Unlock()
}

// reportsMax bounds how many tasks are named by one look. If many wait, they wait for the same.
const reportsMax = 8

// overdue is who has waited longer than the limit and has not been reported.
func (q *parkedTasks) overdue(now time.Time, limit time.Duration) (all []Parked) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for p := q.first; p != nil; p = p.next {
		switch {
		case p.since.IsZero():
			p.since = now
		case !p.told && now.Sub(p.since) >= limit && len(all) < reportsMax:
			p.told = true
			all = append(all, *p)
		}
	}
	return all
}

// reportParked names the tasks of a loop that wait for too long.
func reportParked(l *Loop, now time.Time, limit time.Duration, log *slog.Logger) {
	all := l.parked.overdue(now, limit)
	if len(all) == 0 {
		return
	}
	stacks := allStacks()
	for _, p := range all {
		log.Warn("unio: a task waits for a lock that is not given back", slog.String("for", p.what),
			slog.Duration("waited", now.Sub(p.since)), slog.String("stack", stackIn(stacks, p.task)))
	}
}
