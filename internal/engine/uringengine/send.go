//go:build linux && !unio_nouring

package uringengine

import (
	"syscall"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/sys"
)

// sendFlags are those for n bytes. A small send is finished by the kernel itself when the socket has no room for all of
// it. A large one tells what was taken as soon as the socket is full, so that Op.N is never far behind.
func sendFlags(op *engine.Op, n uint32) uint32 {
	flags := syscall.MSG_NOSIGNAL | moreFlag(op)
	if n <= sendWholeBytesMax {
		flags |= syscall.MSG_WAITALL
	}
	return uint32(flags)
}

// moreFlag has the kernel keep what does not fill a segment for the end that follows.
func moreFlag(op *engine.Op) int {
	if op.How == engine.SendLast {
		return syscall.MSG_MORE
	}
	return 0
}

// submitSend hands the buffers to the kernel. Op.Word is the number of bytes in all, Op.N of those that it took.
func (e *Engine) submitSend(d *desc, op *engine.Op) bool {
	op.N, op.Word = 0, 0
	for _, b := range op.Bufs {
		op.Word += uint64(b.Len())
	}
	if op.Word == 0 {
		return true
	}
	if op.How == engine.SendLast {
		d.flags |= holding
	}
	if e.netpoll != nil && e.lone == nil && e.ring.Pending() == 0 && len(op.Bufs) == 1 && op.Word <= sendWholeBytesMax {
		d.send, e.lone = op, d
		return false
	}
	if err := e.startSend(d, op); err != nil {
		op.Err = err
		return true
	}
	d.send = op
	return false
}

// A small send is put off on a shared ring. If nothing else is queued before the next enter, it is made by send(2): that is
// one call too, and spares the request, its completion, and the network poller's look at the ring for it. With a second
// request both go through the ring.

// sendLone makes the send that was put off.
func (e *Engine) sendLone() {
	d := e.lone
	e.lone = nil
	p := d.send.Bufs[0].Bytes()
	n, errno := sys.Send(int(d.fd), &p[0], len(p), moreFlag(d.send))
	e.stats.enters++
	if errno != 0 {
		n = -int(errno)
	}
	e.sendResult(d, n, false)
}

// queueLone makes a request of the send that was put off.
func (e *Engine) queueLone() {
	d := e.lone
	e.lone = nil
	_ = e.startSend(d, d.send) // one piece needs no record, for which alone there could be no memory
}

// startSend queues a send of what is left. At most one is with the kernel for each descriptor: a second would overtake
// one that waits for room.
func (e *Engine) startSend(d *desc, op *engine.Op) error {
	if len(op.Bufs) == 1 {
		p := op.Bufs[0].Bytes()[op.N:]
		s := e.sqe()
		s.PrepSend(int(d.fd), addrOf(p), uint32(len(p)), sendFlags(op, uint32(len(p))))
		s.UserData = kindSend<<kindShift | d.tag
	} else if err := e.startMessage(d, op); err != nil {
		return err
	}
	d.flags |= sending
	d.requests++
	e.stats.pending++
	e.willCopy(int(op.Word) - op.N)
	return nil
}

// willCopy notes that n bytes will be copied for what has just been queued. What is queued goes to the kernel when it is much: others
// that want to stop the world can then do it.
func (e *Engine) willCopy(n int) {
	if n <= sendWholeBytesMax || e.polled {
		return
	}
	if e.copying += n; e.copying >= rawBytesMax {
		e.enterNow()
	}
}

// startMessage gathers pieces in a record, as many as it holds, from the first byte that was not sent.
func (e *Engine) startMessage(d *desc, op *engine.Op) error {
	rec := d.rec
	if rec == nil {
		var err error
		if rec, err = e.records.get(); err != nil {
			return err
		}
		d.rec = rec
	}
	rec.reset()
	skip := op.N
	for _, b := range op.Bufs {
		p := b.Bytes()
		if skip >= len(p) {
			skip -= len(p)
			continue
		}
		if !rec.add(p[skip:]) {
			break
		}
		skip = 0
	}
	s := e.sqe()
	if rec.n == 1 {
		addr, n := rec.piece()
		s.PrepSend(int(d.fd), addr, n, sendFlags(op, n))
	} else {
		s.PrepSendmsg(int(d.fd), rec.header(), sendFlags(op, rec.bytes))
	}
	s.UserData = kindSend<<kindShift | d.tag
	return nil
}

// sendDone takes the completion of a send.
func (e *Engine) sendDone(d *desc, res int32) {
	asked := d.has(sendEnding)
	d.flags &^= sending | sendEnding
	d.requests--
	e.stats.pending--
	e.sendResult(d, int(res), asked)
}

// sendResult goes on with a send of which a call or a request has told the result. asked says that its end was asked for.
func (e *Engine) sendResult(d *desc, res int, asked bool) {
	op := d.send
	errno := syscall.Errno(0)
	if res >= 0 {
		op.N += res
	} else {
		errno = syscall.Errno(-res)
	}
	switch {
	case uint64(op.N) == op.Word:
	case asked || e.closing:
		op.Err = engine.ErrCanceled
	case res > 0, errno == syscall.EINTR, errno == syscall.ECANCELED, errno == syscall.EAGAIN:
		// A part, or the end of a thread that is not ours: the rest follows.
		if op.Err = e.startSend(d, op); op.Err == nil {
			return
		}
	default:
		e.failed(d, errno)
		op.Err = errno
	}
	d.send = nil
	if d.rec != nil {
		e.records.put(d.rec)
		d.rec = nil
	}
	e.complete(op)
	if d.closing != nil || e.closing {
		e.maybeClosed(d)
	}
}

// failed notes an error that a send has taken from the socket.
func (e *Engine) failed(d *desc, err error) {
	if err != syscall.EPIPE {
		d.reset = err
	}
	if d.flags&(armed|ending) == armed && d.closing == nil && !e.closing {
		e.cancelArmed(d, kindRecv) // it may have missed what the send has met: see resets.go
	}
}

func (e *Engine) cancelSend(d *desc) {
	if e.lone == d {
		e.queueLone()
	}
	if d.flags&(sending|sendEnding) == sending {
		d.flags |= sendEnding
		e.cancelRequest(d, kindSend)
	}
}
