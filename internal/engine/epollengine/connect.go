//go:build linux && !unio_noepoll

package epollengine

import (
	"syscall"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/sys"
)

// connect starts a Connect. False: it waits. Op.Word names the descriptor meanwhile, as Op.Desc is a result.
func (e *Engine) connect(op *engine.Op) bool {
	op.Desc = nil
	var to sys.Sockaddr
	if op.Err = to.Encode(op.Dial.Network, op.Dial.Addr); op.Err != nil {
		return true
	}
	fd, err := sys.DialSocket(op.Dial.Network, &to, op.Dial.Local, op.Dial.Control)
	if err != nil {
		op.Err = err
		return true
	}
	errno := sys.Connect(fd, &to)
	e.stats.enters++
	if errno != 0 && errno != syscall.EINPROGRESS && errno != syscall.EINTR {
		sys.CloseFD(fd)
		op.Err = errno
		return true
	}
	// Registered only now: a socket that is not connecting yet would report HUP.
	d, err := e.attach(fd, engine.Stream)
	if err != nil {
		sys.CloseFD(fd)
		op.Err = err
		return true
	}
	if errno == 0 {
		op.Desc = d
		return true
	}
	d.readable, d.writable = false, false
	d.out = op
	op.Word = uint64(e.table[d.id].gen)<<32 | uint64(d.id)
	e.stats.pending++
	return false
}

// connected ends a Connect whose socket has become writable.
func (e *Engine) connected(d *desc, op *engine.Op) bool {
	errno := sys.SocketError(d.fd)
	if errno == 0 && !sys.Connected(d.fd) {
		d.writable = false // a spurious edge
		return false
	}
	if errno == 0 && op.Dial.Ephemeral() && sys.SelfConnected(d.fd) {
		errno = syscall.ECONNREFUSED
	}
	if errno != 0 && errno != syscall.EISCONN {
		sys.CloseFD(e.detach(d))
		op.Err = errno
		return true
	}
	op.Desc = d
	return true
}

// connecting is the descriptor of a pending Connect, nil if op is none.
func (e *Engine) connecting(op *engine.Op) *desc {
	id, gen := uint32(op.Word), uint32(op.Word>>32)
	if int(id) >= len(e.table) || e.table[id].gen != gen || e.table[id].d == nil || e.table[id].d.out != op {
		return nil
	}
	return e.table[id].d
}
