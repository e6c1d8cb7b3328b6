//go:build linux && !unio_noepoll

package epollengine

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/sys"
)

// Cancel ends a pending operation. Nothing was started in the kernel, so that nothing can be lost.
func (e *Engine) Cancel(op *engine.Op) {
	if op.Code == engine.Connect {
		if d := e.connecting(op); d != nil {
			e.abort(d, op)
			sys.CloseFD(e.detach(d))
		}
		return
	}
	if d, ok := op.Desc.(*desc); ok && (d.in == op || d.out == op) {
		e.abort(d, op)
	}
}

// abort completes a pending operation with ErrCanceled.
func (e *Engine) abort(d *desc, op *engine.Op) {
	d.release(op)
	op.Err = engine.ErrCanceled
	e.finish(op)
}

// abortAll completes all that is pending on d.
func (e *Engine) abortAll(d *desc) {
	if d.in != nil {
		e.abort(d, d.in)
	}
	if d.out != nil {
		e.abort(d, d.out)
	}
}

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

// Close ends everything. The kernel keeps no operation of this engine, so that only closing with
// SO_LINGER may have to be waited for; what the limit leaves goes on closing by itself.
func (e *Engine) Close(limit time.Duration) error {
	if e.closed {
		return net.ErrClosed
	}
	e.closed = true
	for _, s := range e.table[1:] {
		if s.d == nil {
			continue
		}
		e.abortAll(s.d)
		if fd := e.detach(s.d); sys.Linger(fd) > 0 {
			e.closers.start(fd, nil)
		} else {
			sys.CloseFD(fd)
		}
	}
	var err error
	if !e.closers.wait(limit) {
		err = fmt.Errorf("engine epoll: close: sockets with SO_LINGER still close after %v", limit)
		e.closers.expire()
	}
	e.closers.take(e)
	e.withdraw()
	e.starved, e.ready, e.later = nil, descQueue{}, descQueue{}
	e.publish()
	err = errors.Join(err, e.waker.close())
	if e.netpoll != nil {
		return errors.Join(err, e.netpoll.close())
	}
	return errors.Join(err, sys.CloseFD(e.ep))
}
