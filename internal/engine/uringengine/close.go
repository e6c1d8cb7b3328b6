//go:build linux && !unio_nouring

package uringengine

import (
	"syscall"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/sys"
	"github.com/unio-go/unio/uring"
)

// submitClose ends what is pending. close(2) alone would end nothing: a request keeps the open file, and a receive
// would go on to take data from it.
func (e *Engine) submitClose(d *desc, op *engine.Op) bool {
	d.closing = op
	d.linger = -1
	if d.kind == engine.Stream && op.How != engine.NoLinger {
		d.linger = int32(sys.Linger(int(d.fd)))
	}
	if d.has(holding) {
		sys.PushHeld(int(d.fd), int(d.linger))
	}
	e.endAll(d)
	return d.requests == 0 && e.closeFD(d)
}

// endAll completes or cancels everything that is pending on a descriptor.
func (e *Engine) endAll(d *desc) {
	if op := d.recv; op != nil {
		e.cancelRecv(d, op)
	}
	if op := d.accept; op != nil {
		e.cancelAccept(d, op)
	}
	e.cancelSend(d)
	if d.flags&(armed|ending) == armed {
		kind := uint64(kindRecv)
		if d.kind == engine.Listener {
			kind = kindAccept
		}
		e.cancelArmed(d, kind)
	}
}

// maybeClosed goes on with a close when the kernel has nothing more of the descriptor.
func (e *Engine) maybeClosed(d *desc) {
	if op := d.closing; op != nil && d.requests == 0 && e.closeFD(d) {
		e.complete(op)
	}
}

// closeFD closes the descriptor and reports whether that is done. Where SO_LINGER makes close(2) block, a worker thread
// of the kernel does it.
func (e *Engine) closeFD(d *desc) (done bool) {
	e.dropUnread(d)
	if d.linger > 0 {
		e.queueClose(d)
		return false
	}
	d.closing.Err = sys.CloseFD(int(d.fd))
	e.forget(d)
	return true
}

// queueClose has a worker close the descriptor.
func (e *Engine) queueClose(d *desc) {
	s := e.sqe()
	s.PrepClose(int(d.fd))
	s.Flags |= uring.SqeAsync
	s.UserData = kindClose<<kindShift | d.tag
	d.requests++
	e.stats.pending++
}

// closeDone takes the completion of a close by a worker. One that was cancelled before the worker began has closed nothing:
// the end of the engine, which cancels everything, or that of a thread is no reason to keep the descriptor.
func (e *Engine) closeDone(d *desc, res int32) {
	d.requests--
	e.stats.pending--
	op := d.closing
	switch errno := syscall.Errno(-res); {
	case errno == syscall.ECANCELED && !e.closing:
		e.queueClose(d)
		return
	case errno == syscall.ECANCELED:
		sys.SetLinger(int(d.fd), -1) // the kernel goes on sending, and nobody waits
		op.Err = sys.CloseFD(int(d.fd))
	case res < 0:
		op.Err = errno
	}
	e.forget(d)
	e.complete(op)
}

// dropUnread gives up what nobody will ask for.
func (e *Engine) dropUnread(d *desc) {
	d.unread.drop()
	for d.backlog.len() > 0 {
		sys.CloseFD(int(d.backlog.pop()))
	}
}

// forget takes a descriptor out of the table. Its index may be used again: the kernel has nothing of it.
func (e *Engine) forget(d *desc) {
	e.table.remove(d)
	d.setFD(-1)
	e.stats.descs--
}
