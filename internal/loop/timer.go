package loop

import (
	"math"
	"time"
)

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

// epoch is where loop time begins.
var epoch = time.Now()

// Time converts to loop time: nanoseconds on the monotonic clock where t has a monotonic reading. The result is never
// zero, which means "no time" to callers.
func Time(t time.Time) int64 {
	if d := int64(t.Sub(epoch)); d != 0 {
		return d
	}
	return 1
}

// WallTime is the other way round.
func WallTime(when int64) time.Time { return epoch.Add(time.Duration(when)) }

// Now is loop time, read once a turn.
func (l *Loop) Now() int64 { return l.now }

// FreshNow reads the clock.
func (l *Loop) FreshNow() int64 {
	l.readClock()
	return l.now
}

// In is the loop time d from now, read from the clock; it stays below the end of time.
func (l *Loop) In(d time.Duration) int64 {
	now := l.clock()
	return now + min(int64(d), math.MaxInt64-max(now, 0))
}

// farNanos is how far ahead of the turn's clock a time is not asked for: no turn is that long, unless a task holds the loop.
const farNanos = int64(time.Second)

// Passed reports whether a loop time is over; 0 is never over. It reads the clock for times that are near, and not for
// everybody in the turn. Most deadlines are far, and a server looks at four of them for each request.
func (l *Loop) Passed(when int64) bool {
	return when != 0 && when <= l.now+farNanos && when <= l.clock()
}

// PassedOutside is Passed for anybody.
func (l *Loop) PassedOutside(when int64) bool { return when != 0 && when <= l.clock() }

func (l *Loop) readClock() { l.now = l.clock() }

// clock is loop time: the machine's, unless the engine has a time of its own.
func (l *Loop) clock() int64 {
	if l.timed != nil {
		return Time(l.timed.Now())
	}
	return int64(time.Since(epoch))
}

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
