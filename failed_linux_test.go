//go:build !unio_noepoll

package unio_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/unio-go/unio"
)

// broken is a runtime of two loops of which one has ended because its engine failed, and a listener of it that answers.
func broken(t *testing.T, shared bool) (*unio.Runtime, *unio.Listener) {
	t.Helper()
	rt, err := unio.New(&unio.Options{Loops: 2, Engine: unio.Epoll, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := rt.Close(); !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
	ln, err := rt.Listen("tcp", "127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	if shared {
		for range 2 { // the first connections of goroutines make the loops for these
			dialOnce(t, rt, dialNothing(t))
		}
	}
	unio.BreakLoop(rt, shared)
	go ln.Serve(func(c *unio.Conn) { c.Write([]byte("x")) })
	return rt, ln
}

// dialNothing is the address of a listener that only accepts.
func dialNothing(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln.Addr().String()
}

func dialOnce(t *testing.T, rt *unio.Runtime, addr string) *unio.Conn {
	t.Helper()
	c, err := rt.Dial(context.Background(), "tcp", addr, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// Nothing keeps a loop busy that takes nothing, and the others have to do all of the work.
func TestALoopThatHasFailedGetsNoTasks(t *testing.T) {
	rt, _ := broken(t, false)
	var ran sync.WaitGroup
	for range 20 {
		ran.Add(1)
		rt.Go(ran.Done)
	}
	done := make(chan struct{})
	go func() { ran.Wait(); close(done) }()
	await(t, done, "all tasks")
}

func TestALoopThatHasFailedGetsNoConnections(t *testing.T) {
	_, ln := broken(t, false)
	for range 20 {
		c, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		c.SetDeadline(time.Now().Add(10 * time.Second))
		if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
			t.Error(err)
		}
		c.Close()
	}
}

func TestALoopThatHasFailedGetsNoConnectionsOfGoroutines(t *testing.T) {
	rt, ln := broken(t, true)
	for range 4 {
		if _, err := io.ReadFull(dialOnce(t, rt, ln.Addr().String()), make([]byte, 1)); err != nil {
			t.Error(err)
		}
	}
}
