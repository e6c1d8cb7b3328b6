//go:build linux && !unio_nouring

package uringengine

import (
	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/uring"
)

// Cancel asks for an early end. That of Recv and Accept is immediate, since the kernel's multishot request goes on and
// what it brings stays with the descriptor. That of Send and Connect is the kernel's to tell.
func (e *Engine) Cancel(op *engine.Op) {
	if op.Code == engine.Connect {
		e.cancelConnect(op)
		return
	}
	d, ok := op.Desc.(*desc)
	if !ok {
		return
	}
	switch op {
	case d.recv:
		e.cancelRecv(d, op)
	case d.accept:
		e.cancelAccept(d, op)
	case d.send:
		e.cancelSend(d)
	}
}

// cancelArmed ends the receive or accept of a descriptor. Its terminal completion is still to come.
func (e *Engine) cancelArmed(d *desc, kind uint64) {
	d.flags |= ending
	e.cancelRequest(d, kind)
}

// cancelRequest queues a cancellation by user_data, which names one request of all time. Whether it found the request,
// came too late or could not stop it, the request's own completion tells how it ended.
func (e *Engine) cancelRequest(d *desc, kind uint64) {
	s := e.sqe()
	s.PrepCancel(kind<<kindShift|d.tag, 0)
	s.Flags |= uring.SqeCqeSkipSuccess
	s.UserData = kindNone
}
