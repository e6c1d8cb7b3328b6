//go:build linux && !unio_noepoll

package epollengine

import (
	"syscall"

	"github.com/unio-go/unio/internal/engine"
)

// sendNow starts a Send.
func (e *Engine) sendNow(d *desc, op *engine.Op) bool {
	for _, b := range op.Bufs {
		if b.Len() > 0 {
			return d.writable && e.send(d, op)
		}
	}
	return true
}

// send goes on with a Send. False: it waits, for an edge or for its next turn. Op.Word is the piece that
// comes next and Op.Seq how much of it has gone.
func (e *Engine) send(d *desc, op *engine.Op) bool {
	for turn := 0; ; {
		e.gather(op)
		if e.vector.Bytes() == 0 {
			return true
		}
		if turn >= sendTurnBytesMax {
			e.yield(d)
			return false
		}
		n, errno := e.vector.Send(d.fd)
		e.stats.enters++
		if errno == syscall.EAGAIN {
			d.writable = false
			return false
		}
		if errno != 0 {
			if errno != syscall.EPIPE {
				d.reset = errno
			}
			op.Err = errno
			return true
		}
		op.N += n
		turn += n
		if n < e.vector.Bytes() {
			// Taking less than offered means that the socket is full, epoll(7) Q9. Room makes a new edge.
			d.writable = false
			advance(op, n)
			return false
		}
		advance(op, n)
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
