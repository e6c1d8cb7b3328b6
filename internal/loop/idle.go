package loop

import "time"

// Coroutines between two jobs are kept for later tasks, so that a steady load makes none: making one costs 0.6 us and eight
// objects, and its stack grows anew. How many a loop needs it learns: of those that it has had to spare all through a period
// half are let go at its end, so a burst of connections does not leave its stacks behind for good.
const (
	// idlePeriod is that period, and idleKept how many stay in any case.
	idlePeriod = time.Second
	idleKept   = 128
	// idleMax bounds them after a burst.
	idleMax = 2048
)

// takeIdle gives a coroutine that waits for a job; nil: there is none.
func (l *Loop) takeIdle() *Task {
	t := l.idle
	if t == nil {
		return nil
	}
	l.idle, t.next = t.next, nil
	l.idles--
	l.idleLeast = min(l.idleLeast, l.idles)
	return t
}

// keepIdle puts one back whose job has ended. The last is taken first: its stack is in the caches.
func (l *Loop) keepIdle(t *Task) {
	t.retired = false
	t.next, l.idle = l.idle, t
	l.idles++
	if l.idles > idleKept && !l.trim.Set() {
		l.watchIdle()
	}
}

// watchIdle begins a period.
func (l *Loop) watchIdle() {
	l.idleLeast = l.idles
	l.trim.To = (*trimmer)(l)
	l.SetTimer(&l.trim, l.now+int64(idlePeriod))
}

// trimmer ends a period.
type trimmer Loop

// Fire lets go of half of the coroutines that nobody has needed, the coldest ones. Each is given a job that is its last.
func (r *trimmer) Fire(*Timer) {
	l := (*Loop)(r)
	keep := max(l.idles-(l.idleLeast+1)/2, idleKept)
	if keep >= l.idles {
		l.watchIdle()
		return
	}
	last := &l.idle
	for range keep {
		last = &(*last).next
	}
	t := *last
	*last, l.idles = nil, keep
	for t != nil {
		next := t.next
		t.next, t.retired = nil, true
		l.start(t, function(func() {}))
		t = next
	}
	if l.idles > idleKept {
		l.watchIdle()
	}
}
