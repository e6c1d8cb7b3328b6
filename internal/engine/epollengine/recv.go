//go:build linux && !unio_noepoll

package epollengine

import (
	"io"
	"syscall"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/sys"
)

// recv tries to complete a Recv. False: it waits, for an edge or for a buffer.
func (e *Engine) recv(d *desc, op *engine.Op) bool {
	if d.eof {
		op.Err = io.EOF
		return true
	}
	b, ok := e.pool.TryGet(min(recvBytes, e.pool.MaxLen()))
	if !ok {
		e.starve(d)
		return false
	}
	d.starved = false
	p := b.Bytes()
	n, errno := sys.Recv(d.fd, p)
	e.stats.enters++
	if n > 0 {
		// Less than was asked for means that there was no more, unless the end stands behind it, epoll(7) Q9. Whatever
		// has come since makes a new edge.
		d.readable = n == len(p) || d.hup
		b.SetLen(n)
		if op.Buf = e.pool.Compact(b); op.Buf != b {
			e.stats.copied++
		}
		return true
	}
	b.Release()
	switch {
	case errno == syscall.EAGAIN:
		d.readable = false
		return false
	case errno != 0:
		op.Err = errno
	case d.reset != nil:
		op.Err = d.reset // the socket has forgotten it: without this a broken stream would seem to be whole
	default:
		d.eof = true
		op.Err = io.EOF
	}
	return true
}

// starve makes d wait until the pool has a buffer again.
func (e *Engine) starve(d *desc) {
	e.stats.noBuffers++
	if !d.starved {
		d.starved = true
		e.starved = append(e.starved, d)
	}
	if e.noNotify == nil {
		e.noNotify = e.pool.Notify(min(recvBytes, e.pool.MaxLen()), e.refill)
	}
}

// refill is called by whoever releases a buffer.
func (e *Engine) refill() {
	e.refilled.Store(true)
	e.waker.wake()
}
