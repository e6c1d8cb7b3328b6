package stdengine

import (
	"net"

	"github.com/unio-go/unio/internal/engine"
)

// close ends what is pending and closes. A nil op is Engine.Close, which waits for all goroutines itself.
func (d *desc) close(op *engine.Op) bool {
	d.mu.Lock()
	if d.closing {
		d.mu.Unlock()
		if op != nil {
			op.Err = net.ErrClosed
		}
		return true
	}
	d.closing = true
	for _, h := range []*half{&d.in, &d.out} {
		if h.op != nil && h.stop != nil && !h.cancelled {
			h.cancelled = true
			close(h.stop)
		}
	}
	stash := d.stash
	d.stash = nil
	d.mu.Unlock()
	for _, c := range stash {
		c.Close()
	}
	d.e.begin()
	if op != nil {
		d.e.mu.Lock()
		d.e.closes[op] = struct{}{}
		d.e.mu.Unlock()
	}
	go d.closeSocket(op)
	return false
}

// closeSocket closes. It may block for the time of SO_LINGER. Calls that are under way end with
// net.ErrClosed, and the number is not used again before the last of them has returned: package net
// counts them.
func (d *desc) closeSocket(op *engine.Op) {
	defer d.e.workers.Done()
	var err error
	if d.listener != nil {
		err = d.listener.Close()
	} else {
		err = d.conn.Close()
	}
	d.e.counters.Enters.Add(1)
	d.e.mu.Lock()
	delete(d.e.descs, d)
	d.e.mu.Unlock()
	d.e.counters.Descs.Add(-1)
	if op == nil {
		d.e.counters.Pending.Add(-1)
		return
	}
	d.e.finishClose(op, unwrap(err))
}

// finishClose is finish for a Close, unless Engine.Close has ended it.
func (e *Engine) finishClose(op *engine.Op, err error) {
	e.mu.Lock()
	_, pending := e.closes[op]
	if pending {
		e.endClose(op, err)
	}
	e.mu.Unlock()
	if pending {
		e.Wake()
	}
}

func (e *Engine) endClose(op *engine.Op, err error) {
	delete(e.closes, op)
	e.counters.Pending.Add(-1)
	op.Err = err
	e.done.Push(op)
}
