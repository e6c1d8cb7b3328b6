//go:build linux && !unio_noepoll

package epollengine

import (
	"errors"

	"github.com/unio-go/unio/internal/engine"
)

// submitFile refuses: epoll(7) has nothing to say about files, which are always ready. Threads perform what is asked of them.
func (e *Engine) submitFile(op *engine.Op) bool {
	op.FailFile(errors.ErrUnsupported)
	return true
}
