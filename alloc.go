package unio

import (
	"github.com/unio-go/unio/internal/loop"
	"github.com/unio-go/unio/mem"
)

// starved are the Writes of a connection that wait for a buffer of the pool, on the loop, so that a deadline, a Close and a
// reset end their wait like any other.
type starved struct {
	queue  waitQueue
	cancel func() // withdraws the request to the pool, or passes the pool's call on
}

// pieceMax is how much a Write takes over at once: what may be ahead of the kernel, or what the pool has at most.
func (c *Conn) pieceMax() int { return min(aheadBytes, c.home.rt.pool.MaxLen()) }

// longMax is how much a long Write takes over at once while there are buffers enough, and else 0: larger sends wake the other end less
// often.
func (c *Conn) longMax() int {
	if pool := c.home.rt.pool; pool.Ample() {
		return min(longBytes, pool.MaxLen())
	}
	return 0
}

// alloc gives a Write its buffer; t is nil outside of the loop's tasks.
func (c *Conn) alloc(t *loop.Task, n int) (*mem.Buf, error) {
	if b, ok := c.home.rt.pool.TryGet(n); ok {
		return b, nil
	}
	if t != nil {
		w := &t.Waiter
		w.N = n
		c.heed()
		c.serveAlloc(w)
		t.Wait()
		b, err := w.Buf, w.Err
		w.Buf, w.Err = nil, nil
		return b, err
	}
	w, err := c.l.Foreign()
	if err != nil {
		return nil, err
	}
	w.To, w.Code, w.N = c.side(), callAlloc, n
	c.ask(w)
	b, err := w.Buf, w.Err
	w.Free()
	return b, err
}

// serveAlloc serves a Write at once or puts it behind those that wait.
func (c *Conn) serveAlloc(w *loop.Waiter) {
	if err := c.writeErr(); err != nil {
		finish(w, err)
		return
	}
	if c.starved == nil {
		c.starved = &starved{}
	}
	c.starved.queue.push(w)
	if d := c.writeDeadline.Load(); d != 0 {
		c.arm(d)
	}
	c.feed()
}

// feed gives those who wait what the pool has, in order, and asks the pool to tell when it has more.
func (c *Conn) feed() {
	s := c.starved
	for w := s.queue.head; w != nil; w = s.queue.head {
		b, ok := c.home.rt.pool.TryGet(w.N)
		if !ok {
			break
		}
		s.queue.pop()
		if !w.Claim() {
			b.Release()
			continue
		}
		w.Buf = b
		w.Finish()
	}
	s.withdraw()
	if w := s.queue.head; w != nil {
		s.cancel = c.home.rt.pool.Notify(w.N, func() { c.mail((*Conn).feed) })
	}
}

// fail ends all waits.
func (s *starved) fail(err error) {
	if s == nil {
		return
	}
	s.queue.fail(err)
	s.withdraw()
}

// withdraw ends what the pool was asked for.
func (s *starved) withdraw() {
	if s.cancel != nil {
		s.cancel()
		s.cancel = nil
	}
}

// waiting reports whether a Write waits.
func (s *starved) waiting() bool { return s != nil && !s.queue.empty() }
