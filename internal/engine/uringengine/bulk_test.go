//go:build linux && !unio_nouring

package uringengine

import (
	"errors"
	"testing"
	"time"

	"github.com/unio-go/unio/internal/engine"
)

// TestACancelledLargeReceiveBringsNothing: a stream has given much, its reader's next receive is a large one, and is cancelled. What
// comes then stays with the kernel, or the descriptor would hold more than it may.
func TestACancelledLargeReceiveBringsNothing(t *testing.T) {
	r := newRig(t, sizes[0], nil)
	defer r.close()
	if !r.e.able.incremental {
		t.Skip("this kernel has no incremental buffer rings, and so no large receives")
	}
	ed, p := r.pair()
	d := ed.(*desc)
	receive := func() *engine.Op {
		return &engine.Op{Code: engine.Recv, Desc: ed, How: engine.RecvWhole}
	}
	p.Write([]byte("first"))
	first := r.do(receive())
	first.Buf.Release()
	d.bulk.Got(engine.RecvBytes, false)

	op := receive()
	if r.e.Submit(op) || !d.has(large) {
		t.Fatalf("flags are %b: want a large receive that waits", d.flags)
	}
	if _, err := r.e.Poll(); err != nil {
		t.Fatal(err)
	}
	r.e.Cancel(op)
	if r.until("the cancelled receive", func() bool { return !d.has(armed) }, nil); !errors.Is(op.Err, engine.ErrCanceled) {
		t.Fatalf("the receive: %v, want %v", op.Err, engine.ErrCanceled)
	}
	p.Write(make([]byte, 1000))
	for end := time.Now().Add(50 * time.Millisecond); time.Now().Before(end); {
		r.e.Wait(time.Millisecond)
		r.e.Next()
	}
	if d.unread.bytes != 0 || d.requests != 0 {
		t.Errorf("%d bytes have come that nobody asked for, and %d requests are with the kernel", d.unread.bytes, d.requests)
	}
	last := r.do(receive())
	if last.Err != nil || last.Buf.Len() != 1000 {
		t.Fatalf("what had come: %v", last.Err)
	}
	last.Buf.Release()
}

// TestLargeReceivesAreBoundedInOneCall: what would be copied in one raw call is given to the kernel in parts, so that whoever stops the
// world waits for one of them.
func TestLargeReceivesAreBoundedInOneCall(t *testing.T) {
	r := newRig(t, sizes[0], nil)
	defer r.close()
	if !r.e.able.incremental {
		t.Skip("this kernel has no incremental buffer rings, and so no large receives")
	}
	const conns = 2*rawBytesMax/engine.BulkBytes + 1
	ops := make([]*engine.Op, conns)
	for i := range ops {
		d, p := r.pair()
		p.Write([]byte("first"))
		ops[i] = r.do(&engine.Op{Code: engine.Recv, Desc: d, How: engine.RecvWhole})
		ops[i].Buf.Release()
		d.(*desc).bulk.Got(engine.RecvBytes, false)
	}
	if _, err := r.e.Poll(); err != nil {
		t.Fatal(err)
	}
	for i, op := range ops {
		if r.e.Submit(op) {
			t.Fatal("a receive was done at once")
		}
		if n := r.e.ring.Pending() * engine.BulkBytes; n > rawBytesMax {
			t.Fatalf("%d receives are queued after %d: the call may copy %d bytes, want at most %d", r.e.ring.Pending(), i+1, n, rawBytesMax)
		}
	}
}
