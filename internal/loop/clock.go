package loop

import (
	"math"
	"time"
)

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

// Within is the loop time at which a wait of d from now is over. One that is far is counted from the beginning of the turn, for
// which the clock is not read: each request of a server ends with two such waits.
func (l *Loop) Within(d time.Duration) int64 {
	if int64(d) < farNanos {
		return l.In(d)
	}
	l.readTurn()
	return l.now + min(int64(d), math.MaxInt64-max(l.now, 0))
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

func (l *Loop) readClock() { l.now, l.read = l.clock(), l.turns.Load() }

// readTurn reads the clock unless that was done in this turn.
func (l *Loop) readTurn() {
	if l.read != l.turns.Load() {
		l.readClock()
	}
}

// clock is loop time: the machine's, unless the engine has a time of its own.
func (l *Loop) clock() int64 {
	if l.timed != nil {
		return Time(l.timed.Now())
	}
	return int64(time.Since(epoch))
}

// calendarPeriod is how long after a look at the calendar the time is counted on from there: it may be set meanwhile.
const calendarPeriod = int64(10 * time.Millisecond)

// TurnTime is the time as of the running turn, with a monotonic reading: the clock is read for it once a turn at most. To ask
// time.Now twice for each request was 3 % of the CPU of a proxy.
func (l *Loop) TurnTime() time.Time {
	if l.timed != nil {
		return l.timed.Now()
	}
	l.readTurn()
	if l.now-l.calendarAt > calendarPeriod || l.calendarAt == 0 {
		l.calendar = time.Now()
		l.now = Time(l.calendar)
		l.calendarAt = l.now
	}
	return l.calendar.Add(time.Duration(l.now - l.calendarAt))
}

// OutsideTime is the time for anybody else.
func (l *Loop) OutsideTime() time.Time {
	if l.timed != nil {
		return l.timed.Now()
	}
	return time.Now()
}
