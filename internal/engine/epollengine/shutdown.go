//go:build linux && !unio_noepoll

package epollengine

import (
	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/sys"
)

// shutdown performs a Shutdown, which does not block.
func (e *Engine) shutdown(d *desc, op *engine.Op) bool {
	if errno := sys.Shutdown(d.fd, int(op.How)); errno != 0 {
		op.Err = errno
	}
	if op.How == engine.ShutWrite {
		d.holding = false
	}
	return true
}
