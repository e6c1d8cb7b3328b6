//go:build linux && !unio_noepoll

package epollengine

import (
	"net"
	"time"

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

// close performs a Close.
func (e *Engine) close(d *desc, op *engine.Op) bool {
	e.abortAll(d)
	op.Err = sys.CloseFD(e.detach(d))
	return true
}

// Close ends everything. Nothing of it has to be waited for: the kernel keeps no operation of this engine.
func (e *Engine) Close(time.Duration) error {
	if e.closed {
		return net.ErrClosed
	}
	e.closed = true
	for _, s := range e.table[1:] {
		if s.d != nil {
			e.abortAll(s.d)
			sys.CloseFD(e.detach(s.d))
		}
	}
	e.withdraw()
	e.starved, e.ready, e.later = nil, descQueue{}, descQueue{}
	e.publish()
	err := e.waker.close()
	if e.netpoll != nil {
		return e.netpoll.close()
	}
	if epErr := sys.CloseFD(e.ep); err == nil {
		err = epErr
	}
	return err
}
