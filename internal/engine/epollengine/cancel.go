//go:build linux && !unio_noepoll

package epollengine

import (
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
