//go:build linux && !unio_nouring

package uringengine

import (
	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/sys"
)

// submitShutdown is done at once: shutdown(2) does not block, and the ring would give it to a worker thread. A multishot receive
// does not hear of the end of its direction when that comes right behind data: from now on there is a receive for each Recv.
func (e *Engine) submitShutdown(d *desc, op *engine.Op) bool {
	errno := sys.Shutdown(int(d.fd), int(op.How))
	if op.How == engine.ShutWrite {
		d.flags &^= holding
	}
	switch {
	case errno != 0:
		op.Err = errno
	case op.How == engine.ShutRead:
		d.flags |= readsEnded
		if d.flags&(armed|ending) == armed {
			e.cancelArmed(d, kindRecv)
		}
	}
	return true
}
