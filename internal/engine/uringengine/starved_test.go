//go:build linux && !unio_nouring

package uringengine

import (
	"net"
	"testing"

	"github.com/unio-go/unio/internal/engine"
)

// TestReceivesThatFindNoBlockAreServedInTurn: when more is on its way than the blocks have room for, nobody who has had his share comes
// before one who waits, and few receives are for nothing.
func TestReceivesThatFindNoBlockAreServedInTurn(t *testing.T) {
	const conns, message, rounds = 24, 32 << 10, 20
	const pieces = 5 // that one multishot brings at most, of the 64 KiB that it may receive and the ends of two blocks
	r := newRig(t, geometry{sqEntries: 8, cqEntries: 256, blockBytes: 64 << 10, blocks: 2}, nil)
	defer r.close()
	ops := map[*engine.Op]*net.TCPConn{}
	last := map[*engine.Op]int{} // when it was served
	receive := func(op *engine.Op) {
		ops[op].Write(make([]byte, message))
		if r.e.Submit(op) {
			t.Errorf("done at once: %v", op.Err)
		}
	}
	for range conns {
		d, peer := r.pair()
		op := &engine.Op{Code: engine.Recv, Desc: d, How: engine.RecvWhole}
		ops[op] = peer
		receive(op)
	}
	total, waited := 0, 0
	r.until("the receives", func() bool { return total >= conns*rounds }, func(op *engine.Op) {
		if op.Err != nil {
			t.Fatal(op.Err)
		}
		op.Buf.Release()
		total++
		waited = max(waited, total-last[op])
		last[op] = total
		receive(op)
	})
	for op := range ops {
		waited = max(waited, total-last[op])
	}
	missed := int(r.e.Counters().NoBuffers.Load())
	t.Logf("%d receives, %d for nothing; at most %d came before one that waited", total, missed, waited)
	if waited > 2*conns*pieces {
		t.Errorf("one waited while others were served %d times", waited)
	}
	if missed > total/4 {
		t.Errorf("%d of %d receives found no block", missed, total+missed)
	}
}
