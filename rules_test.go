package unio_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net"
	"net/http"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
)

// The rules of the loop, as package unio and internal/loop state them; each test is named after one.

// syncBuffer is a log that a test may read while it is written.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// logged runs fn on each engine with a runtime that logs to a buffer.
func logged(t *testing.T, o unio.Options, fn func(t *testing.T, rt *unio.Runtime, log *syncBuffer)) {
	log := &syncBuffer{}
	o.Logger = slog.New(slog.NewTextHandler(log, nil))
	uniotest.EachEngineWith(t, &o, func(t *testing.T, rt *unio.Runtime) { fn(t, rt, log) })
}

// Each of two handlers writes much to the connection of the other's loop at the same time. If a loop waited for another's
// thread they would wait for each other.
func TestTwoLoopsThatWriteToEachOtherDoNotWaitForEachOther(t *testing.T) {
	total := scale(16<<20, 4<<20)
	uniotest.EachEngineWith(t, &unio.Options{Loops: 2}, func(t *testing.T, rt *unio.Runtime) {
		var mu sync.Mutex
		var conns []*unio.Conn
		var written sync.WaitGroup
		written.Add(2)
		both := make(chan struct{})
		ln := serve(t, rt, func(c *unio.Conn) {
			mu.Lock()
			me := len(conns)
			if conns = append(conns, c); len(conns) == 2 {
				close(both)
			}
			mu.Unlock()
			unio.Offload(func() { <-both })
			if n, err := conns[1-me].Write(make([]byte, total)); n != total || err != nil {
				t.Errorf("wrote %d, %v", n, err)
			}
			written.Done()
			unio.Offload(written.Wait) // returning closes what the other writes to
		})
		counts := make(chan int64, 2)
		for range 2 {
			p := dialNet(t, ln)
			go func() {
				n, _ := io.Copy(io.Discard, p)
				counts <- n
			}()
		}
		for range 2 {
			if n := await(t, counts, "a peer"); n != int64(total) {
				t.Errorf("%d bytes of %d arrived", n, total)
			}
		}
		if n := rt.Stats().Stalls; n != 0 {
			t.Errorf("%d stalls", n)
		}
	})
}

// A pull coroutine of a handler shares its thread: it gets what is there, and an error where it would have to wait.
func TestCoroutineOfAHandlerNeverBlocksTheLoop(t *testing.T) {
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		ended := make(chan struct{})
		ln := serve(t, rt, func(c *unio.Conn) {
			defer close(ended)
			p := make([]byte, 1)
			if _, err := c.Read(p); err != nil { // one of two that came together
				t.Error(err)
			}
			next, stop := iter.Pull(func(yield func(error) bool) {
				_, err := c.Read(p)
				if !yield(err) {
					return
				}
				_, err = c.Write([]byte("written by a coroutine"))
				if !yield(err) {
					return
				}
				_, err = c.Recv()
				yield(err)
			})
			defer stop()
			if err, _ := next(); err != nil || p[0] != 'b' {
				t.Errorf("Read of what is there: %q, %v", p, err)
			}
			if err, _ := next(); err != nil {
				t.Errorf("Write with room: %v", err)
			}
			if err, _ := next(); !errors.Is(err, unio.ErrCoroutine) {
				t.Errorf("Recv of what is not there: %v", err)
			}
		})
		p := dialNet(t, ln)
		p.Write([]byte("ab"))
		if got, err := io.ReadAll(p); string(got) != "written by a coroutine" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		await(t, ended, "the handler")
	})
}

