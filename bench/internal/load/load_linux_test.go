package load

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"
)

// serve answers every connection with handle until the test ends.
func serve(t *testing.T, handle func(net.Conn)) netip.AddrPort {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				handle(c)
			}()
		}
	}()
	return ln.Addr().(*net.TCPAddr).AddrPort()
}

func echo(c net.Conn) { _, _ = io.Copy(c, struct{ io.Reader }{c}) }

func TestClosedLoopVerifies(t *testing.T) {
	addr := serve(t, echo)
	for _, shape := range []Shape{
		{Conns: 1, Size: 64, Depth: 1}, {Conns: 20, Size: 64, Depth: 16}, {Conns: 5, Size: 16 << 10, Depth: 4},
		{Conns: 3, Size: 1000, Depth: 3},
	} {
		target, err := Open(addr, shape)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second slice continues the streams
			r, err := target.Run(Slice{Duration: 10 * time.Millisecond, Verify: true})
			if err != nil {
				t.Fatalf("%+v: %v", shape, err)
			}
			early := r.Elapsed < 5*time.Millisecond
			if r.Messages < int64(shape.Conns*shape.Depth) || early || r.P50 > r.P99_9 {
				t.Errorf("%+v: %+v", shape, r)
			}
		}
		target.Close()
	}
}

func TestOpenLoopKeepsItsRate(t *testing.T) {
	target, err := Open(serve(t, echo), Shape{Conns: 4, Size: 64})
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	r, err := target.Run(Slice{Duration: 100 * time.Millisecond, Rate: 1000, Verify: true})
	if err != nil {
		t.Fatal(err)
	}
	if r.Messages < 98 || r.Messages > 102 {
		t.Errorf("%d messages in 100 ms at 1000 a second", r.Messages)
	}
}

// A server that stalls must be charged for the messages that became due meanwhile, not only for those that it
// had already received.
func TestOpenLoopCountsFromTheDueTime(t *testing.T) {
	addr := serve(t, func(c net.Conn) {
		time.Sleep(50 * time.Millisecond)
		echo(c)
	})
	target, err := Open(addr, Shape{Conns: 1, Size: 64})
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	r, err := target.Run(Slice{Duration: 100 * time.Millisecond, Rate: 10_000})
	if err != nil {
		t.Fatal(err)
	}
	if r.P99 < 40*time.Millisecond {
		t.Errorf("p99 is %v with a stall of 50 ms over half of the slice", r.P99)
	}
}

func TestWrongEchoIsSeen(t *testing.T) {
	addr := serve(t, func(c net.Conn) {
		b := make([]byte, 64)
		for {
			n, err := c.Read(b)
			if err != nil {
				return
			}
			b[n-1] ^= 1
			if _, err := c.Write(b[:n]); err != nil {
				return
			}
		}
	})
	target, err := Open(addr, Shape{Conns: 2, Size: 64, Depth: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	if _, err := target.Run(Slice{Duration: time.Millisecond, Verify: true}); !errors.Is(err, ErrMismatch) {
		t.Errorf("got %v, want %v", err, ErrMismatch)
	}
}

func TestClosedConnectionIsSeen(t *testing.T) {
	addr := serve(t, func(c net.Conn) { _, _ = c.Read(make([]byte, 64)) })
	target, err := Open(addr, Shape{Conns: 1, Size: 64, Depth: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	if _, err := target.Run(Slice{Duration: time.Millisecond}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v, want %v", err, io.ErrUnexpectedEOF)
	}
}

func TestSliceDoesNotAllocate(t *testing.T) {
	target, err := Open(serve(t, echo), Shape{Conns: 1, Size: 64, Depth: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	least := 1e9
	for range 5 {
		least = min(least, testing.AllocsPerRun(1, func() {
			if _, err := target.Run(Slice{Duration: time.Millisecond}); err != nil {
				t.Error(err)
			}
		}))
	}
	if least > 2 {
		t.Errorf("a slice allocates %v times", least)
	}
}
