package simengine

import (
	"syscall"

	"github.com/unio-go/unio/internal/engine"
)

var _ engine.Inline = (*Engine)(nil)

// RecvInto receives at once, behind what was read ahead.
func (e *Engine) RecvInto(ed engine.Desc, p []byte) (n int, err error) {
	w, d := e.w, ed.(*desc)
	w.mu.Lock()
	defer w.unlock()
	if !d.bulk.Large() || len(d.stash) > 0 || d.last != nil || d.closing || d.c.rx.n == 0 {
		return 0, nil
	}
	if n = min(d.c.rx.n, len(p)); n > 1 && w.strikes(Short, engine.Recv, w.profile.Short) {
		n = 1 + w.rnd.IntN(n-1)
	}
	n, _ = d.c.read(p[:n])
	d.bulk.Filled(n, len(p))
	return n, nil
}

// RecvNow receives, for anybody.
func (e *Engine) RecvNow(d engine.Desc, p []byte) (n int, err error) {
	e.w.mu.Lock()
	defer e.w.unlock()
	return d.(*desc).c.read(p)
}

// SendNow sends, for anybody.
func (e *Engine) SendNow(d engine.Desc, p []byte) (n int, err error) { return e.SendFrom(d, p) }

// SendFailed has nothing to note: the simulated network remembers.
func (e *Engine) SendFailed(engine.Desc, error) {}

// isReady reports whether the one who receives can do it himself now.
func (d *desc) isReady(op *engine.Op) bool {
	return op.How == engine.RecvReady && d.bulk.Large() && d.c.rx.n > 0
}

// SendFrom sends at once.
func (e *Engine) SendFrom(ed engine.Desc, p []byte) (n int, err error) {
	w, d := e.w, ed.(*desc)
	w.mu.Lock()
	defer w.unlock()
	if d.closing {
		return 0, nil
	}
	if err := d.c.writeEnd(); err != nil {
		return 0, err
	}
	if w.strikes(Failed, engine.Send, w.profile.Failed) {
		d.c.told = true
		d.c.timeOut()
		return 0, syscall.ETIMEDOUT
	}
	d.c.unhold()
	if n = min(d.c.space(), len(p)); n > 1 && w.strikes(Short, engine.Send, w.profile.Short) {
		n = 1 + w.rnd.IntN(n-1)
	}
	if n > 0 {
		d.c.transmit(p[:n])
	}
	return n, nil
}
