package unio_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/internal/waitfor"
	"github.com/unio-go/unio/uniotest"
)

// bound is how long a test waits for what must happen: far more than it takes on a busy machine.
const bound = 10 * time.Second

// pause is how long a test lets a call get to the point where it waits: half of that is enough where twice as many threads want
// to run as there are CPUs. Results do not depend on whether it got there.
const pause = 10 * time.Millisecond

// tooMuch is more than the sockets between two ends take. Nobody writes to it, so it costs no memory and no time, as a slice that
// is made anew for each call does.
var tooMuch [64 << 20]byte

// origin is where the calls on a connection come from, and how the connection came about.
type origin struct {
	name string
	dial bool // else it is accepted
	run  func(rt *unio.Runtime, e *ends, own func(*unio.Conn)) error
}

// ends are the means to get a connection: a listener of the runtime, or an address to dial.
type ends struct {
	ln            *unio.Listener
	network, addr string
}

var origins = []origin{
	{"task", false, func(_ *unio.Runtime, e *ends, own func(*unio.Conn)) error {
		go e.ln.Serve(own)
		return nil
	}},
	{"goroutine", false, func(_ *unio.Runtime, e *ends, own func(*unio.Conn)) error {
		go func() {
			if c, err := e.ln.AcceptConn(); err == nil {
				defer c.Close()
				own(c)
			}
		}()
		return nil
	}},
	{"goroutine-on-a-task-loop", false, func(_ *unio.Runtime, e *ends, own func(*unio.Conn)) error {
		go e.ln.Serve(func(c *unio.Conn) {
			c.Keep()
			go func() {
				defer c.Close()
				own(c)
			}()
		})
		return nil
	}},
	// The connection's loop has one more connection than the other, so the task starts there.
	{"task-of-another-loop", false, func(rt *unio.Runtime, e *ends, own func(*unio.Conn)) error {
		go e.ln.Serve(func(c *unio.Conn) {
			c.Keep()
			go rt.Go(func() {
				defer c.Close()
				own(c)
			})
		})
		return nil
	}},
	{"dialled-by-a-task", true, func(rt *unio.Runtime, e *ends, own func(*unio.Conn)) error {
		failed := make(chan error, 1)
		rt.Go(func() {
			c, err := rt.Dial(context.Background(), e.network, e.addr, nil)
			failed <- err
			if err == nil {
				defer c.Close()
				own(c)
			}
		})
		select {
		case err := <-failed:
			return err
		case <-time.After(bound):
			return errors.New("the task does not come back from Dial")
		}
	}},
	{"dialled-by-a-goroutine", true, func(rt *unio.Runtime, e *ends, own func(*unio.Conn)) error {
		c, err := rt.Dial(context.Background(), e.network, e.addr, nil)
		if err == nil {
			go func() {
				defer c.Close()
				own(c)
			}()
		}
		return err
	}},
}

// scene is a test and the runtime that it plays on.
type scene struct {
	testing.TB
	rt    *unio.Runtime
	ended chan struct{} // closed when the connection's side has ended
	cue   chan struct{} // for the scene's use; holds one
}

// eachConn plays a scene between a connection of unio and a peer of package net, on each engine, over each network, with
// the connection's calls from each origin. The connection is closed when own returns, the peer when peer returns.
func eachConn(t *testing.T, own func(t scene, c *unio.Conn), peer func(t scene, p net.Conn)) {
	t.Helper()
	eachConnOver(t, []string{"tcp", "unix"}, own, peer)
}

func eachConnOver(
	t *testing.T, networks []string,
	own func(t scene, c *unio.Conn), peer func(t scene, p net.Conn),
) {
	t.Helper()
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		for _, network := range networks {
			for _, o := range origins {
				ok := t.Run(network+"/"+o.name, func(t *testing.T) { play(t, rt, network, o, own, peer) })
				if !ok {
					return // what failed may disturb what follows, and each failure may take long
				}
			}
		}
		uniotest.Idle(t, rt)
	})
}

