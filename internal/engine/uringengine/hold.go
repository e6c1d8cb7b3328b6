//go:build linux && !unio_nouring

package uringengine

import "github.com/unio-go/unio/internal/engine"

var _ engine.Holder = (*Engine)(nil)

// Hold ends the armed receive of a descriptor. The next Recv arms it again.
func (e *Engine) Hold(ed engine.Desc) (unread int, held bool) {
	d := ed.(*desc)
	if d.flags&(armed|ending) == armed {
		e.cancelArmed(d, kindRecv)
	}
	return d.unread.bytes, !d.has(armed)
}
