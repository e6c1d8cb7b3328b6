package unio_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
)

// The bad days of a server; docs/faults.md is the list. Each case says what it has proved.

// fillWrites writes until the kernel takes no more. The deadline is gone afterwards.
func fillWrites(t testing.TB, c *unio.Conn) (written int) {
	for p := make([]byte, 256<<10); ; {
		c.SetWriteDeadline(time.Now().Add(pause))
		n, err := c.Write(p)
		written += n
		if errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
		if err != nil {
			t.Errorf("filling: %v", err)
			break
		}
	}
	c.SetWriteDeadline(time.Time{})
	return written
}

// resetNow ends a peer's connection by a reset.
func resetNow(p net.Conn) {
	p.(*net.TCPConn).SetLinger(0)
	p.Close()
}

// wantBroken wants one of the errors that a sender gets whose peer has reset the connection.
func wantBroken(t testing.TB, what string, err error) {
	t.Helper()
	if !isReset(err) && !errors.Is(err, syscall.EPIPE) && runtime.GOOS != "windows" {
		t.Errorf("%s: %v, want %v or %v", what, err, syscall.ECONNRESET, syscall.EPIPE)
	}
}

// resetState is what a connection does when its peer resets it. The peer does so as soon as own says reset.
type resetState struct {
	name string
	own  func(t scene, c *unio.Conn, reset func())
	peer func(p net.Conn) // before the reset
}

var resetStates = []resetState{
	{"before the first read", func(t scene, c *unio.Conn, reset func()) {
		reset()
		_, err := c.Recv()
		wantReset(t, "Recv", err)
	}, nil},
	{"during a read", func(t scene, c *unio.Conn, reset func()) {
		time.AfterFunc(pause, reset)
		_, err := c.Read(make([]byte, 1))
		wantReset(t, "Read", err)
	}, nil},
	{"with unread data", func(t scene, c *unio.Conn, reset func()) {
		p := make([]byte, 1)
		if _, err := c.Read(p); err != nil {
			t.Error(err)
		}
		reset()
		got := p
		for { // what has come may be read, or not: the kernel drops what it has not handed over
			b, err := c.Recv()
			if err != nil {
				wantReset(t, "Recv", err)
				break
			}
			got = append(got, b.Bytes()...)
			b.Release()
		}
		if want := newStream(11).next(make([]byte, 100_000)); !bytes.HasPrefix(want, got) {
			t.Errorf("%d bytes are not what was sent first", len(got))
		}
	}, func(p net.Conn) { p.Write(newStream(11).next(make([]byte, 100_000))) }},
	{"during a write", func(t scene, c *unio.Conn, reset func()) {
		time.AfterFunc(pause, reset)
		_, err := c.Write(tooMuch[:])
		wantBroken(t, "Write", err)
		_, err = c.Write([]byte("x"))
		wantBroken(t, "the next Write", err)
	}, nil},
	{"during a send and a read", func(t scene, c *unio.Conn, reset func()) {
		time.AfterFunc(pause, reset)
		var g unio.Group
		g.Go(func() error { _, err := c.Write(tooMuch[:]); wantBroken(t, "Write", err); return nil })
		g.Go(func() error { _, err := c.Recv(); wantBroken(t, "Recv", err); return nil })
		g.Wait()
	}, nil},
	{"while Close hands over", func(t scene, c *unio.Conn, reset func()) {
		fillWrites(t, c)
		time.AfterFunc(pause, reset)
		start := time.Now()
		if err := c.Close(); err != nil {
			wantBroken(t, "Close", err)
		}
		if d := time.Since(start); d > bound {
			t.Errorf("Close took %v", d)
		}
	}, nil},
	{"while CloseWrite hands over", func(t scene, c *unio.Conn, reset func()) {
		fillWrites(t, c)
		time.AfterFunc(pause, reset)
		if err := c.CloseWrite(); err != nil && !errors.Is(err, syscall.ENOTCONN) {
			wantBroken(t, "CloseWrite", err)
		}
		_, err := c.Recv()
		wantBroken(t, "Recv", err)
	}, nil},
	{"after CloseWrite", func(t scene, c *unio.Conn, reset func()) {
		if err := c.CloseWrite(); err != nil {
			t.Errorf("CloseWrite: %v", err)
		}
		time.AfterFunc(pause, reset)
		_, err := c.Recv()
		wantReset(t, "Recv", err)
	}, nil},
}

