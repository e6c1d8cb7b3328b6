//go:build linux && !unio_noepoll

package epollengine

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/sys"
)

// close performs a Close.
func (e *Engine) close(d *desc, op *engine.Op) bool {
	e.abortAll(d)
	fd := e.detach(d)
	linger := -1
	if op.How != engine.NoLinger {
		linger = sys.Linger(fd)
	}
	if d.holding {
		sys.PushHeld(fd, linger)
	}
	if linger > 0 {
		e.stats.pending++
		e.closers.start(fd, op)
		return false
	}
	op.Err = sys.CloseFD(fd)
	return true
}

// closers are goroutines in close(2) of sockets with SO_LINGER, which blocks until the peer has
// everything, also on a non-blocking socket.
type closers struct {
	wake    func()
	running sync.WaitGroup
	some    atomic.Bool // done has something

	mu      sync.Mutex
	done    engine.Queue
	pending map[*engine.Op]struct{} // whose close has not come back; the goroutine of one that is not here drops its result
}

// start closes fd on a goroutine of its own; op is nil when nobody waits for it.
func (c *closers) start(fd int, op *engine.Op) {
	if op != nil {
		c.mu.Lock()
		if c.pending == nil {
			c.pending = map[*engine.Op]struct{}{}
		}
		c.pending[op] = struct{}{}
		c.mu.Unlock()
	}
	c.running.Go(func() {
		if err := sys.CloseFD(fd); op != nil && c.end(op, err) {
			c.some.Store(true)
			c.wake()
		}
	})
}

// end gives op its result, unless it has one.
func (c *closers) end(op *engine.Op, err error) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.pending[op]; !ok {
		return false
	}
	delete(c.pending, op)
	op.Err = err
	c.done.Push(op)
	return true
}

// expire ends all that are pending.
func (c *closers) expire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for op := range c.pending {
		op.Err = engine.ErrCanceled
		c.done.Push(op)
	}
	c.pending = nil
}

// take moves what is closed to Next.
func (c *closers) take(e *Engine) {
	c.some.Store(false)
	c.mu.Lock()
	defer c.mu.Unlock()
	for op := c.done.Pop(); op != nil; op = c.done.Pop() {
		e.finish(op)
	}
}

// wait reports whether all have come back within the limit.
func (c *closers) wait(limit time.Duration) bool {
	ended := make(chan struct{})
	go func() {
		c.running.Wait()
		close(ended)
	}()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-ended:
		return true
	case <-timer.C:
		return false
	}
}
