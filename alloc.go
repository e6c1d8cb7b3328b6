package unio

import (
	"context"
	"net"
	"sync/atomic"

	"github.com/unio-go/unio/internal/loop"
	"github.com/unio-go/unio/mem"
)

// Alloc gives a buffer of n bytes from the runtime's pool, the caller's to release. n is from 1 to [mem.Pool.MaxLen], which is
// 1 MiB unless [Options].BufBytes is less; others are an error at once. It waits when the pool's limit is reached: a task
// parks, a goroutine blocks, until a buffer is released or ctx is done. In a coroutine that a task made it fails with
// ErrCoroutine instead.
func (rt *Runtime) Alloc(ctx context.Context, n int) (*mem.Buf, error) {
	if b, ok := rt.pool.TryGet(n); ok {
		return b, nil
	}
	if n <= 0 || n > rt.pool.MaxLen() {
		return rt.pool.Get(ctx, n) // which says what is wrong
	}
	t, err := loop.Caller()
	if err != nil {
		return nil, err
	}
	if t != nil {
		return allocTask(ctx, rt.pool, t, n)
	}
	b, err := rt.pool.Get(ctx, n)
	if err == mem.ErrClosed {
		err = net.ErrClosed // as for a task
	}
	return b, err
}

// allocTask waits for a buffer in a task. It fails with net.ErrClosed when the runtime is closed.
func allocTask(ctx context.Context, pool *mem.Pool, t *loop.Task, n int) (*mem.Buf, error) {
	for l := t.Loop(); ; {
		if l.Closing() {
			return nil, net.ErrClosed
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		m := &bufWait{mailedTask: mailedTask{t: t}}
		m.Mail, m.member.Of = m, m
		l.Add(&m.member)
		cancel := pool.Notify(n, m.wakeOnce)
		stop := context.AfterFunc(ctx, m.wakeOnce)
		t.Wait()
		stop()
		l.Remove(&m.member)
		b, ok := pool.TryGet(n) // before cancel, which gives the turn to the next one
		cancel()
		if ok {
			return b, nil
		}
	}
}

// bufWait is a task that waits for a buffer. It is woken once: by the pool, by the end of a context, or with the loop.
type bufWait struct {
	mailedTask
	member loop.Member
	woken  atomic.Bool
}

func (m *bufWait) wakeOnce() {
	if !m.woken.Swap(true) {
		m.wake()
	}
}

// Abort wakes the task because its loop ends.
func (m *bufWait) Abort() { m.wakeOnce() }

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