func TestPeerResetInEveryState(t *testing.T) {
	for _, st := range resetStates {
		t.Run(st.name, func(t *testing.T) {
			eachConnOver(t, []string{"tcp"}, func(t scene, c *unio.Conn) {
				st.own(t, c, func() { t.cue <- struct{}{} })
			}, func(t scene, p net.Conn) {
				if st.peer != nil {
					st.peer(p)
				}
				<-t.cue
				resetNow(p)
			})
			t.Logf("proved: a reset %s ends every call with the kernel's error, from each origin, and leaves nothing", st.name)
		})
	}
}

// A peer that is gone before anybody has accepted it.
func TestPeerResetInTheBacklog(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		served, accepting := listen(t, rt, nil), listen(t, rt, nil)
		for _, ln := range []*unio.Listener{served, accepting} {
			for range 20 {
				p := dialNet(t, ln)
				p.Write([]byte("x"))
				resetNow(p)
			}
		}
		go served.Serve(echo)
		exchange(t, dialNet(t, served))
		last := dialNet(t, accepting)
		found := make(chan bool)
		go func() {
			defer close(found)
			for {
				c, err := accepting.AcceptConn()
				if err != nil {
					t.Errorf("Accept: %v", err)
					return
				}
				mine := c.RemoteAddr() != nil && c.RemoteAddr().String() == last.LocalAddr().String()
				if mine {
					io.WriteString(c, "welcome")
				} else if _, err := io.ReadAll(c); err != nil {
					wantReset(t, "ReadAll", err)
				}
				c.Close()
				if mine {
					return
				}
			}
		}()
		if got, err := io.ReadAll(last); string(got) != "welcome" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		await(t, found, "the accepting goroutine")
		t.Log("proved: connections that were reset in the backlog harm neither Serve nor Accept")
	})
}

// Both ends give and take a byte at a time, also in the last direction that is open.
func TestOneByteAtATime(t *testing.T) {
	const total = 500
	step := func(c io.ReadWriter, send, want stream) error {
		out, in, exp := make([]byte, 1), make([]byte, 1), make([]byte, 1)
		for i := range total {
			if _, err := c.Write(send.next(out)); err != nil {
				return err
			}
			if _, err := c.Read(in); err != nil {
				return err
			}
			if want.next(exp); in[0] != exp[0] {
				return fmt.Errorf("byte %d is %x, want %x", i, in, exp)
			}
		}
		return nil
	}
	eachConn(t, func(t scene, c *unio.Conn) {
		if err := step(c, newStream(1), newStream(2)); err != nil {
			t.Error(err)
		}
		if err := c.CloseWrite(); err != nil {
			t.Error(err)
		}
		want := newStream(3).next(make([]byte, total))
		for i := range want {
			p := make([]byte, 1)
			if _, err := c.Read(p); err != nil || p[0] != want[i] {
				t.Errorf("byte %d after CloseWrite: %x, %v", i, p, err)
				return
			}
		}
	}, func(t scene, p net.Conn) {
		if err := step(p, newStream(2), newStream(1)); err != nil {
			t.Errorf("the peer: %v", err)
		}
		if _, err := p.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("the peer, at the end: %v", err)
		}
		for _, b := range newStream(3).next(make([]byte, total)) {
			if _, err := p.Write([]byte{b}); err != nil {
				t.Error(err)
				return
			}
		}
	})
	t.Log("proved: single bytes arrive in order and once, in both directions and into a half-closed connection")
}

// A peer reads so slowly that everything in between is full all the time.
func TestSlowReaderGetsEveryByte(t *testing.T) {
	total := scale(24<<10, 8<<10)
	eachConnOver(t, []string{"tcp"}, func(t scene, c *unio.Conn) {
		c.SetWriteBuffer(4096) // else the kernel takes all at once
		if n, err := c.Write(newStream(12).next(make([]byte, total))); n != total || err != nil {
			t.Errorf("wrote %d, %v", n, err)
		}
	}, func(t scene, p net.Conn) {
		p.(*net.TCPConn).SetReadBuffer(4096)
		var got []byte
		for b := make([]byte, 1); ; {
			n, err := p.Read(b)
			got = append(got, b[:n]...)
			if err != nil {
				break
			}
		}
		if !bytes.Equal(got, newStream(12).next(make([]byte, total))) {
			t.Errorf("%d of %d bytes", len(got), total)
		}
	})
	t.Log("proved: a peer that reads single bytes through a window of 4 KiB gets all of them in order")
}

