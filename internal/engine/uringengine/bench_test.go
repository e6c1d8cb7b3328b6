//go:build linux && !unio_nouring

package uringengine

import (
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/mem"
)

// BenchmarkEcho echoes for connections that each wait for their answer. It reports the CPU time of the loop's
// thread per message beside the rate, which the peers on the other cores bound.
func BenchmarkEcho(b *testing.B) {
	for _, c := range []struct{ conns, size int }{{1, 64}, {50, 64}, {50, 16 << 10}} {
		b.Run(fmt.Sprintf("conns=%d/size=%d", c.conns, c.size), func(b *testing.B) { benchEcho(b, c.conns, c.size) })
	}
}

func benchEcho(b *testing.B, conns, size int) {
	r := newRig(b, sizes[0], nil)
	defer r.close()
	var peers sync.WaitGroup
	each := max(b.N/conns, 1)
	echoes := make([]*echo, conns)
	for i := range echoes {
		d, p := r.pair()
		echoes[i] = newEcho(d)
		r.e.Submit(&echoes[i].in)
		peers.Go(func() { benchPeer(b, p, size, each) })
	}
	ended := make(chan struct{})
	go func() {
		peers.Wait()
		r.e.Wake()
		close(ended)
	}()
	b.ResetTimer()
	before := threadTime()
	for running := true; running; {
		r.turn()
		select {
		case <-ended:
			running = false
		default:
		}
	}
	b.ReportMetric(float64(threadTime()-before)/float64(each*conns), "cpu-ns/op")
	b.ReportMetric(float64(r.e.Counters().Enters.Load())/float64(each*conns), "enters/op")
	b.StopTimer()
}

// turn is a turn of a loop: answer, hand over, sleep if there was nothing.
func (r *rig) turn() {
	ready, err := r.e.Poll()
	if err == nil && !ready {
		err = r.e.Wait(time.Second)
	}
	if err != nil {
		r.Fatal(err)
	}
	for op := r.e.Next(); op != nil; op = r.e.Next() {
		op.To.(interface{ completed(*Engine, *engine.Op) }).completed(r.e, op)
	}
}

// echo sends back what it receives, a piece at a time.
type echo struct {
	in, out engine.Op
	bufs    [1]*mem.Buf
	answers int // sends that are done
}

func newEcho(d engine.Desc) *echo {
	c := &echo{}
	c.in = engine.Op{Code: engine.Recv, Desc: d, To: c}
	c.out = engine.Op{Code: engine.Send, Desc: d, To: c, Bufs: c.bufs[:]}
	return c
}

func (c *echo) Complete(*engine.Op) {}

func (c *echo) completed(e *Engine, op *engine.Op) {
	if op.Code == engine.Send {
		c.answers++
		c.bufs[0].Release()
		if e.Submit(&c.in) {
			c.completed(e, &c.in)
		}
		return
	}
	if c.in.Err != nil {
		return
	}
	c.bufs[0] = c.in.Buf
	c.in.Buf = nil
	if e.Submit(&c.out) {
		c.completed(e, &c.out)
	}
}

func benchPeer(tb testing.TB, p net.Conn, size, n int) {
	buf := make([]byte, size)
	for range n {
		if _, err := p.Write(buf); err != nil {
			tb.Error(err)
			return
		}
		if _, err := io.ReadFull(p, buf); err != nil {
			tb.Error(err)
			return
		}
	}
}

// threadTime is the CPU time of the calling thread in nanoseconds.
func threadTime() int64 {
	const rusageThread = 1 // RUSAGE_THREAD, getrusage(2)
	var u syscall.Rusage
	if syscall.Getrusage(rusageThread, &u) != nil {
		return 0
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

// TestRecvAndSendAllocateNothing counts over many echoes, since the Go runtime allocates a little by itself.
func TestRecvAndSendAllocateNothing(t *testing.T) {
	r := newRig(t, sizes[0], nil)
	defer r.close()
	if testing.CoverMode() != "" || checked {
		t.Skip("this build allocates to check")
	}
	d, p := r.pair()
	c := newEcho(d)
	r.e.Submit(&c.in)
	buf := make([]byte, 64)
	once := func() {
		p.Write(buf)
		for answers := c.answers; c.answers == answers; {
			r.turn()
		}
		if _, err := io.ReadFull(p, buf); err != nil {
			t.Fatal(err)
		}
	}
	p.SetDeadline(time.Now().Add(patience))
	once()
	if n := testing.AllocsPerRun(500, once); n > 0 {
		t.Errorf("an echo allocates %v times", n)
	}
}
