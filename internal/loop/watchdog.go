package loop

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"time"
)

// StallError is the error of a call that waited for a loop which one of its tasks held for longer than the stall limit,
// by blocking in the Go scheduler or by computing.
type StallError struct {
	Held  time.Duration // how long, at least
	Stack string        // of the task that holds the loop
}

// ErrStalled is what every StallError is, for errors.Is.
var ErrStalled = errors.New("the loop is held by one of its tasks")

// Is makes errors.Is(err, ErrStalled) true.
func (e *StallError) Is(target error) bool { return target == ErrStalled }

// Error names the duration and the stack.
func (e *StallError) Error() string {
	return fmt.Sprintf("unio: the loop has been held by one task for %v; "+
		"use Offload for what blocks, Group for concurrency in a handler. The task:\n%s", e.Held, e.Stack)
}

// Watchdog looks after loops from outside, without their help.
type Watchdog struct {
	stop chan struct{}
	done chan struct{}
}

// watched is what the watchdog remembers of a loop.
type watched struct {
	turns  uint64
	since  time.Time
	warned bool
	stack  string
}

// Watch starts a watchdog for loops of which one task at a time may hold the loop no longer than limit. The function
// is asked each time, so that loops may come and go.
func Watch(loops func() []*Loop, limit time.Duration, log *slog.Logger) *Watchdog {
	w := &Watchdog{stop: make(chan struct{}), done: make(chan struct{})}
	go w.run(loops, limit, log)
	return w
}

// run is the watchdog's goroutine.
func (w *Watchdog) run(loops func() []*Loop, limit time.Duration, log *slog.Logger) {
	defer close(w.done)
	tick := time.NewTicker(min(max(limit/8, 2*time.Millisecond), time.Second))
	defer tick.Stop()
	seen := map[*Loop]*watched{}
	for {
		var now time.Time
		select {
		case <-w.stop:
			return
		case now = <-tick.C:
		}
		for _, l := range loops() {
			if seen[l] == nil {
				seen[l] = new(watched)
			}
			seen[l].look(l, now, limit, log)
			reportParked(l, now, limit, log)
		}
	}
}

// Stop ends the watchdog.
func (w *Watchdog) Stop() {
	close(w.stop)
	<-w.done
}

// look compares the loop with what it was. A loop that sleeps or has begun another turn is well, and no task holds one that has
// ended because its engine failed.
func (s *watched) look(l *Loop, now time.Time, limit time.Duration, log *slog.Logger) {
	select {
	case <-l.ended:
		l.withdrawAll(net.ErrClosed)
		return
	default:
	}
	turns := l.turns.Load()
	if l.sleeping.Load() || turns != s.turns || s.since.IsZero() {
		*s = watched{turns: turns, since: now}
		return
	}
	held := now.Sub(s.since)
	if held < limit {
		return
	}
	if !s.warned {
		s.warned = true
		s.stack = stackOf(l.cur.Load())
		l.Counters.Stalls.Add(1)
		log.Warn("unio: a task holds its loop", slog.Duration("held", held), slog.String("stack", s.stack))
	}
	l.withdrawAll(&StallError{Held: held, Stack: s.stack})
}

// stacksBytesMax bounds the dump in which a task's stack is looked for.
const stacksBytesMax = 16 << 20

// stackOf is the stack of the task that runs, as all goroutines are now.
func stackOf(t *Task) string {
	if t == nil {
		return "(no task: the loop itself)"
	}
	return stackIn(allStacks(), t)
}

// allStacks is a dump of all goroutines.
func allStacks() []byte {
	for buf := make([]byte, 1<<20); ; buf = make([]byte, 2*len(buf)) {
		if n := runtime.Stack(buf, true); n < len(buf) || len(buf) >= stacksBytesMax {
			return buf[:n]
		}
	}
}

// stackIn finds a task's stack in a dump by the address that its serve frame shows.
func stackIn(stacks []byte, t *Task) string {
	mark := fmt.Appendf(nil, "loop.(*Task).serve(%p", t)
	for g := range bytes.SplitSeq(stacks, []byte("\n\n")) {
		if bytes.Contains(g, mark) {
			return string(g)
		}
	}
	return "(stack not found: more goroutines than a dump of 16 MiB shows)"
}
