package loop

// Timer calls Fire on its loop at a time. The zero Timer with To set is ready; only the loop and its tasks use it.
type Timer struct {
	To    Firer
	when  int64
	index int32 // position in the heap plus one; 0: not set
}

// Firer is told that its timer has run out. The timer is not set any more and may be set again.
type Firer interface{ Fire(*Timer) }

// Set reports whether the timer is running.
func (t *Timer) Set() bool { return t.index != 0 }

// When is the loop time at which a running timer fires.
func (t *Timer) When() int64 { return t.when }

// SetTimer makes t fire at the loop time when, instead of any time set before.
func (l *Loop) SetTimer(t *Timer, when int64) {
	if l.firing != 0 && when <= l.firing {
		when = l.firing + 1
	}
	h := &l.timers
	if t.index == 0 {
		t.when = when
		*h = append(*h, t)
		t.index = int32(len(*h))
		h.up(len(*h) - 1)
		return
	}
	t.when = when
	i := int(t.index) - 1
	h.up(i)
	h.down(int(t.index) - 1)
}

// StopTimer unsets t.
func (l *Loop) StopTimer(t *Timer) {
	if t.index != 0 {
		l.timers.remove(int(t.index) - 1)
	}
}

// fireTimers runs what is due, each timer at most once: one that is set again waits for the next turn, also when its
// time is in the past.
func (l *Loop) fireTimers() {
	if len(l.timers) == 0 || l.timers[0].when > l.now {
		return
	}
	l.firing = l.now
	for len(l.timers) > 0 && l.timers[0].when <= l.firing {
		t := l.timers[0]
		l.timers.remove(0)
		t.To.Fire(t)
	}
	l.firing = 0
}

// heap is a binary heap by time that keeps each timer's position in the timer.
type heap []*Timer

func (h heap) swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = int32(i+1), int32(j+1)
}

func (h heap) up(i int) {
	for i > 0 {
		p := (i - 1) / 2
		if h[p].when <= h[i].when {
			return
		}
		h.swap(i, p)
		i = p
	}
}

func (h heap) down(i int) {
	for {
		c := 2*i + 1
		if c >= len(h) {
			return
		}
		if c+1 < len(h) && h[c+1].when < h[c].when {
			c++
		}
		if h[i].when <= h[c].when {
			return
		}
		h.swap(i, c)
		i = c
	}
}

func (h *heap) remove(i int) {
	last := len(*h) - 1
	h.swap(i, last)
	(*h)[last].index = 0
	(*h)[last] = nil
	*h = (*h)[:last]
	if i < last {
		h.up(i)
		h.down(i)
	}
}
