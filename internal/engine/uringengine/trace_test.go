//go:build linux && !unio_nouring

package uringengine

import (
	"net"
	"testing"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/mem"
)

// completions are the user_data of what the kernel has completed and the engine has not looked at.
func (r *rig) completions() map[uint64]bool {
	all := map[uint64]bool{}
	if r.e.ready() {
		for i := r.e.cqAt; i < r.e.cqEnd; i++ {
			all[r.e.ring.CQE(i).UserData] = true
		}
	}
	return all
}

// The number that Trace tells is the user_data that the kernel has of the request.
func TestTraceIsTheUserData(t *testing.T) {
	r := newRig(t, geometry{sqEntries: 8, cqEntries: 64, blockBytes: 64 << 10, blocks: 4}, nil)
	defer r.close()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	connect := &engine.Op{Code: engine.Connect, Dial: &engine.Dial{Network: "tcp", Addr: ln.Addr()}}
	var fd int
	var id uint64
	done := func() bool { return r.completions()[id] }
	ops := 0
	counted := func(op *engine.Op) { ops++ }
	submit := func(op *engine.Op) {
		if r.e.Submit(op) {
			t.Fatalf("%v was done at once: %v", op.Code, op.Err)
		}
	}
	wait := func(what string) {
		t.Helper()
		for !done() {
			if err := r.e.Wait(patience); err != nil {
				t.Fatal(err)
			}
		}
		if fd < 0 {
			t.Errorf("%s: descriptor %d", what, fd)
		}
		before := ops
		r.until(what, func() bool { return ops > before }, counted)
	}

	submit(connect)
	fd, id = r.e.TraceConnect(connect)
	wait("connect")
	if again, none := r.e.TraceConnect(connect); again != -1 || none != 0 {
		t.Errorf("a connect that has ended: %d, %x", again, none)
	}
	d := connect.Desc.(*desc)
	p, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()

	recv := &engine.Op{Code: engine.Recv, Desc: d}
	submit(recv)
	fd, id = d.Trace(engine.Recv)
	p.Write([]byte("x"))
	wait("recv")
	recv.Buf.Release()

	send := &engine.Op{Code: engine.Send, Desc: d, Bufs: []*mem.Buf{r.message("x")}}
	submit(send)
	fd, id = d.Trace(engine.Send)
	wait("send")
	send.Bufs[0].Release()
}
