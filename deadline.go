package unio

import (
	"net"
	"os"
	"time"

	"github.com/unio-go/unio/internal/loop"
	"github.com/unio-go/unio/internal/planted"
)

// Now is the time as of the running turn of the connection's loop, for tasks of that loop; for everybody else it is time.Now. It is
// for those who handle many messages a turn and would read the clock for each: a turn is as long as what its tasks compute,
// most often less than a millisecond. What it gives has a monotonic reading, is never before what it gave earlier on the loop,
// and is good for deadlines. In a simulation it is the simulation's time.
func (c *Conn) Now() time.Time {
	if c.l.Here() != nil {
		return c.l.TurnTime()
	}
	return c.l.OutsideTime()
}

// setDeadline sets deadlines for whoever asks from now on, and has those hear of it who wait. From outside that is sent and
// not waited for; where nobody waits there is nothing to send, so that the deadlines which package net/http sets around each
// request do not disturb the loop.
//
// Nobody is missed: who begins to wait first says so, in calls or heeded, and then looks at the deadline; here it is the
// other way round.
func (c *Conn) setDeadline(t time.Time, read, write bool) error {
	if c.isClosed.Load() {
		return c.localError("set", net.ErrClosed)
	}
	var when int64
	if !t.IsZero() {
		when = loop.Time(t)
	}
	if read {
		c.readDeadline.Store(when)
	}
	if write {
		c.writeDeadline.Store(when)
	}
	switch {
	case c.l.Here() != nil:
		c.newDeadlines()
	case c.calls.Load() == 0 && !c.heeded.Load():
	case !c.mail((*Conn).newDeadlines):
		return c.localError("set", net.ErrClosed)
	}
	return nil
}

// heed has the loop hear of each new deadline from now on: a task may wait, or Go's poller.
func (c *Conn) heed() {
	if !c.heeded.Load() {
		c.heeded.Store(true)
	}
}

// newDeadlines sees to it that those who wait hear of the deadlines.
func (c *Conn) newDeadlines() {
	read, write := c.readDeadline.Load(), c.writeDeadline.Load()
	if c.raw != nil {
		c.raw.setDeadlines(read, write)
	}
	if read != 0 && !c.readers.empty() {
		c.arm(read)
	}
	if write != 0 && c.writingWaits() {
		c.arm(write)
	}
}

// writingWaits reports whether somebody waits whom the write deadline concerns.
func (c *Conn) writingWaits() bool {
	return !c.writers.empty() || c.lock.waiting() || !c.halfClosers.empty() || c.starved.waiting() || c.raw.waiting()
}

// arm sees to it that Fire runs no later than when. The one timer of a connection is lazy: a deadline that moves away
// leaves it alone, and it is set again when it fires too early.
func (c *Conn) arm(when int64) {
	if !c.timer.Set() || c.timer.When() > when && planted.Bug != planted.LateTimer {
		c.l.SetTimer(&c.timer, when)
	}
}

// Fire ends the calls whose deadline is over and waits on for the others.
func (s *loopSide) Fire(*loop.Timer) {
	c := (*Conn)(s)
	now := c.l.Now()
	if d := c.readDeadline.Load(); d != 0 && !c.readers.empty() {
		if d <= now {
			c.readers.fail(os.ErrDeadlineExceeded)
		} else {
			c.arm(d)
		}
	}
	if d := c.writeDeadline.Load(); d != 0 && (c.writingWaits() || c.closing) {
		if d <= now {
			c.starved.fail(os.ErrDeadlineExceeded)
			c.writers.fail(os.ErrDeadlineExceeded)
			c.lock.queue.fail(os.ErrDeadlineExceeded)
			c.halfClosers.fail(os.ErrDeadlineExceeded)
			c.raw.flush(os.ErrDeadlineExceeded)
		} else {
			c.arm(d)
		}
	}
	if c.await.fn != nil {
		c.awaitExpired(now)
	}
	if c.closing && !c.ending {
		c.drainLate(now)
	}
}
