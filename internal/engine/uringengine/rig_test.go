//go:build linux && !unio_nouring

package uringengine

import (
	"errors"
	"io"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/sys"
	"github.com/unio-go/unio/mem"
)

// patience bounds every wait. Only failures meet it.
const patience = 20 * time.Second

// rig is an engine on a locked thread, with its pool.
type rig struct {
	testing.TB
	e    *Engine
	pool *mem.Pool
}

// newRig makes an engine with a given geometry. The test's goroutine is its loop.
func newRig(t testing.TB, g geometry, pool *mem.PoolOptions) *rig {
	t.Helper()
	if err := Available(); err != nil {
		t.Skipf("this machine has no io_uring: %v", err)
	}
	able, err := abilities()
	if err != nil {
		t.Fatal(err)
	}
	p, err := mem.NewPool(pool)
	if err != nil {
		t.Fatal(err)
	}
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
	e, err := newEngine(engine.Config{Pool: p}, able, []geometry{g})
	if err != nil {
		t.Fatal(err)
	}
	return &rig{t, e, p}
}

// close ends engine and pool and holds them to leaving nothing.
func (r *rig) close() {
	r.Helper()
	if err := r.e.Close(patience); err != nil {
		r.Errorf("Engine.Close: %v", err)
	}
	for op := r.e.Next(); op != nil; op = r.e.Next() {
		if op.Buf != nil {
			op.Buf.Release()
		}
	}
	if n := r.e.Counters().Pending.Load(); n != 0 {
		r.Errorf("%d requests are left", n)
	}
	if err := r.pool.Close(); err != nil {
		r.Error(err)
	}
}

// until turns the loop until cond holds, giving completions to fn.
func (r *rig) until(what string, cond func() bool, fn func(*engine.Op)) {
	r.Helper()
	deadline := time.Now().Add(patience)
	for !cond() {
		if time.Now().After(deadline) {
			r.Fatalf("waited %v for %s", patience, what)
		}
		if err := r.e.Wait(10 * time.Millisecond); err != nil {
			r.Fatal(err)
		}
		for op := r.e.Next(); op != nil; op = r.e.Next() {
			if fn != nil {
				fn(op)
			}
		}
	}
}

// do performs one operation.
func (r *rig) do(op *engine.Op) *engine.Op {
	r.Helper()
	done := r.e.Submit(op)
	r.until(op.Code.String(), func() bool { return done }, func(got *engine.Op) {
		if got != op {
			r.Fatalf("%v completed, want %v", got.Code, op.Code)
		}
		done = true
	})
	return op
}

// pair gives a descriptor and the other end of its connection.
func (r *rig) pair() (engine.Desc, *net.TCPConn) {
	r.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		r.Fatal(err)
	}
	defer l.Close()
	peer, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { peer.Close() })
	c, err := l.Accept()
	if err != nil {
		r.Fatal(err)
	}
	fd, err := sys.TakeConn(c)
	if err != nil {
		r.Fatal(err)
	}
	d, err := r.e.Attach(engine.Socket{FD: fd}, engine.Stream)
	if err != nil {
		r.Fatal(err)
	}
	return d, peer.(*net.TCPConn)
}

// message is a buffer with text in it.
func (r *rig) message(text string) *mem.Buf {
	r.Helper()
	b, ok := r.pool.TryGet(len(text))
	if !ok {
		r.Fatal("the pool is empty")
	}
	b.SetLen(len(text))
	copy(b.Bytes(), text)
	return b
}

// want reads exactly text from a peer.
func (r *rig) want(p *net.TCPConn, text string) {
	r.Helper()
	p.SetReadDeadline(time.Now().Add(patience))
	b := make([]byte, len(text))
	if _, err := io.ReadFull(p, b); err != nil || string(b) != text {
		r.Errorf("the peer got %q and %v, want %q", b, err, text)
	}
}

var errNone = errors.New("no error, but one was due")
