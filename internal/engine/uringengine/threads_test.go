//go:build linux && !unio_nouring

package uringengine

import (
	"fmt"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/sys"
	"github.com/unio-go/unio/mem"
)

// TestRequestsOutliveTheThreadThatSubmittedThem: the loop in the network poller moves between threads, and when one of
// them ends the kernel cancels what it had submitted. Nobody may notice.
func TestRequestsOutliveTheThreadThatSubmittedThem(t *testing.T) {
	r := newSharedRig(t)
	defer r.close()
	e := r.e
	d, p := r.pair()
	in := &engine.Op{Code: engine.Recv, Desc: d}
	for range 3 {
		onDyingThread(func() {
			if e.Submit(in) {
				t.Error("a receive of nothing is done")
			}
			if _, err := e.Poll(); err != nil {
				t.Error(err)
			}
		})
		p.Write([]byte("hello"))
		done := false
		r.until("the receive", func() bool { return done }, func(op *engine.Op) { done = op == in })
		if in.Err != nil || string(in.Buf.Bytes()) != "hello" {
			t.Fatalf("received %v", in.Err)
		}
		in.Buf.Release()
		// Ends the multishot, so that the next one is submitted by the next thread.
		e.cancelArmed(d.(*desc), kindRecv)
		r.until("the end of the multishot", func() bool { return d.(*desc).requests == 0 }, nil)
	}
	// Each round arms the receive, and once more after the thread's end; the very first one is single, and the first multishot
	// is not armed again.
	if n := e.Counters().Rearms.Load(); n < 4 {
		t.Errorf("armed again %d times: the threads' ends cancelled nothing", n)
	}
}

// TestCompletionsOfABusyThreadAreNotPolledFor: when the loop has moved to another thread, what it submitted on the first is
// completed there. To enter the kernel again and again until that happens took the CPU from it, for milliseconds.
func TestCompletionsOfABusyThreadAreNotPolledFor(t *testing.T) {
	r := newSharedRig(t)
	defer r.close()
	d, p := r.pair()
	in := &engine.Op{Code: engine.Recv, Desc: d}
	var stop atomic.Bool
	defer stop.Store(true)
	armed, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if r.e.Submit(in) {
			t.Error("a receive of nothing is done")
		}
		if _, err := r.e.Poll(); err != nil {
			t.Error(err)
		}
		close(armed)
		for !stop.Load() { // enters no kernel
		}
	}()
	<-armed
	before := r.e.Counters().Enters.Load()
	p.Write([]byte("hello"))
	done := false
	r.until("the receive", func() bool { return done }, func(op *engine.Op) { done = op == in })
	stop.Store(true)
	<-ended
	in.Buf.Release()
	if n := r.e.Counters().Enters.Load() - before; n > 100 {
		t.Errorf("entered the kernel %d times for one receive", n)
	}
}

// newSharedRig is a rig whose engine sleeps in the network poller.
func newSharedRig(t *testing.T) *rig {
	if err := Available(); err != nil {
		t.Skipf("this machine has no io_uring: %v", err)
	}
	pool, err := mem.NewPool(nil)
	if err != nil {
		t.Fatal(err)
	}
	e, err := New(engine.Config{Pool: pool, Netpoll: true})
	if err != nil {
		t.Fatal(err)
	}
	return &rig{t, e, pool}
}

// onDyingThread runs fn on a thread that ends before it returns.
func onDyingThread(fn func()) {
	ended := make(chan int)
	go func() {
		runtime.LockOSThread() // and never unlocks: the runtime ends the thread
		if sys.Gettid() == os.Getpid() {
			// The main thread does not end. It is held while another one is used.
			onDyingThread(fn)
			runtime.UnlockOSThread()
			ended <- 0
			return
		}
		fn()
		ended <- sys.Gettid()
	}()
	tid := <-ended
	if tid == 0 {
		return
	}
	deadline := time.Now().Add(patience)
	for {
		_, err := os.Stat(fmt.Sprintf("/proc/self/task/%d", tid))
		if err != nil || time.Now().After(deadline) {
			return
		}
		runtime.Gosched()
	}
}

// TestSendThatIsPutOff: a lone send of a shared ring waits for the next enter, and must be sent, cancelled or closed from
// there like any other, exactly once.
func TestSendThatIsPutOff(t *testing.T) {
	r := newSharedRig(t)
	defer r.close()
	piece := func() *mem.Buf {
		b, ok := r.pool.TryGet(5)
		if !ok {
			t.Fatal("no buffer")
		}
		copy(b.Bytes(), "hello")
		return b
	}
	for _, c := range []struct {
		name string
		then func(d *desc, op *engine.Op) *engine.Op // gives an operation that has to complete too
	}{
		{"sent", func(*desc, *engine.Op) *engine.Op { return nil }},
		{"cancelled", func(_ *desc, op *engine.Op) *engine.Op { r.e.Cancel(op); return nil }},
		{"closed", func(d *desc, _ *engine.Op) *engine.Op {
			op := &engine.Op{Code: engine.Close, Desc: d}
			if r.e.Submit(op) {
				t.Error("closed before the send is over")
			}
			return op
		}},
		{"followed", func(d *desc, _ *engine.Op) *engine.Op {
			in := &engine.Op{Code: engine.Recv, Desc: d}
			if r.e.Submit(in) || r.e.lone != nil {
				t.Error("a send is put off although something else is queued")
			}
			r.e.Cancel(in)
			return in
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, p := r.pair()
			b := piece()
			defer b.Release()
			op := &engine.Op{Code: engine.Send, Desc: d, Bufs: []*mem.Buf{b}}
			if r.e.Submit(op) || r.e.lone != d.(*desc) {
				t.Fatal("the send is not put off")
			}
			want := map[*engine.Op]bool{op: true}
			if other := c.then(d.(*desc), op); other != nil {
				want[other] = true
			}
			r.until("completions", func() bool { return len(want) == 0 }, func(op *engine.Op) {
				if !want[op] {
					t.Errorf("%v completed and was not pending", op.Code)
				}
				delete(want, op)
			})
			got := make([]byte, 8)
			switch {
			case op.Err == nil && op.N == 5:
				if n, err := p.Read(got); string(got[:n]) != "hello" {
					t.Errorf("%q arrived, %v", got[:n], err)
				}
			case op.Err != engine.ErrCanceled || op.N != 0:
				t.Errorf("%d bytes, %v", op.N, op.Err)
			}
		})
	}
}