// The idiom that holds a loop which its own goroutine needs becomes an error with the holder's stack.
func TestStalledLoopIsAnErrorAndRecovers(t *testing.T) {
	logged(t, unio.Options{Loops: 1, StallLimit: 100 * time.Millisecond},
		func(t *testing.T, rt *unio.Runtime, log *syncBuffer) {
			stalled := make(chan error, 1)
			ln := serve(t, rt, func(c *unio.Conn) { holdLoopByChannel(c, stalled) })
			p := dialNet(t, ln)
			err := await(t, stalled, "the call to be withdrawn")
			wantIs(t, "a call to a loop that is held", err, unio.ErrStalled)
			if !strings.Contains(fmt.Sprint(err), "holdLoopByChannel") {
				t.Errorf("the error does not name the holder: %v", err)
			}
			until(t, "the log names the holder", func() bool {
				return strings.Contains(log.String(), "holds its loop") && strings.Contains(log.String(), "holdLoopByChannel")
			})
			if rt.Stats().Stalls == 0 {
				t.Error("no stall counted")
			}
			if _, err := p.Read(make([]byte, 1)); err != io.EOF { // the handler went on and returned
				t.Errorf("the connection after the stall: %v", err)
			}
			other := serve(t, rt, echo)
			exchange(t, dialNet(t, other))
		})
}

func holdLoopByChannel(c *unio.Conn, stalled chan<- error) {
	done := make(chan error)
	go func() {
		_, err := io.Copy(io.Discard, struct{ io.Reader }{c})
		done <- err
	}()
	stalled <- <-done
}

// serveHeld serves echoes. The first handler tells that it is there and holds its loop until release is closed.
func serveHeld(t *testing.T, rt *unio.Runtime) (ln *unio.Listener, held, release chan struct{}) {
	held, release = make(chan struct{}), make(chan struct{})
	var begun atomic.Bool
	ln = serve(t, rt, func(c *unio.Conn) {
		if !begun.Swap(true) {
			close(held)
			<-release
		}
		echo(c)
	})
	return ln, held, release
}

// A listener was closed for whoever asked, and went on, when its Close was withdrawn.
func TestListenerWhoseCloseWasWithdrawnIsOpen(t *testing.T) {
	logged(t, unio.Options{Loops: 1, StallLimit: 100 * time.Millisecond},
		func(t *testing.T, rt *unio.Runtime, _ *syncBuffer) {
			ln, held, release := serveHeld(t, rt)
			p := dialNet(t, ln)
			await(t, held, "the handler")
			wantIs(t, "Close of a listener whose loop is held", ln.Close(), unio.ErrStalled)
			close(release)
			exchange(t, p)
			exchange(t, dialNet(t, ln))
			if err := ln.Close(); err != nil {
				t.Errorf("the next Close: %v", err)
			}
			if _, err := net.Dial("tcp", ln.Addr().String()); err == nil {
				t.Error("the port is still open")
			}
			wantIs(t, "Close after Close", ln.Close(), net.ErrClosed)
		})
}

func TestPanicInAHandlerClosesItsConnectionOnly(t *testing.T) {
	logged(t, unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime, log *syncBuffer) {
		ln := serve(t, rt, func(c *unio.Conn) {
			p := make([]byte, 1)
			for {
				if _, err := c.Read(p); err != nil {
					return
				}
				switch p[0] {
				case 'p':
					panicOnPurpose()
				case 'a':
					panic(http.ErrAbortHandler)
				}
				c.Write(p)
			}
		})
		neighbour := dialNet(t, ln)
		for _, how := range []string{"p", "a"} {
			io.WriteString(neighbour, "x")
			if _, err := neighbour.Read(make([]byte, 1)); err != nil {
				t.Errorf("the neighbour: %v", err)
			}
			p := dialNet(t, ln)
			io.WriteString(p, how)
			if _, err := p.Read(make([]byte, 1)); err != io.EOF {
				t.Errorf("the connection of a handler that panicked: %v", err)
			}
		}
		if s := rt.Stats(); s.Panics != 1 {
			t.Errorf("%d panics counted", s.Panics)
		}
		text := log.String()
		if !strings.Contains(text, "on purpose") || !strings.Contains(text, "panicOnPurpose") {
			t.Errorf("the log has not the handler's frames: %s", text)
		}
		if strings.Contains(text, "abort Handler") {
			t.Errorf("http.ErrAbortHandler was logged: %s", text)
		}
	})
}

func panicOnPurpose() { panic("on purpose") }

