package stdengine

import (
	"errors"

	"github.com/unio-go/unio/internal/engine"
)

// submitFile refuses: package os blocks its caller, so that files are for threads to perform and not for the loop.
func (e *Engine) submitFile(op *engine.Op) bool {
	op.IO.N, op.IO.Err, op.Err = 0, errors.ErrUnsupported, errors.ErrUnsupported
	return true
}
