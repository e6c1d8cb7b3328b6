//go:build linux && !unio_nouring

package uringengine

import (
	"testing"
	"time"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/mem"
)

// TestAReceiveWithoutBuffersSleeps: with no buffer in the ring and none in the pool a receive waits for a release, and
// it waits asleep.
func TestAReceiveWithoutBuffersSleeps(t *testing.T) {
	r := newRig(t, geometry{sqEntries: 8, cqEntries: 16, blockBytes: 64 << 10, blocks: 2},
		&mem.PoolOptions{LimitBytes: 1 << 20})
	defer r.close()
	d, p := r.pair()
	var all []*mem.Buf
	for {
		b, ok := r.pool.TryGet(64 << 10)
		if !ok {
			break
		}
		all = append(all, b)
	}
	in := &engine.Op{Code: engine.Recv, Desc: d}
	if r.e.Submit(in) {
		t.Fatal("a receive of nothing is done")
	}
	p.Write([]byte("hello"))
	r.until("the lack of buffers", func() bool { return r.e.Counters().NoBuffers.Load() > 0 }, nil)
	before := r.e.Counters().Enters.Load()
	start := time.Now()
	for time.Since(start) < 50*time.Millisecond {
		if err := r.e.Wait(50*time.Millisecond - time.Since(start)); err != nil {
			t.Fatal(err)
		}
		if op := r.e.Next(); op != nil {
			t.Fatalf("%v completed: %v", op.Code, op.Err)
		}
	}
	if n := r.e.Counters().Enters.Load() - before; n > 10 {
		t.Errorf("%d entries into the kernel while there was nothing to do", n)
	}
	go all[0].Release()
	done := false
	r.until("the receive", func() bool { return done }, func(op *engine.Op) { done = op == in })
	if in.Err != nil || string(in.Buf.Bytes()) != "hello" {
		t.Errorf("received %v", in.Err)
	}
	in.Buf.Release()
	for _, b := range all[1:] {
		b.Release()
	}
}

// TestLastBlockThatComesBackWhileTheGroupIsGone: another thread may have filled the last block when the kernel forgets the
// group. The engine must not wait for blocks that it does not have to make the group anew.
func TestLastBlockThatComesBackWhileTheGroupIsGone(t *testing.T) {
	r := newRig(t, geometry{sqEntries: 8, cqEntries: 16, blockBytes: blockBytesMin, blocks: 1},
		&mem.PoolOptions{LimitBytes: 2 * blockBytesMin})
	defer r.close()
	d, p := r.pair()
	in := &engine.Op{Code: engine.Recv, Desc: d}
	r.e.Submit(in)
	if _, err := r.e.Poll(); err != nil {
		t.Fatal(err)
	}
	p.Write(make([]byte, blockBytesMin))
	for r.e.ring.CQReady() == 0 {
		r.e.enterNow()
	}
	other, _ := r.pool.TryGet(1)
	defer other.Release()
	defer r.pool.Request(1, (*mem.Buf).Release)()
	if r.e.share(true); r.e.blocks.gone {
		t.Fatal("the group went before what it had brought")
	}
	if err := r.e.blocks.unregister(); err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		done := i == 1 && r.e.Submit(in)
		r.until("a receive", func() bool { return done }, func(op *engine.Op) { done = op == in })
		if in.Err != nil || in.Buf.Len() != blockBytesMin {
			t.Fatalf("receive %d: %v", i, in.Err)
		}
		in.Buf.Release()
		p.Write(make([]byte, blockBytesMin))
	}
}

// TestSingleBytesThatNobodyReadsAreBounded: a peer that sends a byte at a time must not make a handle for each of them.
func TestSingleBytesThatNobodyReadsAreBounded(t *testing.T) {
	r := newRig(t, sizes[0], nil)
	defer r.close()
	d, p := r.pair()
	in := &engine.Op{Code: engine.Recv, Desc: d}
	const total = 4 * stashPiecesMax
	p.Write([]byte{0})
	r.do(in)
	in.Buf.Release()
	for i := 1; i < total; i++ {
		p.Write([]byte{byte(i)})
		if _, err := r.e.Poll(); err != nil {
			t.Fatal(err)
		}
		for op := r.e.Next(); op != nil; op = r.e.Next() {
			t.Fatalf("%v completed", op.Code)
		}
	}
	if n := d.(*desc).unread.len(); n > 2*stashPiecesMax {
		t.Errorf("%d pieces are kept, want about %d", n, stashPiecesMax)
	}
	for i := 1; i < total; {
		r.do(in)
		if in.Err != nil {
			t.Fatal(in.Err)
		}
		for _, c := range in.Buf.Bytes() {
			if c != byte(i) {
				t.Fatalf("byte %d is %d", i, c)
			}
			i++
		}
		in.Buf.Release()
	}
}
