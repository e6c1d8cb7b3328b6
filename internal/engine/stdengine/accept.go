package stdengine

import (
	"errors"
	"net"
	"time"

	"github.com/unio-go/unio/internal/engine"
)

// deadliner is a listener whose Accept can be ended.
type deadliner interface{ SetDeadline(time.Time) error }

func (d *desc) deadline(t time.Time) error {
	if l, ok := d.listener.(deadliner); ok {
		return l.SetDeadline(t)
	}
	return errors.ErrUnsupported
}

// accept starts an Accept.
func (d *desc) accept(op *engine.Op) bool {
	d.mu.Lock()
	if n := len(d.stash); n > 0 {
		*op.Sock = engine.Socket{Conn: d.stash[0]}
		d.stash = append(d.stash[:0], d.stash[1:]...)
		d.mu.Unlock()
		return true
	}
	calling := d.in.calling
	d.in.calling = true
	d.mu.Unlock()
	d.claim(&d.in, op, d.deadline)
	if !calling {
		d.e.workers.Add(1)
		go d.acceptOne()
	}
	return false
}

// acceptOne calls Accept once, for whatever operation is pending when it returns. When none is, because
// it was cancelled and the listener has no deadlines, the connection is stashed.
func (d *desc) acceptOne() {
	defer d.e.workers.Done()
	c, err := d.listener.Accept()
	d.e.counters.Enters.Add(1)
	d.mu.Lock()
	d.in.calling = false
	op := d.in.op
	if op == nil {
		closing := d.closing
		if c != nil && !closing {
			d.stash = append(d.stash, c)
		}
		d.mu.Unlock()
		if c != nil && closing {
			c.Close()
		}
		return
	}
	d.mu.Unlock()
	*op.Sock = engine.Socket{}
	if err == nil {
		op.Sock.Conn = c
	}
	d.release(&d.in, op, err)
}

// cancelAccept ends a pending Accept; d.mu is held.
func (d *desc) cancelAccept(op *engine.Op) {
	if _, ok := d.listener.(deadliner); ok {
		d.in.end(d.deadline)
		return
	}
	d.in.op = nil
	op.Err = engine.ErrCanceled
	d.e.finish(op)
	d.e.workers.Done()
}

var _ deadliner = (*net.TCPListener)(nil)
