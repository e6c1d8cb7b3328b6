package stdengine

import (
	"errors"
	"net"
	"testing"
	"time"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/mem"
)

// bare is a listener that has nothing but the interface's methods: no deadlines, no descriptor.
type bare struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (b *bare) Accept() (net.Conn, error) {
	select {
	case c := <-b.conns:
		return c, nil
	case <-b.closed:
		return nil, net.ErrClosed
	}
}
func (b *bare) Close() error   { close(b.closed); return nil }
func (b *bare) Addr() net.Addr { return &net.UnixAddr{} }

type driver struct {
	*testing.T
	*Engine
}

func newDriver(t *testing.T, limit int64) driver {
	t.Helper()
	pool, err := mem.NewPool(&mem.PoolOptions{LimitBytes: limit})
	if err != nil {
		t.Fatal(err)
	}
	e, err := New(engine.Config{Pool: pool})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(10 * time.Second); err != nil {
			t.Error(err)
		}
		if err := pool.Close(); err != nil {
			t.Error(err)
		}
	})
	return driver{t, e}
}

func (d driver) finish(op *engine.Op) *engine.Op {
	d.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for time.Now().Before(deadline) {
		if got := d.Next(); got == op {
			return op
		}
		d.Wait(10 * time.Millisecond)
	}
	d.Fatalf("%v did not complete", op.Code)
	return nil
}

// A listener without deadlines goes on accepting when the operation is cancelled; the connection must
// not be lost.
func TestCancelledAcceptOfABareListenerKeepsTheConnection(t *testing.T) {
	d := newDriver(t, 0)
	l := &bare{make(chan net.Conn), make(chan struct{})}
	ld, err := d.Attach(engine.Socket{Listener: l}, engine.Listener)
	if err != nil {
		t.Fatal(err)
	}
	op := &engine.Op{Code: engine.Accept, Desc: ld, Sock: new(engine.Socket)}
	d.Submit(op)
	d.Cancel(op)
	if d.finish(op); !errors.Is(op.Err, engine.ErrCanceled) {
		t.Fatalf("accept: %v", op.Err)
	}
	a, b := net.Pipe()
	defer b.Close()
	l.conns <- a
	if !d.Submit(op) {
		d.finish(op)
	}
	if op.Err != nil || op.Sock.Conn != a {
		t.Fatalf("accept: %v, %v", op.Sock.Conn, op.Err)
	}
	a.Close()
	if d.Submit(op) {
		t.Fatalf("accept of nothing: %v", op.Err)
	}
	end := &engine.Op{Code: engine.Close, Desc: ld}
	d.Submit(end)
	if d.finish(op); !errors.Is(op.Err, engine.ErrCanceled) {
		t.Errorf("accept: %v", op.Err)
	}
}

// A connection without a descriptor cannot say that it is readable. What was read for a receive that
// found no buffer and was cancelled belongs to the next one.
func TestCancelledRecvOfAPipeKeepsItsBytes(t *testing.T) {
	d := newDriver(t, mem.PageBytes)
	a, b := net.Pipe()
	defer b.Close()
	c, err := d.Attach(engine.Socket{Conn: a}, engine.Stream)
	if err != nil {
		t.Fatal(err)
	}
	hog, ok := d.pool.TryGet(mem.PageBytes)
	if !ok {
		t.Fatal("no buffer")
	}
	op := &engine.Op{Code: engine.Recv, Desc: c}
	d.Submit(op)
	if _, err := b.Write([]byte("hello")); err != nil { // returns when all has been read
		t.Fatal(err)
	}
	d.Cancel(op)
	if d.finish(op); !errors.Is(op.Err, engine.ErrCanceled) {
		t.Fatalf("recv: %v", op.Err)
	}
	hog.Release()
	d.Submit(op)
	if d.finish(op); op.Err != nil || string(op.Buf.Bytes()) != "hello" {
		t.Fatalf("recv: %v", op.Err)
	}
	op.Buf.Release()
	if op := (&engine.Op{Code: engine.Shutdown, Desc: c, How: engine.ShutWrite}); !d.Submit(op) ||
		!errors.Is(op.Err, errors.ErrUnsupported) {
		t.Errorf("shutdown of a pipe: %v", op.Err)
	}
}
