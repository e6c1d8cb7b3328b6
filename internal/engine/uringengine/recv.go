//go:build linux && !unio_nouring

package uringengine

import (
	"io"
	"syscall"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/mem"
	"github.com/unio-go/unio/uring"
)

// submitRecv gives what is there, or waits for the multishot receive to bring something. That is armed by the first
// operation and not before: an idle connection costs the kernel nothing.
func (e *Engine) submitRecv(d *desc, op *engine.Op) bool {
	op.Buf = nil
	if d.unread.len() > 0 {
		op.Buf = d.unread.pop()
		if e.receivesAhead(d) && !e.wantsLarge(d, op) {
			e.armRecv(d, false)
		}
		return true
	}
	if d.err != nil {
		op.Err = d.err
		return true
	}
	d.recv = op
	if d.flags&(armed|starved) == 0 {
		e.armRecv(d, false)
	}
	return false
}

// receivesAhead reports whether a multishot may receive what nobody has asked for yet: so little is unread and so many blocks are there.
func (e *Engine) receivesAhead(d *desc) bool {
	free := d.flags&(armed|starved) == 0 && d.err == nil && e.able.multishotRecv
	return free && d.unread.bytes < e.unreadMax/2 && d.unread.len() < stashPiecesMax/2 && !e.blocks.scarce && len(e.starved) == 0
}

// wantsLarge reports whether a receive for op is to be a single large one.
func (e *Engine) wantsLarge(d *desc, op *engine.Op) bool {
	return op != nil && !e.blocks.scarce && e.blocks.blockBytes >= engine.BulkBytes && d.bulk.Offer(e.blocks.pool, op) == engine.BulkBytes
}

// armRecv asks the kernel to receive, or to tell when it could, where that is what d's operation asks for. While others wait for blocks
// it puts d behind them, unless it is d's turn. The first time it asks for one message: a connection that serves one request then has
// nothing to cancel when it is closed. Where multishot receives are broken there is a single one for each Recv, and so there
// is while buffers are scarce, of a page: what nobody has asked for must not take what others wait for. A large one is single because a
// multishot goes on when nobody asks.
func (e *Engine) armRecv(d *desc, turn bool) {
	if op := d.recv; op != nil && op.How == engine.RecvReady && d.bulk.Large() {
		e.armLook(d)
		return
	}
	if len(e.starved) > 0 && !turn {
		e.starve(d)
		return
	}
	e.blocks.used = true
	s := e.sqe()
	big := e.wantsLarge(d, d.recv)
	multishot := e.able.multishotRecv && d.flags&(armedOnce|readsEnded) == armedOnce && !e.blocks.scarce && !big
	if multishot {
		d.flags &^= single
		// The limit of all bytes is looked at after each completion, so that of one completion is needed too: together
		// they never go beyond what one descriptor may hold. A quarter each makes four completions of what is received
		// before the receive has to be armed again; a half each made three of 16 KiB and cost 1 % more.
		each := e.each()
		s.PrepRecvMultishotLimit(int(d.fd), bufferGroup, uint32(each), uint32(e.unreadMax+1-each-d.unread.bytes), 0)
	} else {
		d.flags |= single
		most := e.unreadMax
		switch {
		case big:
			most = engine.BulkBytes
			d.flags |= large
		case e.blocks.scarce:
			most = min(most, blockBytesMin)
		}
		s.PrepRecv(int(d.fd), 0, uint32(most), 0)
		s.SetBufferGroup(bufferGroup)
	}
	if d.has(drained) {
		s.Ioprio |= uring.RecvsendPollFirst // nothing is there: the kernel need not look before it waits
	}
	e.arm(d, s, kindRecv, multishot)
	if big {
		e.willCopy(engine.BulkBytes)
	}
}

// each is what one completion of a multishot brings at most.
func (e *Engine) each() int { return max(e.unreadMax/4, 1) } // 0 would be no limit

// arm accounts for a receive or an accept.
func (e *Engine) arm(d *desc, s *uring.SQE, kind uint64, multishot bool) {
	s.UserData = kind<<kindShift | d.tag
	if multishot {
		e.stats.multishots++
		if d.has(multishotOnce) {
			e.stats.rearms++
		}
		d.flags |= multishotOnce
	}
	d.flags |= armed | armedOnce
	d.requests++
	e.stats.pending++
}

