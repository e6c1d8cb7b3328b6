//go:build linux && !unio_nouring

package uringengine

import (
	"syscall"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/sys"
	"github.com/unio-go/unio/uring"
)

// submitAccept gives a connection that has come, or waits for the multishot accept to bring one.
func (e *Engine) submitAccept(d *desc, op *engine.Op) bool {
	*op.Sock = engine.Socket{}
	if d.backlog.len() > 0 {
		op.Sock.FD = int(d.backlog.pop())
		if !d.has(armed) && d.backlog.len() == 0 && e.able.multishotAccept {
			e.armAccept(d)
		}
		return true
	}
	d.accept = op
	if !d.has(armed) {
		e.armAccept(d)
	}
	return false
}

func (e *Engine) armAccept(d *desc) {
	s := e.sqe()
	s.PrepAccept(int(d.fd), 0, 0, syscall.SOCK_CLOEXEC)
	if e.able.multishotAccept {
		s.Ioprio |= uring.AcceptMultishot
	}
	e.arm(d, s, kindAccept, e.able.multishotAccept)
}

// acceptDone takes one completion of a multishot accept.
func (e *Engine) acceptDone(d *desc, res int32, cqe uint32) {
	if res >= 0 {
		e.accepted(d, res)
	}
	if cqe&uring.CqeFMore == 0 {
		e.acceptEnded(d, res)
	}
}

// accepted gives a connection to whoever waits for it, or keeps it.
func (e *Engine) accepted(d *desc, fd int32) {
	if op := d.accept; op != nil {
		d.accept = nil
		op.Sock.FD = int(fd)
		e.complete(op)
		return
	}
	if d.closing != nil || e.closing {
		sys.CloseFD(int(fd))
		return
	}
	d.backlog.push(fd)
	if d.backlog.len() >= stashConnsMax && d.flags&(armed|ending) == armed {
		e.cancelArmed(d, kindAccept)
	}
}

// acceptEnded is called when the kernel has ended the multishot. A lack of descriptors or memory is a result: the layer
// above knows how long to wait before it tries again.
func (e *Engine) acceptEnded(d *desc, res int32) {
	e.disarm(d, e.able.multishotAccept)
	if d.closing != nil || e.closing {
		e.maybeClosed(d)
		return
	}
	op := d.accept
	if op == nil {
		return // the next Accept arms it again and meets the error, if it was one
	}
	switch errno := syscall.Errno(-res); {
	case res >= 0, errno == syscall.ECANCELED, errno == syscall.EINTR, errno == syscall.EAGAIN,
		errno == syscall.ECONNABORTED:
		// ECONNABORTED is a connection that was gone before it was accepted, accept(2).
		e.armAccept(d)
	default:
		d.accept = nil
		op.Err = errno
		e.complete(op)
	}
}

func (e *Engine) cancelAccept(d *desc, op *engine.Op) {
	// A connection that comes from now on stays with the descriptor.
	d.accept = nil
	op.Err = engine.ErrCanceled
	e.complete(op)
}
