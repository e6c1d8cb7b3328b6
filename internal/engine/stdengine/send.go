package stdengine

import (
	"errors"
	"net"
	"syscall"

	"github.com/unio-go/unio/internal/engine"
)

// send starts a Send.
func (d *desc) send(op *engine.Op) bool {
	pieces := d.pieces[:0]
	for _, b := range op.Bufs {
		if b.Len() > 0 {
			pieces = append(pieces, b.Bytes())
		}
	}
	d.pieces = pieces
	if len(pieces) == 0 {
		return true
	}
	d.claim(&d.out, op, d.conn.SetWriteDeadline)
	go func() {
		bufs := net.Buffers(pieces) // consumed by the write: the array stays with the Desc
		n, err := bufs.WriteTo(d.conn)
		d.e.counters.Enters.Add(1)
		op.N = int(n)
		clear(pieces)
		if errno, ok := errors.AsType[syscall.Errno](err); ok && errno != syscall.EPIPE {
			d.mu.Lock()
			d.reset = errno
			d.mu.Unlock()
		}
		d.release(&d.out, op, err)
	}()
	return false
}
