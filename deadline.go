package unio

import (
	"net"
	"os"
	"time"

	"github.com/unio-go/unio/internal/loop"
)

// setDeadline applies a deadline on the loop. From outside it is sent and not waited for: whatever the caller does next
// on the connection takes the same way and arrives after it.
func (c *Conn) setDeadline(t time.Time, do func(*Conn, int64)) error {
	if c.isClosed.Load() {
		return c.localError("set", net.ErrClosed)
	}
	var when int64
	if !t.IsZero() {
		when = loop.Time(t)
	}
	if c.l.Here() != nil {
		do(c, when)
		return nil
	}
	if !c.mail(do, when) {
		return c.localError("set", net.ErrClosed)
	}
	return nil
}

// beStrict has writes from outside wait for the loop, which alone knows whether a deadline is over, from the first write
// deadline on.
func (c *Conn) beStrict(deadline time.Time) {
	if !deadline.IsZero() && !c.strict.Load() {
		c.strict.Store(true)
	}
}

func (c *Conn) bothDeadlines(when int64) {
	c.newReadDeadline(when)
	c.newWriteDeadline(when)
}

func (c *Conn) newReadDeadline(when int64) {
	c.readDeadline = when
	c.raw.setDeadlines(when, c.writeDeadline)
	if when != 0 && !c.readers.empty() {
		c.arm(when)
	}
}

func (c *Conn) newWriteDeadline(when int64) {
	c.writeDeadline = when
	c.raw.setDeadlines(c.readDeadline, when)
	if when != 0 && (!c.writers.empty() || c.lock.waiting() || !c.halfClosers.empty()) {
		c.arm(when)
	}
}

// passed reports whether a deadline is over. It reads the clock, and is asked only where a deadline is set.
func passed(when int64) bool { return when != 0 && when <= loop.Time(time.Now()) }

// arm sees to it that Fire runs no later than when. The one timer of a connection is lazy: a deadline that moves away
// leaves it alone, and it is set again when it fires too early.
func (c *Conn) arm(when int64) {
	if !c.timer.Set() || c.timer.When() > when {
		c.l.SetTimer(&c.timer, when)
	}
}

// Fire ends the calls whose deadline is over and waits on for the others.
func (s *loopSide) Fire(*loop.Timer) {
	c := (*Conn)(s)
	now := c.l.Now()
	if d := c.readDeadline; d != 0 && !c.readers.empty() {
		if d <= now {
			c.readers.fail(os.ErrDeadlineExceeded)
		} else {
			c.arm(d)
		}
	}
	if d := c.writeDeadline; d != 0 && (!c.writers.empty() || c.lock.waiting() || !c.halfClosers.empty() || c.raw != nil || c.closing) {
		if d <= now {
			c.writers.fail(os.ErrDeadlineExceeded)
			c.lock.queue.fail(os.ErrDeadlineExceeded)
			c.halfClosers.fail(os.ErrDeadlineExceeded)
			if c.raw != nil {
				c.raw.flushers.fail(os.ErrDeadlineExceeded)
			}
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
