//go:build linux && !unio_noepoll

package epollengine

import (
	"io"
	"syscall"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/sys"
	"github.com/unio-go/unio/mem"
)

// recv tries to complete a Recv. False: it waits, for an edge or for a buffer.
func (e *Engine) recv(d *desc, op *engine.Op) bool {
	if d.eof {
		op.Err = io.EOF
		return true
	}
	b := e.buffer(d.bulk.Offer(e.pool, op))
	if b == nil {
		e.starve(d)
		return false
	}
	d.starved = false
	p := b.Bytes()
	n, errno := sys.Recv(d.fd, &p[0], len(p))
	e.stats.enters++
	for errno == syscall.EINTR {
		n, errno = sys.Recv(d.fd, &p[0], len(p))
		e.stats.enters++
	}
	err := d.received(n, errno, len(p))
	if n > 0 {
		b.SetLen(n)
		if op.Buf = e.pool.Compact(b); op.Buf != b {
			e.stats.copied++
		}
		return true
	}
	b.Release()
	op.Err = err
	return err != nil
}

// received takes the outcome of one recv(2) that had room for so many bytes. Without bytes and an error there is nothing.
func (d *desc) received(n int, errno syscall.Errno, room int) error {
	switch {
	case n > 0:
		// Less than was asked for means that there was no more, unless the end stands behind it,
		// epoll(7) Q9. Whatever has come since makes a new edge.
		d.readable = n == room || d.hup
		d.bulk.Filled(n, room)
		return nil
	case errno == syscall.EAGAIN:
		d.readable = false
		return nil
	case errno == syscall.EINTR: // it is tried again
		return nil
	case errno != 0:
		return errno
	case d.reset != nil:
		return d.reset // the socket has forgotten it: without this a broken stream would seem to be whole
	}
	d.eof = true
	return io.EOF
}

// buffer takes a buffer to receive into, a small one when large ones are scarce: slow beats stopped.
func (e *Engine) buffer(n int) *mem.Buf {
	b, _ := e.pool.TryGetUpTo(n)
	return b
}

// starve makes d wait until the pool has a buffer again, of either size.
func (e *Engine) starve(d *desc) {
	e.stats.noBuffers++
	if !d.starved {
		d.starved = true
		e.starved = append(e.starved, d)
	}
	if len(e.notices) == 0 {
		e.notify()
	}
}

// notify asks the pool to tell of a free buffer.
func (e *Engine) notify() {
	e.notices = append(e.notices, e.pool.Notify(engine.RecvUsual(e.pool), e.refill), e.pool.Notify(mem.PageBytes, e.refill))
}

// renotify follows when the pool has told and all who waited have had their try: what they left is for
// the pool's next waiter, and those that got nothing wait anew.
func (e *Engine) renotify() {
	if !e.served {
		return
	}
	e.withdraw()
	if len(e.starved) > 0 {
		e.notify()
	}
}

// withdraw ends the wait for a buffer.
func (e *Engine) withdraw() {
	e.served = false
	for i, cancel := range e.notices {
		cancel()
		e.notices[i] = nil
	}
	e.notices = e.notices[:0]
}

// refill is called by whoever releases a buffer.
func (e *Engine) refill() {
	e.refilled.Store(true)
	e.waker.wake()
}
