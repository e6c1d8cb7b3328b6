package stdengine

import (
	"time"

	"github.com/unio-go/unio/internal/engine"
)

// Cancel asks a pending operation to end. Data or a connection that have come first are its result.
func (e *Engine) Cancel(op *engine.Op) {
	if op.Code == engine.Connect {
		e.mu.Lock()
		cancel := e.dials[op]
		e.mu.Unlock()
		if cancel != nil {
			cancel()
		}
		return
	}
	if d, ok := op.Desc.(*desc); ok {
		d.cancel(op)
	}
}

// cancel ends op if it is pending.
func (d *desc) cancel(op *engine.Op) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch op {
	case d.in.op:
		if d.listener != nil {
			d.cancelAccept(op)
			return
		}
		d.in.end(d.conn.SetReadDeadline)
	case d.out.op:
		d.out.end(d.conn.SetWriteDeadline)
	}
}

func (h *half) end(setDeadline func(time.Time) error) {
	if !h.cancelled {
		h.cancelled = true
		close(h.stop)
		setDeadline(longAgo)
	}
}