func TestGoexitEndsTheTaskAlone(t *testing.T) {
	many := scale(3000, 500)
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		ln := serve(t, rt, func(c *unio.Conn) {
			p := make([]byte, 1)
			if _, err := c.Read(p); err == nil && p[0] == 'g' {
				runtime.Goexit()
			}
			c.Write(p)
		})
		for range 20 {
			p := dialNet(t, ln)
			p.Write([]byte("g"))
			if _, err := p.Read(make([]byte, 1)); err != io.EOF {
				t.Errorf("the connection of a handler that left: %v", err)
			}
		}
		var left atomic.Int32
		for range many {
			rt.Go(func() { defer left.Add(1); runtime.Goexit() })
		}
		until(t, "all have left", func() bool { return int(left.Load()) == many })
		p := dialNet(t, ln)
		p.Write([]byte("x"))
		if _, err := p.Read(make([]byte, 1)); err != nil {
			t.Errorf("afterwards: %v", err)
		}
		until(t, "no task is left", func() bool { return rt.Stats().Tasks == 0 })
	})
}

func TestLockOSThreadUndoneBeforeIO(t *testing.T) {
	eachConn(t, func(t scene, c *unio.Conn) {
		runtime.LockOSThread()
		runtime.LockOSThread()
		runtime.UnlockOSThread()
		runtime.UnlockOSThread()
		echo(c)
	}, func(t scene, p net.Conn) { exchange(t, p) })
}

// Stopping the world must wait for no loop, asleep or busy.
func TestGarbageCollectionDoesNotWaitForALoop(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		ln := serve(t, rt, echo)
		p := dialNet(t, ln)
		exchange(t, p)
		collect := func(what string) {
			best := time.Hour
			for range 5 {
				start := time.Now()
				runtime.GC()
				best = min(best, time.Since(start))
			}
			if best > 300*time.Millisecond {
				t.Errorf("a collection took at least %v while the loops were %s", best, what)
			}
		}
		time.Sleep(pause)
		collect("asleep")
		stop := make(chan struct{})
		busy := dialNet(t, ln)
		var wg sync.WaitGroup
		wg.Go(func() {
			for b := make([]byte, 1000); ; {
				select {
				case <-stop:
					return
				default:
				}
				busy.Write(b)
				io.ReadFull(busy, b)
			}
		})
		collect("busy")
		exchange(t, p)
		close(stop)
		wg.Wait()
	})
}

// A mutex that a goroutine holds stalls the loop, and nothing else happens.
func TestMutexInAHandlerStallsAndRecovers(t *testing.T) {
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		var mu sync.Mutex
		ln := serve(t, rt, func(c *unio.Conn) {
			for {
				b, err := c.Recv()
				if err != nil {
					return
				}
				mu.Lock()
				c.Send(b)
				mu.Unlock()
			}
		})
		p := dialNet(t, ln)
		for range 20 {
			mu.Lock()
			time.AfterFunc(time.Millisecond, mu.Unlock)
			exchange(t, p)
		}
	})
}

func TestStackOfAHandlerGrows(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		ln := serve(t, rt, func(c *unio.Conn) {
			p := make([]byte, 1)
			for {
				if _, err := c.Read(p); err != nil {
					return
				}
				p[0] = deep(c, int(p[0])*50)
				c.Write(p)
			}
		})
		p := dialNet(t, ln)
		for depth := byte(1); depth < 60; depth += 7 {
			p.Write([]byte{depth})
			got := make([]byte, 1)
			if _, err := p.Read(got); err != nil || got[0] != 1 {
				t.Fatalf("depth %d: %v, %v", depth, got, err)
			}
			runtime.GC() // may shrink the stack of the parked task
		}
	})
}

// deep parks at the bottom of a deep stack.
func deep(c *unio.Conn, n int) byte {
	var pad [256]byte
	if n == 0 {
		unio.Sleep(time.Microsecond)
		return 1
	}
	pad[n%256] = deep(c, n-1)
	return pad[n%256]
}

