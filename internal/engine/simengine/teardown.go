package simengine

import (
	"net"
	"slices"
	"time"

	"github.com/unio-go/unio/internal/engine"
)

// Close ends everything at once: no kernel has to finish.
func (e *Engine) Close(time.Duration) error {
	w := e.w
	w.mu.Lock()
	defer w.unlock()
	if e.closed {
		return net.ErrClosed
	}
	e.closed = true
	for _, d := range e.inOrder() {
		d.end()
	}
	var pending []*call
	for _, k := range e.calls {
		pending = append(pending, k)
	}
	slices.SortFunc(pending, func(a, b *call) int { return int(a.seq) - int(b.seq) })
	for _, k := range pending {
		e.endNow(k)
	}
	if e.withdraw != nil {
		e.withdraw()
		e.withdraw = nil
	}
	if w.virtual {
		w.leave(e)
	} else {
		e.timer.Stop()
	}
	return nil
}

// endNow gives a call to Next that is not there yet. A connection that nobody has got is closed.
func (e *Engine) endNow(k *call) {
	if !k.over {
		k.over = true
		k.op.Err = engine.ErrCanceled
	}
	if k.code == engine.Connect && k.op.Err == nil {
		k.op.Desc, k.op.Err = nil, engine.ErrCanceled
	}
	if !k.ready {
		k.ready = true
		e.done = append(e.done, k)
	}
}

// leave takes an engine out of the world.
func (w *World) leave(e *Engine) {
	for i, o := range w.baton.engines {
		if o == e {
			w.baton.engines = append(w.baton.engines[:i], w.baton.engines[i+1:]...)
			break
		}
	}
	if w.baton.holder == e {
		w.baton.holder = nil
	}
}