// disarm is the other end of arm. It reports whether we had asked for the end.
func (e *Engine) disarm(d *desc, multishot bool) (asked bool) {
	if multishot {
		e.stats.multishots--
	}
	asked = d.has(ending)
	d.flags &^= armed | ending | large | looking
	d.requests--
	e.stats.pending--
	return asked
}

// recvDone takes one completion of a multishot receive.
func (e *Engine) recvDone(d *desc, res int32, cqe uint32) {
	if d.has(looking) {
		e.lookDone(d, res)
		return
	}
	if cqe&uring.CqeFBuffer != 0 {
		if b := e.blocks.take(cqe, int(max(res, 0))); b != nil {
			d.got = res
			e.weigh(d, int(res), cqe&uring.CqeFSockNonempty != 0)
			e.deliver(d, b, int(res))
		}
	}
	if cqe&uring.CqeFMore != 0 {
		if cqe&uring.CqeFSockNonempty == 0 && !d.has(suspected) {
			e.suspect(d)
		}
		return
	}
	d.flags &^= drained
	if res > 0 && cqe&uring.CqeFSockNonempty == 0 {
		d.flags |= drained
	}
	e.recvEnded(d, res)
}

// weigh notes how much has come at once. A piece is small also where a multishot or the end of a block has cut it off; more says
// that the socket has the rest.
func (e *Engine) weigh(d *desc, n int, more bool) {
	if whole := more && n >= e.each(); whole || !more || n >= engine.RecvBytes {
		d.bulk.Got(n, whole)
	}
}

// deliver gives a piece to whoever waits for it, or keeps it.
func (e *Engine) deliver(d *desc, b *mem.Buf, n int) {
	if op := d.recv; op != nil {
		d.recv = nil
		op.Buf = b
		e.complete(op)
		return
	}
	d.unread.push(b, n)
	if d.flags&(armed|ending|single) == armed && (e.blocks.scarce || d.unread.len() >= stashPiecesMax) {
		e.cancelArmed(d, kindRecv)
	}
}

// recvEnded is called when the kernel has ended the multishot, for whatever reason.
func (e *Engine) recvEnded(d *desc, res int32) {
	asked := e.disarm(d, !d.has(single))
	switch errno := syscall.Errno(-res); {
	case res > 0: // the limit of bytes, an overflow of the completion ring, or the kernel's sense of fairness
	case res == 0 && d.reset != nil:
		d.err = d.reset // the socket has forgotten it: without this a broken stream would seem to be whole
	case res == 0:
		d.err = io.EOF
	case errno == syscall.ENOBUFS:
		e.stats.noBuffers++
		e.starve(d)
		e.blocks.short = true
	case errno == syscall.ECANCELED, errno == syscall.EINTR, errno == syscall.ENOENT && asked, errno == syscall.EAGAIN:
		// Ours, or that of a thread which has ended: a receive that nobody cancelled goes on.
	default:
		d.err = errno
	}
	if d.closing != nil || e.closing {
		e.maybeClosed(d)
		return
	}
	op := d.recv
	if op == nil {
		return
	}
	if d.err != nil {
		d.recv = nil
		op.Err = d.err
		e.complete(op)
	} else if !d.has(starved) {
		e.armRecv(d, false)
	}
}

// tighten follows when buffers have become scarce: what nobody waits for is not received any more, and what is kept is copied
// out of large blocks, so that those who do not read hold none.
func (e *Engine) tighten() {
	for i := range e.table.slots {
		d := e.table.slots[i].d
		if d == nil {
			continue
		}
		if d.recv == nil && d.flags&(armed|ending|single) == armed && d.kind != engine.Listener {
			e.cancelArmed(d, kindRecv)
		}
		for j := d.unread.first; j < len(d.unread.pieces); j++ {
			d.unread.pieces[j] = e.blocks.compact(d.unread.pieces[j])
		}
	}
}

func (e *Engine) cancelRecv(d *desc, op *engine.Op) {
	// What the kernel receives from now on stays with the descriptor.
	d.recv = nil
	if d.flags&(large|ending) == large {
		e.cancelArmed(d, kindRecv)
	}
	op.Err = engine.ErrCanceled
	e.complete(op)
}