func play(
	t *testing.T, rt *unio.Runtime, network string, o origin,
	own func(t scene, c *unio.Conn), peer func(t scene, p net.Conn),
) {
	ownDone, cue := make(chan struct{}), make(chan struct{}, 1)
	run := func(c *unio.Conn) {
		defer close(ownDone)
		own(scene{t, rt, ownDone, cue}, c)
	}
	p := meet(t, rt, network, o, run)
	peerDone := make(chan struct{})
	go func() {
		defer close(peerDone)
		defer p.Close()
		p.SetDeadline(time.Now().Add(bound))
		peer(scene{t, rt, ownDone, cue}, p)
	}()
	await(t, ownDone, "the connection's side to end")
	await(t, peerDone, "the peer's side to end")
}

// meet makes the connection and returns the peer's end.
func meet(t *testing.T, rt *unio.Runtime, network string, o origin, run func(*unio.Conn)) net.Conn {
	t.Helper()
	addr := freshAddr(t, network)
	if o.dial {
		ln, err := net.Listen(network, addr)
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		if err := o.run(rt, &ends{network: network, addr: ln.Addr().String()}, run); err != nil {
			t.Fatal(err)
		}
		p, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	ln, err := rt.Listen(network, addr, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	if err := o.run(rt, &ends{ln: ln}, run); err != nil {
		t.Fatal(err)
	}
	p, err := net.Dial(network, ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// freshAddr is an address to listen at.
func freshAddr(t testing.TB, network string) string {
	if network != "unix" {
		return "127.0.0.1:0"
	}
	dir, err := os.MkdirTemp("", "u") // short: a path has 108 bytes, unix(7)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "s")
}

// await waits for a channel to be closed or to give something.
func await[T any](t testing.TB, c <-chan T, what string) T {
	t.Helper()
	return waitfor.Value(t, c, bound, what)
}

// until waits for a condition, first for one that others bring about at once: the shortest sleep takes a millisecond.
func until(t testing.TB, what string, cond func() bool) {
	t.Helper()
	end := time.Now().Add(bound)
	for tries := 0; !cond(); tries++ {
		if time.Now().After(end) {
			t.Fatal("waited in vain: " + what)
		}
		if tries < 100 {
			runtime.Gosched()
		} else {
			time.Sleep(time.Millisecond)
		}
	}
}

// listen opens a listener on loopback that ends with the test.
func listen(t testing.TB, rt *unio.Runtime, o *unio.ListenOptions) *unio.Listener {
	t.Helper()
	ln, err := rt.Listen("tcp", "127.0.0.1:0", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln
}

// serve runs a handler for a new listener on loopback.
func serve(t testing.TB, rt *unio.Runtime, handler func(*unio.Conn)) *unio.Listener {
	t.Helper()
	ln := listen(t, rt, nil)
	go ln.Serve(handler)
	return ln
}

// dialNet is a connection of package net that ends with the test and does not wait for good.
func dialNet(t testing.TB, ln net.Listener) net.Conn {
	t.Helper()
	p, err := net.Dial(ln.Addr().Network(), ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	p.SetDeadline(time.Now().Add(bound))
	return p
}

// echo sends back what comes.
func echo(c *unio.Conn) {
	for {
		b, err := c.Recv()
		if err != nil {
			return
		}
		if c.Send(b) != nil {
			return
		}
	}
}

// exchange sends a line to an echo server and wants it back.
func exchange(t testing.TB, p net.Conn) {
	t.Helper()
	const line = "what goes around comes around\n"
	got := make([]byte, len(line))
	if _, err := io.WriteString(p, line); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(p, got); err != nil || string(got) != line {
		t.Fatalf("got %q, %v", got, err)
	}
}

// wantIs fails unless err is target.
func wantIs(t testing.TB, what string, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Errorf("%s: error %v, want %v", what, err, target)
	}
}

// stream is the bytes that a seed makes, the same for the one who sends and the one who checks.
type stream struct{ r *rand.ChaCha8 }

func newStream(seed byte) stream { return stream{rand.NewChaCha8([32]byte{seed})} }

// next fills p with the next bytes.
func (s stream) next(p []byte) []byte {
	s.r.Read(p)
	return p
}

// check looks whether p is the next bytes.
func (s stream) check(p []byte) error {
	if want := s.next(make([]byte, len(p))); !bytes.Equal(p, want) {
		return fmt.Errorf("%d bytes are not the next of their stream", len(p))
	}
	return nil
}

// scale makes sizes and counts smaller where the race detector makes everything ten times slower.
func scale(normal, race int) int {
	if raceEnabled {
		return race
	}
	return normal
}
