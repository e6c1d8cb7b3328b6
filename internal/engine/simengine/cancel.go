package simengine

import "github.com/unio-go/unio/internal/engine"

// Cancel ends a pending operation: at once, or a moment later, when it may have succeeded.
func (e *Engine) Cancel(op *engine.Op) {
	e.w.mu.Lock()
	defer e.w.unlock()
	k := e.calls[op]
	if k == nil {
		return
	}
	if !k.over && e.w.chance(e.w.profile.Late) {
		e.w.at(e.w.clock()+e.w.delay(), func() { e.cancel(k) })
		return
	}
	e.cancel(k)
}

// cancel ends a call, if it has no result yet.
func (e *Engine) cancel(k *call) {
	if !cancellable(k.code) || e.calls[k.op] != k {
		return
	}
	if k.over {
		if k.op.Err == nil {
			e.w.counts[Raced][k.code]++
		}
		return
	}
	e.w.counts[Cancelled][k.code]++
	if k.d != nil {
		k.d.release(k)
	}
	e.finish(k, engine.ErrCanceled)
}

func cancellable(c engine.Code) bool {
	return c == engine.Accept || c == engine.Connect || c == engine.Recv || c == engine.Send
}
