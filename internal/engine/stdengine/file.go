package stdengine

import (
	"errors"

	"github.com/unio-go/unio/internal/engine"
)

// submitFile refuses: package os blocks its caller, so that files are for threads to perform and not for the loop.
func (e *Engine) submitFile(op *engine.Op) bool {
	op.FailFile(errors.ErrUnsupported)
	return true
}