// Mail of one sender is delivered in order: what a goroutine writes arrives as it was written.
func TestCallsOfOneGoroutineKeepTheirOrder(t *testing.T) {
	const writes = 2000
	eachConn(t, func(t scene, c *unio.Conn) {
		for i := range writes {
			c.SetWriteDeadline(time.Now().Add(bound))
			fmt.Fprintf(c, "%06d\n", i)
		}
	}, func(t scene, p net.Conn) {
		got, err := io.ReadAll(p)
		if err != nil || len(got) != 7*writes {
			t.Fatalf("%d bytes, %v", len(got), err)
		}
		for i := range writes {
			if want := fmt.Sprintf("%06d\n", i); string(got[7*i:7*i+7]) != want {
				t.Fatalf("at %d: %q", i, got[7*i:7*i+7])
			}
		}
	})
}

// A connection that always has something to read or to write leaves others their turn.
func TestFloodingConnectionLeavesNeighboursTheirTurn(t *testing.T) {
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		ln := serve(t, rt, echo)
		stop := make(chan struct{})
		var wg sync.WaitGroup
		for range 2 {
			flood := dialNet(t, ln)
			wg.Go(func() { io.Copy(io.Discard, flood) })
			wg.Go(func() {
				defer halfClose(flood)
				for b := make([]byte, 256<<10); ; {
					select {
					case <-stop:
						return
					default:
						if _, err := flood.Write(b); err != nil {
							return
						}
					}
				}
			})
		}
		p := dialNet(t, ln)
		var worst time.Duration
		for range 50 {
			start := time.Now()
			exchange(t, p)
			worst = max(worst, time.Since(start))
		}
		close(stop)
		wg.Wait()
		t.Logf("the slowest exchange took %v", worst)
		if worst > 2*time.Second {
			t.Errorf("an exchange took %v", worst)
		}
	})
}

func TestCloseWithOperationsInFlight(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		ln := serve(t, rt, echo)
		var wg sync.WaitGroup
		for range 20 {
			p := dialNet(t, ln)
			wg.Go(func() { io.Copy(io.Discard, p) })
			wg.Go(func() { io.Copy(p, zeros{}) })
			c, err := rt.Dial(context.Background(), "tcp", ln.Addr().String(), nil)
			if err != nil {
				t.Fatal(err)
			}
			wg.Go(func() { io.Copy(io.Discard, struct{ io.Reader }{c}) })
			wg.Go(func() { io.Copy(struct{ io.Writer }{c}, zeros{}) })
		}
		time.Sleep(pause)
		start := time.Now()
		if err := rt.Close(); err != nil {
			t.Error(err)
		}
		if d := time.Since(start); d > bound/2 {
			t.Errorf("Close took %v", d)
		}
		wg.Wait()
	})
}

// zeros has no end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// A child process must not keep the descriptors of a runtime: the peer of a connection that is closed here would not see
// its end.
func TestDescriptorsAreNotInheritedByPrograms(t *testing.T) {
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		t.Skip("the machine has no program sleep")
	}
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		ln := serve(t, rt, echo)
		p := dialNet(t, ln)
		exchange(t, p)
		c, err := rt.Dial(context.Background(), "tcp", ln.Addr().String(), nil)
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(sleep, "60")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		defer func() {
			cmd.Process.Kill()
			cmd.Wait()
		}()
		wantNoDescriptors(t, cmd.Process.Pid)
		c.Close()
		exchange(t, p)
	})
}

// A caller who asks for the text of an address, as everybody does, met a nil pointer.
func TestAddressesWhileALoopIsHeld(t *testing.T) {
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1, StallLimit: 50 * time.Millisecond}, func(t *testing.T, rt *unio.Runtime) {
		told := make(chan string, 1)
		ln := serve(t, rt, func(c *unio.Conn) {
			asked := make(chan struct{})
			go func() {
				defer close(asked)
				local, remote := c.LocalAddr(), c.RemoteAddr()
				if local == nil || remote == nil {
					t.Errorf("LocalAddr %v, RemoteAddr %v", local, remote)
				}
			}()
			<-asked
			told <- c.RemoteAddr().String()
		})
		p := dialNet(t, ln)
		if got, want := await(t, told, "the handler"), p.LocalAddr().String(); got != want {
			t.Errorf("RemoteAddr is %s, want %s", got, want)
		}
	})
}
