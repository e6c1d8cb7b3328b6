package stdengine

import (
	"context"
	"errors"
	"net"
	"os"
	"syscall"

	"github.com/unio-go/unio/internal/engine"
)

// connect starts a Connect.
func (e *Engine) connect(op *engine.Op) {
	op.Desc = nil
	ctx, cancel := context.WithCancel(context.Background())
	e.mu.Lock()
	e.dials[op] = cancel
	e.mu.Unlock()
	e.begin()
	go func() {
		defer e.workers.Done()
		c, err := e.dial(ctx, op.Dial)
		e.mu.Lock()
		delete(e.dials, op)
		e.mu.Unlock()
		if err == nil {
			var d engine.Desc
			if d, err = e.Attach(engine.Socket{Conn: c}, engine.Stream); err == nil {
				op.Desc = d
			} else {
				c.Close()
			}
		}
		if err != nil && (ctx.Err() != nil || errors.Is(err, net.ErrClosed)) {
			err = engine.ErrCanceled
		}
		op.Err = dialError(err)
		cancel()
		e.finish(op)
	}()
}

// dialError is unwrap for what more than one call of the system may have said: only the errors of connect(2) are bare.
func dialError(err error) error {
	if dial, ok := err.(*net.OpError); ok {
		if call, ok := dial.Err.(*os.SyscallError); ok && call.Syscall != "connect" {
			return call
		}
	}
	return unwrap(err)
}

func (e *Engine) dial(ctx context.Context, dial *engine.Dial) (net.Conn, error) {
	switch dial.Addr.(type) {
	case *net.TCPAddr, *net.UnixAddr:
	default:
		return nil, syscall.EAFNOSUPPORT
	}
	dialer := net.Dialer{LocalAddr: dial.Local, KeepAlive: -1}
	if dial.Control != nil {
		dialer.Control = func(_, _ string, raw syscall.RawConn) error {
			var refusal error
			err := raw.Control(func(fd uintptr) { refusal = dial.Control(fd) })
			return errors.Join(err, refusal)
		}
	}
	e.counters.Enters.Add(1)
	return dialer.DialContext(ctx, dial.Network, dial.Addr.String())
}
