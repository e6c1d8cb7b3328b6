//go:build linux && !unio_nouring

package uringengine

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/sys"
	"github.com/unio-go/unio/mem"
	"github.com/unio-go/unio/uring"
)

// TestAFullSubmissionRingLosesNothing queues far more sends than the ring has entries before it enters the kernel.
func TestAFullSubmissionRingLosesNothing(t *testing.T) {
	r := newRig(t, geometry{sqEntries: 8, cqEntries: 64, blockBytes: 64 << 10, blocks: 4}, nil)
	defer r.close()
	const conns = 100
	sends := make([]engine.Op, conns)
	left := conns
	texts := make([]string, conns)
	var wants []func()
	for i := range sends {
		d, p := r.pair()
		texts[i] = fmt.Sprintf("message %d", i)
		sends[i] = engine.Op{Code: engine.Send, Desc: d, Bufs: []*mem.Buf{r.message(texts[i])}}
		wants = append(wants, func() { r.want(p, texts[i]) })
	}
	for i := range sends {
		if r.e.Submit(&sends[i]) {
			t.Fatal("a send was done at once")
		}
	}
	r.until("all sends", func() bool { return left == 0 }, func(op *engine.Op) {
		if op.Err != nil || op.N != op.Bufs[0].Len() {
			t.Errorf("sent %d: %v", op.N, op.Err)
		}
		op.Bufs[0].Release()
		left--
	})
	for _, want := range wants {
		want()
	}
}

// TestAnOverflowOfCompletionsLosesNothing has many more receives answered at once than the completion ring has room
// for, which ends their multishot requests: each byte must come, and what ended must be armed again.
func TestAnOverflowOfCompletionsLosesNothing(t *testing.T) {
	r := newRig(t, geometry{sqEntries: 8, cqEntries: 16, blockBytes: 64 << 10, blocks: 4}, nil)
	defer r.close()
	const conns, rounds = 100, 3
	recvs := make([]engine.Op, conns)
	var write []func(string)
	for i := range recvs {
		d, p := r.pair()
		recvs[i] = engine.Op{Code: engine.Recv, Desc: d}
		write = append(write, func(s string) { p.Write([]byte(s)) })
		r.e.Submit(&recvs[i])
	}
	if _, err := r.e.Poll(); err != nil {
		t.Fatal(err)
	}
	for round := range rounds {
		text := fmt.Sprintf("round %d", round)
		for i := range write {
			write[i](text)
		}
		overflown := false
		left := conns
		r.until("all receives", func() bool { return left == 0 }, func(op *engine.Op) {
			overflown = overflown || r.e.ring.CQOverflow()
			if op.Err != nil || string(op.Buf.Bytes()) != text {
				t.Fatalf("round %d: %v", round, op.Err)
			}
			op.Buf.Release()
			left--
		})
		if !overflown {
			t.Error("the completion ring did not overflow: the test tests nothing")
		}
		for i := range recvs {
			if r.e.Submit(&recvs[i]) {
				t.Fatalf("more than was written: %q %v", recvs[i].Buf.Bytes(), recvs[i].Err)
			}
		}
	}
	if r.e.Counters().Rearms.Load() == 0 && r.e.able.multishotRecv {
		t.Error("nothing was armed again")
	}
}

// TestTheFirstMultishotIsNotArmedAgain: a connection begins with a single receive, so that its multishot is never its first.
func TestTheFirstMultishotIsNotArmedAgain(t *testing.T) {
	r := newRig(t, sizes[0], nil)
	defer r.close()
	for range 10 {
		d, p := r.pair()
		for range 3 {
			p.Write([]byte("x"))
			op := r.do(&engine.Op{Code: engine.Recv, Desc: d})
			if op.Err != nil {
				t.Fatal(op.Err)
			}
			op.Buf.Release()
		}
	}
	if n := r.e.Counters().Rearms.Load(); n != 0 {
		t.Errorf("%d multishots were armed again, of 10 connections with one each", n)
	}
}

