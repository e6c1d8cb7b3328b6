//go:build linux && !unio_nouring

package uringengine

import (
	"syscall"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/sys"
)

// submitConnect makes a socket and starts to connect it. Op.Word finds the descriptor until the Op has it.
func (e *Engine) submitConnect(op *engine.Op) bool {
	op.Desc, op.Word = nil, 0
	var to sys.Sockaddr
	if op.Err = to.Encode(op.Dial.Network, op.Dial.Addr); op.Err != nil {
		return true
	}
	rec, err := e.records.get()
	if err != nil {
		op.Err = err
		return true
	}
	fd, err := dialSocket(op.Dial, &to)
	if err != nil {
		e.records.put(rec)
		op.Err = err
		return true
	}
	d := &desc{fd: int32(fd), kind: engine.Stream, conn: op, rec: rec}
	e.table.add(d)
	e.stats.descs++
	op.Word = d.tag
	e.startConnect(d, &to)
	return false
}

// dialSocket makes a socket for the ring, which waits by itself.
func dialSocket(dial *engine.Dial, to *sys.Sockaddr) (int, error) {
	fd, err := sys.DialSocket(dial.Network, to, dial.Local, dial.Control)
	if err != nil {
		return -1, err
	}
	if err := sys.SetNonblock(fd, false); err != nil {
		sys.CloseFD(fd)
		return -1, err
	}
	return fd, nil
}

func (e *Engine) startConnect(d *desc, to *sys.Sockaddr) {
	addr, n := d.rec.setAddr(to)
	s := e.sqe()
	s.PrepConnect(int(d.fd), addr, n)
	s.UserData = kindConnect<<kindShift | d.tag
	d.flags |= connecting
	d.requests++
	e.stats.pending++
}

// connectDone takes the completion of a connect.
func (e *Engine) connectDone(d *desc, res int32) {
	op := d.conn
	asked := d.has(connEnding)
	d.flags &^= connecting | connEnding
	d.requests--
	e.stats.pending--
	errno := syscall.Errno(-res)
	if (errno == syscall.ECANCELED || errno == syscall.EINTR) && !asked && !e.closing && e.redial(d) {
		return
	}
	d.conn = nil
	e.records.put(d.rec)
	d.rec = nil
	if res < 0 {
		// Before 6.14 the kernel tries a refused connection a second time and tells that error; the first one is
		// still with the socket.
		if first := sys.SocketError(int(d.fd)); first != 0 {
			errno = first
		}
	} else if op.Dial.Network != "unix" && op.Dial.Ephemeral() && sys.SelfConnected(int(d.fd)) {
		errno = syscall.ECONNREFUSED
	}
	switch {
	case errno == 0:
		op.Desc = d
		op.Word = 0
		e.complete(op)
		return
	case asked || e.closing:
		op.Err = engine.ErrCanceled
	default:
		op.Err = errno
	}
	sys.CloseFD(int(d.fd))
	e.forget(d)
	e.complete(op)
}

// redial begins anew, with another socket, after the thread that submitted the connect has ended and the request with
// it: what the first socket was about to do cannot be told any more. It reports whether the connect is under way.
func (e *Engine) redial(d *desc) bool {
	dial := d.conn.Dial
	var to sys.Sockaddr
	if to.Encode(dial.Network, dial.Addr) != nil {
		return false
	}
	fd, err := dialSocket(dial, &to)
	if err != nil {
		return false
	}
	sys.CloseFD(int(d.fd))
	d.setFD(fd)
	e.startConnect(d, &to)
	return true
}

// cancelConnect asks for the end of a connect. The Op is known by its Word: there is no Desc yet.
func (e *Engine) cancelConnect(op *engine.Op) {
	d := e.table.find(op.Word)
	if d == nil || d.conn != op || d.has(connEnding) {
		return
	}
	d.flags |= connEnding
	e.cancelRequest(d, kindConnect)
}
