//go:build linux && !unio_noepoll

package epollengine

import (
	"net"
	"runtime"
	"testing"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/sys"
	"github.com/unio-go/unio/mem"
)

// TestEcho runs one echo server on the bare engine, plain and in the network poller.
func TestEcho(t *testing.T) {
	for _, np := range []bool{false, true} {
		pool, _ := mem.NewPool(nil)
		runtime.LockOSThread()
		e, err := New(engine.Config{Pool: pool, Netpoll: np})
		if err != nil {
			t.Fatal(err)
		}
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		fd, err := sys.TakeListener(l)
		if err != nil {
			t.Fatal(err)
		}
		ld, err := e.Attach(engine.Socket{FD: fd}, engine.Listener)
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error)
		go func() {
			c, err := net.Dial("tcp", l.Addr().String())
			if err == nil {
				b := make([]byte, 64)
				for range 1000 {
					if _, err = c.Write(b); err != nil {
						break
					}
					if _, err = c.Read(b); err != nil {
						break
					}
				}
				c.Close()
			}
			done <- err
		}()
		do := func(op *engine.Op) {
			if e.Submit(op) {
				return
			}
			for {
				if got := e.Next(); got == op {
					return
				} else if got != nil {
					t.Fatal(got)
				}
				if err := e.Wait(-1); err != nil {
					t.Fatal(err)
				}
			}
		}
		acc := &engine.Op{Code: engine.Accept, Desc: ld}
		do(acc)
		d, err := e.Attach(acc.Sock, engine.Stream)
		if err != nil {
			t.Fatal(err)
		}
		for {
			r := &engine.Op{Code: engine.Recv, Desc: d}
			do(r)
			if r.Err != nil {
				t.Log(r.Err)
				break
			}
			s := &engine.Op{Code: engine.Send, Desc: d, Bufs: []*mem.Buf{r.Buf}}
			do(s)
			r.Buf.Release()
			if s.Err != nil {
				t.Fatal(s.Err)
			}
		}
		t.Log(<-done, e.Counters().Enters.Load())
		if err := e.Close(0); err != nil {
			t.Fatal(err)
		}
		t.Log(pool.Stats())
	}
}