// While connections wait for delayed data others come and go and get the numbers of descriptors that have been closed; a
// completion that belongs to an old connection must not reach a new one.
func TestChurnWhileDataIsDelayed(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		ln := serve(t, rt, func(c *unio.Conn) {
			for {
				b, err := c.Recv()
				if err != nil {
					return
				}
				unio.Sleep(time.Duration(b.Bytes()[0]%5) * time.Millisecond)
				if c.Send(b) != nil {
					return
				}
			}
		})
		var wg sync.WaitGroup
		for w := range 8 {
			wg.Go(func() {
				for i := range scale(60, 20) {
					token := fmt.Sprintf("%02d of %02d and its answer", i, w)
					p, err := net.Dial("tcp", ln.Addr().String())
					if err != nil {
						t.Error(err)
						return
					}
					p.SetDeadline(time.Now().Add(bound))
					io.WriteString(p, token[:5])
					if i%3 == 0 { // it leaves while its answer is delayed
						resetNow(p)
						continue
					}
					time.Sleep(time.Duration(i%4) * time.Millisecond)
					io.WriteString(p, token[5:])
					halfClose(p)
					if got, err := io.ReadAll(p); string(got) != token || err != nil {
						t.Errorf("%q, want %q: %v", got, token, err)
					}
					p.Close()
				}
			})
		}
		wg.Wait()
		ln.Close()
		uniotest.Idle(t, rt)
		t.Log("proved: delayed answers go to their own connection or to nobody, while numbers of descriptors are used again")
	})
}

// The collector runs all the time: nothing that the kernel or a parked task refers to may move or go.
func TestCollectorTorture(t *testing.T) {
	total := scale(4<<20, 1<<20)
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		old := debug.SetGCPercent(1)
		defer debug.SetGCPercent(old)
		stop := make(chan struct{})
		var storm, wg sync.WaitGroup
		storm.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					runtime.GC()
				}
			}
		})
		ln := serve(t, rt, echo)
		copying := serve(t, rt, func(c *unio.Conn) { io.Copy(struct{ io.Writer }{c}, struct{ io.Reader }{c}) })
		for i, to := range []*unio.Listener{ln, copying, ln} {
			var p net.Conn = dialNet(t, to)
			if i == 2 { // unio on both sides
				c, err := rt.Dial(t.Context(), "tcp", to.Addr().String(), nil)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				p = c
			}
			p.SetDeadline(time.Now().Add(4 * bound))
			wg.Go(func() {
				io.Copy(struct{ io.Writer }{p}, io.LimitReader(newStream(byte(i)).r, int64(total)))
				halfClose(p)
			})
			wg.Go(func() {
				got, err := io.ReadAll(struct{ io.Reader }{p})
				if want := newStream(byte(i)).next(make([]byte, total)); err != nil || !bytes.Equal(got, want) {
					t.Errorf("%d: %d of %d bytes came back, %v", i, len(got), total, err)
				}
			})
		}
		wg.Wait()
		close(stop)
		storm.Wait()
		t.Logf("proved: three echoes of %d bytes are exact while the collector runs in a loop with GOGC=1", total)
	})
}

// What a handler has started and left behind finds the connection closed, whatever it does with it.
func TestGoroutineThatOutlivesItsHandler(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		results := make(chan error, 4)
		var left sync.WaitGroup
		ln := serve(t, rt, func(c *unio.Conn) {
			returned := make(chan struct{})
			left.Add(2)
			go func() {
				defer left.Done()
				_, err := c.Recv() // waits while the handler returns
				results <- err
			}()
			go func() {
				defer left.Done()
				<-returned
				until(t, "the connection is closed", func() bool { _, err := c.Write([]byte("x")); return err != nil })
				_, err := c.Write([]byte("x"))
				results <- err
				_, err = c.Read(make([]byte, 1))
				results <- err
				results <- c.Close()
			}()
			unio.Sleep(pause)
			close(returned)
		})
		p := dialNet(t, ln)
		for range 4 {
			wantIs(t, "a call after the handler's end", await(t, results, "the goroutines"), net.ErrClosed)
		}
		left.Wait()
		if _, err := io.ReadAll(p); err != nil {
			t.Errorf("the peer: %v", err)
		}
		exchange(t, dialNet(t, serve(t, rt, echo)))
		t.Log("proved: goroutines that outlive a handler get net.ErrClosed, and the peer gets the end of the stream")
	})
}

