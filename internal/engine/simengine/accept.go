package simengine

import (
	"syscall"

	"github.com/unio-go/unio/internal/engine"
)

// accept ends a pending Accept if somebody waits in the backlog.
func (d *desc) accept() {
	k, w := d.in, d.e.w
	if len(d.l.backlog) == 0 {
		return
	}
	var err error
	switch {
	case w.lackFiles:
		err = syscall.EMFILE
	case w.strikes(Failed, k.code, w.profile.Failed):
		err = []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS}[w.rnd.IntN(3)]
	default:
		*k.op.Sock = engine.Socket{FD: -1, Conn: d.l.take()}
	}
	d.release(k)
	d.e.finish(k, err)
}
