//go:build linux && !unio_noepoll

package epollengine

import (
	"syscall"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/sys"
)

// accept tries to complete an Accept. False: it waits. A lack of descriptors or memory is a result; the
// connection stays in the backlog and the next Accept tries again.
func (e *Engine) accept(d *desc, op *engine.Op) bool {
	for range acceptSkipMax {
		fd, errno := sys.Accept(d.fd)
		e.stats.enters++
		switch errno {
		case 0:
			*op.Sock = engine.Socket{FD: fd}
			return true
		case syscall.EAGAIN:
			d.readable = false
			return false
		case syscall.ECONNABORTED, syscall.EPROTO, syscall.ENETDOWN, syscall.ENOPROTOOPT, syscall.EHOSTDOWN,
			syscall.ENONET, syscall.EHOSTUNREACH, syscall.ENETUNREACH:
			// The error of a connection that died in the backlog, accept(2): the next one may be well.
		default:
			op.Err = errno
			return true
		}
	}
	e.yield(d)
	return false
}