// endState is something that waits when the runtime ends.
type endState struct {
	name string
	// begin starts the wait on a connection to p, and returns when it has begun; ended gets its error.
	begin func(t *testing.T, rt *unio.Runtime, c *unio.Conn, p net.Conn, ended chan<- error)
	want  error
	also  bool // nil is good too: the kernel may have taken the rest after all
}

var endStates = []endState{
	{"nothing", func(_ *testing.T, _ *unio.Runtime, _ *unio.Conn, _ net.Conn, ended chan<- error) { ended <- nil }, nil, false},
	{"Write", func(_ *testing.T, _ *unio.Runtime, c *unio.Conn, _ net.Conn, ended chan<- error) {
		go func() { _, err := c.Write(tooMuch[:]); ended <- err }()
	}, net.ErrClosed, false},
	{"Write of a task", func(_ *testing.T, rt *unio.Runtime, c *unio.Conn, _ net.Conn, ended chan<- error) {
		rt.Go(func() { _, err := c.Write(tooMuch[:]); ended <- err })
	}, net.ErrClosed, false},
	{"CloseWrite", func(t *testing.T, _ *unio.Runtime, c *unio.Conn, _ net.Conn, ended chan<- error) {
		fillWrites(t, c)
		go func() { ended <- c.CloseWrite() }()
	}, net.ErrClosed, true},
	{"Close", func(t *testing.T, _ *unio.Runtime, c *unio.Conn, _ net.Conn, ended chan<- error) {
		fillWrites(t, c)
		go func() { ended <- c.Close() }()
	}, os.ErrDeadlineExceeded, true},
	{"Sleep", func(_ *testing.T, rt *unio.Runtime, _ *unio.Conn, _ net.Conn, ended chan<- error) {
		rt.Go(func() { unio.Sleep(time.Hour); ended <- nil })
	}, nil, false},
	{"Offload", func(_ *testing.T, rt *unio.Runtime, _ *unio.Conn, _ net.Conn, ended chan<- error) {
		rt.Go(func() { unio.Offload(func() { time.Sleep(10 * pause) }); ended <- nil })
	}, nil, false},
	{"Group", func(_ *testing.T, rt *unio.Runtime, c *unio.Conn, _ net.Conn, ended chan<- error) {
		rt.Go(func() {
			var g unio.Group
			g.Go(func() error { unio.Sleep(time.Hour); return nil })
			g.Go(func() error { _, err := c.Recv(); return err })
			ended <- g.Wait()
		})
	}, net.ErrClosed, false},
	{"Await", func(t *testing.T, rt *unio.Runtime, _ *unio.Conn, _ net.Conn, ended chan<- error) {
		begun := make(chan struct{})
		ln := serve(t, rt, func(c *unio.Conn) {
			if err := c.Await(time.Hour, func(_ *unio.Conn, err error) { ended <- err }); err != nil {
				t.Error(err)
			}
			close(begun)
		})
		dialNet(t, ln)
		await(t, begun, "the handler")
	}, net.ErrClosed, false},
	{"OnFirstByte", func(t *testing.T, rt *unio.Runtime, _ *unio.Conn, _ net.Conn, ended chan<- error) {
		before := rt.Stats().Conns
		ln := listen(t, rt, &unio.ListenOptions{OnFirstByte: true})
		go ln.Serve(func(*unio.Conn) { t.Error("a handler has begun") })
		p := dialNet(t, ln)
		until(t, "the connection waits for its first byte", func() bool { return rt.Stats().Conns > before })
		go func() {
			n, err := p.Read(make([]byte, 1))
			if n > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("the silent peer: %d, %v", n, err)
			}
			ended <- nil
		}()
	}, nil, false},
}

