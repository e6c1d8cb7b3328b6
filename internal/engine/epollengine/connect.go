//go:build linux && !unio_noepoll

package epollengine

import (
	"strings"
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
	fd, err := dialSocket(op.Dial, &to)
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

// dialSocket makes the socket of a Dial, ready to connect.
func dialSocket(dial *engine.Dial, to *sys.Sockaddr) (int, error) {
	fd, err := sys.Socket(to.Family())
	if err != nil {
		return -1, err
	}
	if err := prepareSocket(fd, dial, to); err != nil {
		sys.CloseFD(fd)
		return -1, err
	}
	return fd, nil
}

func prepareSocket(fd int, dial *engine.Dial, to *sys.Sockaddr) error {
	if strings.HasPrefix(dial.Network, "tcp") {
		if err := sys.SetNoDelay(fd, true); err != nil {
			return err
		}
	}
	if dial.Control != nil {
		if err := dial.Control(uintptr(fd)); err != nil {
			return err
		}
	}
	if dial.Local == nil {
		return nil
	}
	var from sys.Sockaddr
	if err := from.EncodeLocal(dial.Network, dial.Local, to); err != nil {
		return err
	}
	return sys.Bind(fd, &from)
}
