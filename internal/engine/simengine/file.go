package simengine

import "errors"

// file refuses: the simulation is of networks. Files are performed beside it.
func (e *Engine) file(k *call) {
	k.op.FailFile(errors.ErrUnsupported)
	e.finish(k, errors.ErrUnsupported)
}