// TestAnotherThreadIsToldSo: a ring of a locked loop refuses every thread but its own, and that must be an error and
// not a storm of attempts.
func TestAnotherThreadIsToldSo(t *testing.T) {
	r := newRig(t, sizes[0], nil)
	failed := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		_, err := r.e.Poll()
		failed <- err
	}()
	// EEXIST by the ring's descriptor; EINVAL or EBADF by its index, which is another thread's.
	err := <-failed
	if !errors.Is(err, syscall.EEXIST) && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.EBADF) {
		t.Errorf("poll from another thread: %v", err)
	}
	r.e.err = nil
	r.close()
}

// TestACloseIsNotLostToACancellation: a close that waited for a worker when everything was cancelled has closed nothing, and
// is asked for again.
func TestACloseIsNotLostToACancellation(t *testing.T) {
	r := newRig(t, sizes[0], nil)
	for range 20 {
		d, p := r.pair()
		fd := d.FD()
		if err := sys.SetLinger(fd, 60); err != nil {
			t.Fatal(err)
		}
		op := &engine.Op{Code: engine.Close, Desc: d}
		if r.e.Submit(op) {
			t.Fatal("a close that may wait was not left to a worker")
		}
		s := r.e.sqe()
		s.PrepCancel(0, uring.AsyncCancelAny|uring.AsyncCancelAll)
		s.Flags |= uring.SqeCqeSkipSuccess
		s.UserData = kindNone
		over := false
		r.until("the close", func() bool { return over }, func(got *engine.Op) { over = got == op })
		if op.Err != nil {
			t.Fatal(op.Err)
		}
		p.SetReadDeadline(time.Now().Add(patience))
		if _, err := p.Read(make([]byte, 1)); err != io.EOF {
			t.Fatalf("the peer was not told: %v", err)
		}
	}
	r.close()
}

// TestMemoryIsKeptWhenTheKernelDoesNotFinish: what the kernel may still write to must never be given to somebody else.
func TestMemoryIsKeptWhenTheKernelDoesNotFinish(t *testing.T) {
	r := newRig(t, sizes[0], nil)
	d, p := r.pair()
	p.Write([]byte("x"))
	got := r.do(&engine.Op{Code: engine.Recv, Desc: d})
	got.Buf.Release()
	r.e.stats.pending++ // a request of which the kernel never tells the end
	if err := r.e.Close(10 * time.Millisecond); err == nil {
		t.Error(errNone)
	}
	if s := r.pool.Stats(); s.Buffers != offeredMin {
		t.Errorf("%d blocks are kept, want %d", s.Buffers, offeredMin)
	}
	if r.e.ring.FD() < 0 {
		t.Error("the ring is closed")
	}
	r.e.Wake() // still allowed, and without effect
	r.e.stats.pending--
	if err := r.e.free(); err != nil {
		t.Error(err)
	}
	if err := r.pool.Close(); err != nil {
		t.Error(err)
	}
}

// TestARecordKeepsCountOfNeighbours: pieces that follow each other in memory are one, of which the kernel's length has 32 bits.
func TestARecordKeepsCountOfNeighbours(t *testing.T) {
	const piece = 1 << 20
	m, err := syscall.Mmap(-1, 0, recordBytesMax+piece, syscall.PROT_NONE,
		syscall.MAP_ANON|syscall.MAP_PRIVATE|syscall.MAP_NORESERVE)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Munmap(m)
	var r record
	n := 0
	for n < len(m) && r.add(m[n:n+piece]) {
		n += piece
	}
	if _, length := r.piece(); n != recordBytesMax || int(length) != n || int(r.bytes) != n {
		t.Errorf("%d bytes were added, want %d: a piece of %d, %d in all", n, recordBytesMax, length, r.bytes)
	}
}
