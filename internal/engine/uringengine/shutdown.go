//go:build linux && !unio_nouring

package uringengine

import (
	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/sys"
)

// submitShutdown is done at once: shutdown(2) does not block, and the ring would give it to a worker thread.
func (e *Engine) submitShutdown(d *desc, op *engine.Op) bool {
	if errno := sys.Shutdown(int(d.fd), int(op.How)); errno != 0 {
		op.Err = errno
	}
	return true
}
