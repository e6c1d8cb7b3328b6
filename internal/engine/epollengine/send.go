//go:build linux && !unio_noepoll

package epollengine

import (
	"syscall"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/sys"
)

// submitSend starts a Send. Most have one piece, which needs no gathering, and are done by one call.
func (e *Engine) submitSend(d *desc, op *engine.Op) bool {
	op.N, op.Word, op.Seq = 0, 0, 0
	if op.How == engine.SendLast {
		d.holding = true
	}
	if len(op.Bufs) == 1 && d.writable && d.out == nil {
		if p := op.Bufs[0].Bytes(); 0 < len(p) && len(p) <= sendBytesMax {
			n, errno := sys.Send(d.fd, &p[0], len(p), moreFlag(op))
			e.stats.enters++
			if n == len(p) {
				op.N = n
				return e.finishNow(true)
			}
			d.claim(&d.out, op)
			done, more := e.sent(d, op, n, errno, len(p))
			return e.started(d, op, done || more && e.send(d, op))
		}
	}
	d.claim(&d.out, op)
	return e.started(d, op, empty(op) || d.writable && e.send(d, op))
}

// moreFlag has the kernel keep what does not fill a segment for the end that follows.
func moreFlag(op *engine.Op) int {
	if op.How == engine.SendLast {
		return syscall.MSG_MORE
	}
	return 0
}

// empty reports whether there is nothing to send.
func empty(op *engine.Op) bool {
	for _, b := range op.Bufs {
		if b.Len() > 0 {
			return false
		}
	}
	return true
}

// send goes on with a Send. False: it waits, for an edge or for its next turn. Op.Word is the piece that
// comes next and Op.Seq how much of it has gone.
func (e *Engine) send(d *desc, op *engine.Op) bool {
	for turn := op.N; ; {
		e.gather(op)
		if e.vector.Bytes() == 0 {
			return true
		}
		if op.N-turn >= sendTurnBytesMax {
			e.yield(d)
			return false
		}
		n, errno := e.vector.Send(d.fd, moreFlag(op))
		e.stats.enters++
		if done, more := e.sent(d, op, n, errno, e.vector.Bytes()); !more {
			return done
		}
	}
}

// sent takes the outcome of one call that offered the socket so many bytes: done when the operation has
// failed, more when the socket may take another call.
func (e *Engine) sent(d *desc, op *engine.Op, n int, errno syscall.Errno, offered int) (done, more bool) {
	switch {
	case errno == syscall.EAGAIN:
		d.writable = false
		return false, false
	case errno == syscall.EINTR:
		return false, true
	case errno != 0:
		d.failed(errno)
		op.Err = errno
		return true, false
	}
	op.N += n
	advance(op, n)
	if n < offered {
		// Taking less than offered means that the socket is full, epoll(7) Q9. Room makes a new edge.
		d.writable = false
		return false, false
	}
	return false, true
}

// failed notes an error that a send has taken from the socket.
func (d *desc) failed(err error) {
	if err != syscall.EPIPE {
		d.reset = err
	}
}

// gather collects what is next of a Send.
func (e *Engine) gather(op *engine.Op) {
	v := &e.vector
	v.Reset()
	off := int(op.Seq)
	for _, b := range op.Bufs[op.Word:] {
		p := b.Bytes()[off:]
		off = 0
		if room := sendBytesMax - v.Bytes(); len(p) > room {
			v.Append(p[:room])
			return
		}
		if !v.Append(p) {
			return
		}
	}
}

// advance passes over n bytes, and over empty pieces behind them.
func advance(op *engine.Op, n int) {
	i, off := int(op.Word), int(op.Seq)+n
	for i < len(op.Bufs) && off >= op.Bufs[i].Len() {
		off -= op.Bufs[i].Len()
		i++
	}
	op.Word, op.Seq = uint64(i), uint32(off)
}
