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