// TestEndOfTheRuntimeInEveryState is what TestCloseInEveryState is for other calls, all of which wait at the same time, for
// Close and for a Shutdown that is cut short.
func TestEndOfTheRuntimeInEveryState(t *testing.T) {
	unio.ShortDrains(t)
	ends := map[string]func(t *testing.T, rt *unio.Runtime){
		"Close": func(t *testing.T, rt *unio.Runtime) {
			if err := rt.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		},
		"Shutdown": func(t *testing.T, rt *unio.Runtime) {
			ctx, cancel := context.WithTimeout(t.Context(), pause)
			defer cancel()
			wantIs(t, "Shutdown", rt.Shutdown(ctx), context.DeadlineExceeded)
		},
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
				var results []chan error
				for _, st := range endStates {
					results = append(results, beginState(t, rt, st))
				}
				time.Sleep(pause)
				start := time.Now()
				end(t, rt)
				if d := time.Since(start); d > bound/2 {
					t.Errorf("it took %v", d)
				}
				for i, st := range endStates {
					err := await(t, results[i], st.name+" to end")
					if !errors.Is(err, st.want) && !(st.also && err == nil) {
						t.Errorf("%s ended with %v, want %v", st.name, err, st.want)
						continue
					}
					t.Logf("proved: %s during %s ends it with %v and leaves nothing", name, st.name, st.want)
				}
			})
		})
	}
}

// beginState makes a connection for a state and has it begin.
func beginState(t *testing.T, rt *unio.Runtime, st endState) chan error {
	kept := make(chan *unio.Conn, 1)
	ln := serve(t, rt, func(c *unio.Conn) { c.Keep(); kept <- c })
	p := dialNet(t, ln)
	ended := make(chan error, 1)
	st.begin(t, rt, await(t, kept, "the handler"), p, ended)
	return ended
}

// Somebody else closes a connection while a call on it waits, and every call made afterwards fails at once.
func TestCloseOfAConnectionInEveryState(t *testing.T) {
	unio.ShortDrains(t)
	calls := map[string]func(c *unio.Conn) error{
		"Recv":  func(c *unio.Conn) error { _, err := c.Recv(); return err },
		"Read":  func(c *unio.Conn) error { _, err := c.Read(make([]byte, 1)); return err },
		"Write": func(c *unio.Conn) error { _, err := c.Write(tooMuch[:]); return err },
		"Copy":  func(c *unio.Conn) error { _, err := io.Copy(io.Discard, c); return err },
	}
	for what, call := range calls {
		t.Run(what, func(t *testing.T) {
			eachConn(t, func(t scene, c *unio.Conn) {
				closed := make(chan error, 1)
				timer := time.AfterFunc(pause, func() {
					c.SetWriteDeadline(time.Now().Add(pause)) // nobody reads what was written
					closed <- c.Close()
				})
				defer timer.Stop()
				err := call(c)
				// Writing ends by the deadline or by the close, whichever comes first.
				if !errors.Is(err, os.ErrDeadlineExceeded) || what != "Write" {
					wantIs(t, what, err, net.ErrClosed)
				}
				unio.Offload(func() {
					if err := await(t, closed, "Close"); err != nil {
						wantIs(t, "Close", err, os.ErrDeadlineExceeded)
					}
				})
				wantIs(t, "the next "+what, call(c), net.ErrClosed)
			}, silent)
			t.Logf("proved: Close during %s ends it, from each origin, and later calls fail with net.ErrClosed", what)
		})
	}
}

// Calls that wait must not wait with a Close that hands over to a peer which does not read.
func TestCloseThatHandsOverHoldsNoOtherCall(t *testing.T) {
	eachConnOver(t, []string{"tcp"}, func(t scene, c *unio.Conn) {
		fillWrites(t, c)
		results, closed := make(chan error, 2), make(chan error, 1)
		go func() { _, err := c.Recv(); results <- err }()
		go func() { _, err := c.Write(tooMuch[:]); results <- err }()
		unio.Sleep(pause)
		go func() { closed <- c.Close() }()
		unio.Offload(func() {
			for range 2 {
				wantIs(t, "a call that waited", await(t, results, "the calls"), net.ErrClosed)
			}
			t.cue <- struct{}{}
			await(t, closed, "Close to end with its peer")
		})
	}, func(t scene, p net.Conn) {
		<-t.cue
		resetNow(p)
	})
	t.Log("proved: calls that wait end at once when Close begins, and Close ends with the peer")
}
