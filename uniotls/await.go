package uniotls

import (
	"errors"
	"net"
	"os"
	"time"

	"github.com/unio-go/unio"
)

// awaiting is what a connection does that has no task.
type awaiting struct {
	fn      func(*Conn, error)
	until   time.Time // zero: no limit
	refused bool      // Unawait has said that fn will be called
	woken   func(*unio.Conn, error)
}

// Await is [unio.Conn.Await]: the connection waits without a task, and fn runs as a new task of the same loop when data
// has arrived or the stream has ended (err is nil, and Recv does not wait), when limit has passed
// (os.ErrDeadlineExceeded) or when the connection is closed (net.ErrClosed). Before the handshake all that has come
// counts, also what Unread has put back, and Recv may wait for the rest. A limit of 0 is none, a negative one is an error. The
// connection is closed when fn returns, unless fn has called Await or Keep; who calls Await in a handler of unio.Listener.Serve
// just returns.
//
// Session tickets, key updates and the beginning of a record are none of fn's business: they are taken, and the wait goes
// on. A read deadline is taken off when something comes. Await is called by a task of the connection's loop, and nobody
// may read until fn runs or Unawait has returned true.
func (c *Conn) Await(limit time.Duration, fn func(c *Conn, err error)) error {
	a := &c.await
	switch {
	case fn == nil:
		return opError(c.conn, "read", errors.New("Await needs a function"))
	case c.closed.Load():
		return opError(c.conn, "read", net.ErrClosed)
	case a.fn != nil:
		return opError(c.conn, "read", errors.New("Await while somebody waits for the connection already"))
	}
	if a.woken == nil {
		a.woken = c.woken
	}
	there := c.isThereBefore()
	if err := c.conn.Await(limit, a.woken); err != nil {
		return err
	}
	a.fn, a.refused, a.until = fn, false, time.Time{}
	if limit > 0 {
		a.until = c.conn.Now().Add(limit)
	}
	if there && c.conn.Unawait() {
		c.conn.Keep() // until the task has begun nothing else holds it
		c.conn.Runtime().Go(c.runAwaited)
	}
	return nil
}

// Unawait takes the wait back: true if nothing has happened that fn is to be called for, and it will not be. Where
// something has come that turns out to be none of fn's business, fn is called with os.ErrDeadlineExceeded. Unawait is
// called by a task of the connection's loop.
func (c *Conn) Unawait() bool {
	a := &c.await
	switch {
	case a.fn == nil:
		return false
	case c.conn.Unawait():
		a.fn = nil
		return true
	}
	a.refused = true
	return false
}

// isThereBefore reports whether Recv, or the handshake before it, has something to begin with.
func (c *Conn) isThereBefore() bool {
	if c.shaken.Load() {
		return c.isThere(false)
	}
	if !c.shaking.TryLock() {
		return false // who performs the handshake has it
	}
	defer c.doneShaking()
	return len(c.wire.in.data) > 0
}

// isThere reports whether Recv would not wait. Something, or the end, has arrived below where arrived says so.
func (c *Conn) isThere(arrived bool) bool {
	c.reading.wait()
	defer c.doneReading()
	b, err := c.take()
	if arrived && b == nil && err == nil {
		if err = c.wire.fill(); err == nil || c.wire.in.err != nil {
			b, err = c.take()
		}
	}
	c.wire.kick()
	c.got.buf, c.got.off = b, 0
	return b != nil || err != nil
}

// woken is the task that the wait below starts.
func (c *Conn) woken(_ *unio.Conn, err error) {
	if err == nil && c.shaken.Load() {
		c.conn.SetReadDeadline(time.Time{}) // of an earlier call, which may have passed
		c.wire.setReadBy(time.Time{})
		if !c.isThere(true) {
			if err = c.awaitAgain(); err == nil {
				return
			}
		}
	}
	c.callAwaited(err)
}

// awaitAgain waits for the rest of the limit.
func (c *Conn) awaitAgain() error {
	a := &c.await
	limit := time.Duration(0)
	if !a.until.IsZero() {
		if limit = a.until.Sub(c.conn.Now()); limit <= 0 {
			return os.ErrDeadlineExceeded
		}
	}
	if a.refused {
		return os.ErrDeadlineExceeded
	}
	return c.conn.Await(limit, a.woken)
}

// runAwaited is the task for what was there before.
func (c *Conn) runAwaited() { c.callAwaited(nil) }

func (c *Conn) callAwaited(err error) {
	fn := c.await.fn
	c.await.fn = nil
	c.handle(func() { fn(c, err) })
}

// handle runs a handler, after which the connection is closed unless it goes on in another way. When the handler panics
// the peer is not told that the stream is complete.
func (c *Conn) handle(handler func()) {
	whole := false
	defer func() {
		switch {
		case !whole:
			c.Abort()
		case c.await.fn == nil && !c.kept.Load():
			c.Close()
		}
	}()
	handler()
	whole = true
}

// Loop is the number of the loop on which the connection lives, as [unio.Conn.Loop].
func (c *Conn) Loop() int { return c.conn.Loop() }
