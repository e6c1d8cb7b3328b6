package unio

import (
	"errors"
	"fmt"
	"net"
	"os"
	"time"
)

// awaiting is what a connection does that has no task: it waits for its next bytes.
type awaiting struct {
	fn    func(*Conn, error)
	until int64 // loop time; 0: no limit
	err   error // for the call of fn
	begun bool  // the task is on its way
}

// Await lets the connection wait without a task, and so without a stack: fn runs as a new task of the same loop when
// bytes have arrived or the stream has ended (err is nil, and Recv does not wait), when limit has passed
// (os.ErrDeadlineExceeded) or when the connection is closed (net.ErrClosed). A limit of 0 is none, a negative one is an error;
// one of a second or more begins with the turn of the loop, as in libuv, so that what a handler has computed before is taken
// off it. The handler that calls Await returns; as after a handler, the connection is closed when fn returns, unless fn has called
// Await or Keep.
//
// It is how a server keeps thousands of idle connections, and how a pool notices that one has been closed. Await is
// called by a task of the connection's loop, and nobody may receive until fn runs or Unawait has returned true.
func (c *Conn) Await(limit time.Duration, fn func(c *Conn, err error)) error {
	switch {
	case fn == nil:
		return c.opError("read", errors.New("Await needs a function"))
	case limit < 0:
		return c.opError("read", fmt.Errorf("Await for %v: 0 is no limit", limit))
	case c.l.Here() == nil:
		return c.opError("read", errors.New("Await must be called by a task of the connection's loop"))
	case c.closing:
		return c.opError("read", net.ErrClosed)
	case c.await.fn != nil || !c.readers.empty():
		return c.opError("read", errors.New("Await while somebody waits for the connection already"))
	}
	c.await.fn, c.await.until = fn, 0
	if c.rest != nil || c.startRecvFor(1, false) { // fn may take as little as it likes
		c.awaited(nil)
		return nil
	}
	if limit > 0 {
		c.await.until = c.l.Within(limit)
		c.arm(c.await.until)
	}
	return nil
}

// Unawait takes the wait back: true if nothing has happened that fn is to be called for, and it will not be. It is called
// by a task of the connection's loop.
func (c *Conn) Unawait() bool {
	if c.l.Here() == nil || c.await.fn == nil || c.await.begun {
		return false
	}
	c.await.fn = nil
	return true
}

// awaited starts the task that the wait was for.
func (c *Conn) awaited(err error) {
	if c.await.begun {
		return
	}
	c.await.begun = true
	c.await.err = err
	c.await.until = 0
	c.l.Do(c.side())
}

// Run is the task.
func (s *loopSide) Run() {
	c := (*Conn)(s)
	fn := c.await.fn
	c.await.fn, c.await.begun = nil, false
	defer c.handled()
	fn(c, c.await.err)
}

// handled is the end of a handler: the connection is closed unless it goes on in another way.
func (c *Conn) handled() {
	if c.await.fn == nil && !c.keep {
		c.shut(nil)
	}
}

// awaitExpired ends a wait whose limit has passed.
func (c *Conn) awaitExpired(now int64) {
	switch until := c.await.until; {
	case until == 0:
	case until > now:
		c.arm(until)
	default:
		c.awaited(os.ErrDeadlineExceeded)
	}
}

// handle runs a handler as a task of the connection's loop, and closes the connection after it.
func (c *Conn) handle(handler func(*Conn, error)) {
	c.await.fn = handler
	c.awaited(nil)
}
