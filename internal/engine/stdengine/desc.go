package stdengine

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/unio-go/unio/internal/engine"
)

// desc is a connection or a listener.
type desc struct {
	e        *Engine
	conn     net.Conn
	listener net.Listener
	raw      syscall.RawConn // of conn, nil where there is none

	mu      sync.Mutex
	closing bool
	in, out half
	eof     bool
	reset   error       // the connection's error, when a Send has taken it from the socket before a Recv could
	stash   []net.Conn  // accepted for an operation that could not be stopped
	pieces  [][]byte    // of the pending Send
	kept    []byte      // read for a receive that was cancelled before it had a buffer; belongs to the receive
	bulk    engine.Bulk // belongs to the receive
}

// half is one direction of a descriptor.
type half struct {
	op        *engine.Op
	cancelled bool          // the deadline is in the past
	stop      chan struct{} // closed by a cancel; made anew for each operation that needs it
	over      chan struct{} // closed when op has completed
	calling   bool          // a goroutine is in Accept, maybe for an operation that has been cancelled
}

// longAgo ends whatever a deadline can end.
var longAgo = time.Unix(1, 0)

// FD is -1: package net keeps the descriptor.
func (d *desc) FD() int { return -1 }

// Socket is what was attached.
func (d *desc) Socket() engine.Socket { return engine.Socket{Conn: d.conn, Listener: d.listener} }

// Attach takes a socket of package net over.
func (e *Engine) Attach(s engine.Socket, kind engine.Kind) (engine.Desc, error) {
	if kind == engine.Stream && s.Conn == nil || kind == engine.Listener && s.Listener == nil {
		return nil, fmt.Errorf("engine std: attach: no socket of package net: %w", syscall.EINVAL)
	}
	d := &desc{e: e, conn: s.Conn, listener: s.Listener}
	if sc, ok := s.Conn.(syscall.Conn); ok {
		raw, err := sc.SyscallConn()
		if err != nil {
			return nil, fmt.Errorf("engine std: attach: %w", err)
		}
		d.raw = raw
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, fmt.Errorf("engine std: attach: %w", net.ErrClosed)
	}
	e.descs[d] = struct{}{}
	e.counters.Descs.Add(1)
	return d, nil
}

func (d *desc) isClosing() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.closing
}

// claim makes op the pending operation of its direction and takes back what a cancel has done to the one
// before.
func (d *desc) claim(h *half, op *engine.Op, setDeadline func(time.Time) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if h.op != nil {
		panic("engine std: a second " + op.Code.String() + " on one descriptor")
	}
	h.op = op
	h.stop, h.over = make(chan struct{}), make(chan struct{})
	if h.cancelled {
		h.cancelled = false
		setDeadline(time.Time{})
	}
	d.e.begin()
}

// release ends what claim began and gives the operation's error its final form.
func (d *desc) release(h *half, op *engine.Op, err error) {
	d.mu.Lock()
	ended := h.cancelled || d.closing
	h.op = nil
	close(h.over)
	d.mu.Unlock()
	if ended && (errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, net.ErrClosed)) {
		err = engine.ErrCanceled
	}
	op.Err = unwrap(err)
	d.e.finish(op)
	d.e.workers.Done()
}

// cancel ends op if it is pending.
func (d *desc) cancel(op *engine.Op) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch op {
	case d.in.op:
		if d.listener != nil {
			d.cancelAccept(op)
			return
		}
		d.in.end(d.conn.SetReadDeadline)
	case d.out.op:
		d.out.end(d.conn.SetWriteDeadline)
	}
}

func (h *half) end(setDeadline func(time.Time) error) {
	if !h.cancelled {
		h.cancelled = true
		close(h.stop)
		setDeadline(longAgo)
	}
}

// close ends what is pending and closes. A nil op is Engine.Close, which waits for all goroutines itself.
func (d *desc) close(op *engine.Op) bool {
	d.mu.Lock()
	if d.closing {
		d.mu.Unlock()
		if op != nil {
			op.Err = net.ErrClosed
		}
		return true
	}
	d.closing = true
	for _, h := range []*half{&d.in, &d.out} {
		if h.op != nil && h.stop != nil && !h.cancelled {
			h.cancelled = true
			close(h.stop)
		}
	}
	stash := d.stash
	d.stash = nil
	d.mu.Unlock()
	for _, c := range stash {
		c.Close()
	}
	d.e.begin()
	if op != nil {
		d.e.mu.Lock()
		d.e.closes[op] = struct{}{}
		d.e.mu.Unlock()
	}
	go d.closeSocket(op)
	return false
}

// closeSocket closes. It may block for the time of SO_LINGER. Calls that are under way end with
// net.ErrClosed, and the number is not used again before the last of them has returned: package net
// counts them.
func (d *desc) closeSocket(op *engine.Op) {
	defer d.e.workers.Done()
	var err error
	if d.listener != nil {
		err = d.listener.Close()
	} else {
		err = d.conn.Close()
	}
	d.e.counters.Enters.Add(1)
	d.e.mu.Lock()
	delete(d.e.descs, d)
	d.e.mu.Unlock()
	d.e.counters.Descs.Add(-1)
	if op == nil {
		d.e.counters.Pending.Add(-1)
		return
	}
	d.e.finishClose(op, unwrap(err))
}

func (d *desc) shutdown(how int) error {
	d.e.counters.Enters.Add(1)
	switch how {
	case shutRead:
		if c, ok := d.conn.(interface{ CloseRead() error }); ok {
			return c.CloseRead()
		}
	case shutWrite:
		if c, ok := d.conn.(interface{ CloseWrite() error }); ok {
			return c.CloseWrite()
		}
	}
	return errors.ErrUnsupported
}

// The directions of syscall.SHUT_RD and SHUT_WR, which not every system's package syscall has.
const (
	shutRead  = 0
	shutWrite = 1
)

// unwrap takes off what package net puts around an error, so that all engines give the same.
func unwrap(err error) error {
	for {
		switch e := err.(type) {
		case *net.OpError:
			err = e.Err
		case *os.SyscallError:
			err = e.Err
		default:
			return err
		}
	}
}
