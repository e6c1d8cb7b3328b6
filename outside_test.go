package unio_test

import (
	"bytes"
	"context"
	"io"
	"iter"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/mem"
	"github.com/unio-go/unio/uniotest"
)

// exhaust takes all buffers of a runtime's pool and gives the function that releases them.
func exhaust(rt *unio.Runtime) (release func()) {
	var all []*mem.Buf
	for size := mem.MaxBytes; size >= mem.PageBytes; size /= 2 {
		for b, ok := rt.Pool().TryGet(size); ok; b, ok = rt.Pool().TryGet(size) {
			all = append(all, b)
		}
	}
	return func() {
		for _, b := range all {
			b.Release()
		}
	}
}

// text is a buffer with s in it.
func text(t testing.TB, rt *unio.Runtime, s string) *mem.Buf {
	t.Helper()
	b, err := rt.Alloc(context.Background(), len(s))
	if err != nil {
		t.Fatal(err)
	}
	copy(b.Bytes(), s)
	return b
}

// acceptOne is a connection that belongs to the test's goroutine.
func acceptOne(t testing.TB, ln *unio.Listener) *unio.Conn {
	t.Helper()
	c, err := ln.AcceptConn()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// What a goroutine has written goes before what a task writes after it, also when they agree on the order in a way that the
// loop does not see: here the task holds the loop all the while.
func TestWritesOfGoroutineAndTaskKeepTheirOrder(t *testing.T) {
	const rounds = 200
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		var turn atomic.Int32
		ln := serve(t, rt, func(c *unio.Conn) {
			unio.Offload(func() { c.Write([]byte("ab")) }) // the first one waits for the loop
			var g unio.Group
			g.Go(func() error {
				unio.Offload(func() {
					for i := range int32(rounds) {
						for turn.Load() != 2*i {
							runtime.Gosched()
						}
						if _, err := c.Write([]byte{'a'}); err != nil {
							t.Error(err)
						}
						turn.Store(2*i + 1)
					}
				})
				return nil
			})
			unio.Sleep(0) // the goroutine has been started
			for i := range int32(rounds) {
				for turn.Load() != 2*i+1 {
					runtime.Gosched()
				}
				if _, err := c.Write([]byte{'b'}); err != nil {
					t.Error(err)
				}
				turn.Store(2*i + 2)
			}
			g.Wait()
		})
		got, err := io.ReadAll(dialNet(t, ln))
		if want := bytes.Repeat([]byte("ab"), rounds+1); !bytes.Equal(got, want) || err != nil {
			t.Errorf("%q, %v", got, err)
		}
	})
}

// The second of two Writes in a coroutine of a handler does not fit, and takes another way to the loop than the first.
func TestWritesOfACoroutineKeepTheirOrder(t *testing.T) {
	const size = 40 << 10
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		ln := serve(t, rt, func(c *unio.Conn) {
			next, stop := iter.Pull(func(yield func(int) bool) {
				for _, x := range "ab" {
					if _, err := c.Write(bytes.Repeat([]byte{byte(x)}, size)); err != nil {
						t.Error(err)
					}
				}
				yield(1)
			})
			defer stop()
			next()
		})
		got, err := io.ReadAll(dialNet(t, ln))
		if len(got) != 2*size || bytes.IndexByte(got, 'b') != size || err != nil {
			t.Errorf("%d bytes, the second piece begins at %d, %v", len(got), bytes.IndexByte(got, 'b'), err)
		}
	})
}

// A small write and one that does not fit take different ways to the loop, and the mail that tells of the small one may be
// somebody else's, who has not sent it yet.
func TestWritesOfOneGoroutineKeepTheirOrderBesideOthers(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(16))
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		ln := listen(t, rt, nil)
		p := dialNet(t, ln)
		c := acceptOne(t, ln)
		var stop atomic.Bool
		var writers sync.WaitGroup
		for range 6 {
			writers.Go(func() {
				for !stop.Load() {
					c.Write([]byte{0})
				}
			})
		}
		long := make([]byte, 64<<10+1)
		long[0] = 'b'
		writers.Go(func() {
			for !stop.Load() {
				c.Write([]byte{'a'})
				c.Send(text(t, rt, string(long)))
			}
		})
		time.AfterFunc(500*time.Millisecond, func() { stop.Store(true) })
		go func() {
			writers.Wait()
			c.Close()
		}()
		want := byte('a')
		for buf := make([]byte, 1<<20); ; {
			n, err := p.Read(buf)
			for _, x := range buf[:n] {
				if x != 0 && x != want {
					t.Errorf("%c came before %c", x, want)
					stop.Store(true)
					return
				}
				if x != 0 {
					want = 'a' + 'b' - x
				}
			}
			if err != nil {
				return
			}
		}
	})
}

// While a goroutine is in a long Write, others wait: they must not be told that their bytes are taken, to have them dropped
// by the CloseWrite that ends the long Write.
func TestSendThenCloseWriteBesideALongWrite(t *testing.T) {
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1, BufBytes: 8 << 20}, func(t *testing.T, rt *unio.Runtime) {
		ln := listen(t, rt, nil)
		p := dialNet(t, ln)
		c := acceptOne(t, ln)
		b := text(t, rt, "hello")
		release := exhaust(rt)
		ended := make(chan struct{})
		go func() { // takes the lock and waits for memory
			defer close(ended)
			c.Write(bytes.Repeat([]byte{'x'}, 100<<10))
		}()
		time.Sleep(pause)
		released := make(chan struct{})
		time.AfterFunc(2*pause, func() { release(); close(released) })
		sendErr, closeErr := c.Send(b), c.CloseWrite()
		got, err := io.ReadAll(p)
		if sendErr == nil && closeErr == nil && !bytes.Contains(got, []byte("hello")) {
			t.Errorf("both succeeded, and the bytes are not among the %d that came, %v", len(got), err)
		}
		await(t, ended, "the long Write")
		await(t, released, "the buffers to come back")
	})
}

// The first write from outside knows nothing yet of what the loop has queued.
func TestFirstWriteFromOutsideWaitsForRoomToo(t *testing.T) {
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		var taken atomic.Int64
		kept := make(chan *unio.Conn, 1)
		ln := serve(t, rt, func(c *unio.Conn) {
			c.Keep()
			kept <- c
			for {
				n, err := c.Write(make([]byte, 1<<10))
				taken.Add(int64(n))
				if err != nil {
					return
				}
			}
		})
		p := dialNet(t, ln)
		c := await(t, kept, "the connection")
		before := int64(-1)
		until(t, "the task waits for room", func() bool {
			was := before
			before = taken.Load()
			time.Sleep(pause)
			return was == before && was > 0
		})
		wrote := make(chan int, 1)
		go func() {
			n, _ := c.Write(make([]byte, 64<<10))
			wrote <- n
		}()
		time.Sleep(pause)
		c.SetWriteDeadline(time.Unix(1, 0))
		n := await(t, wrote, "the Write")
		c.Close()
		got, err := io.Copy(io.Discard, p)
		if ahead := taken.Load() + int64(n) - got; ahead > 64<<10 || err != nil {
			t.Errorf("%d bytes ahead of the kernel, %v", ahead, err)
		}
	})
}

// A task's Write that waits for memory is not torn by what others write meanwhile.
func TestWriteIsWholeAlsoWhereBuffersAreScarce(t *testing.T) {
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1, BufBytes: 8 << 20}, func(t *testing.T, rt *unio.Runtime) {
		ln := serve(t, rt, func(c *unio.Conn) {
			b := text(t, rt, "other")
			c.Write([]byte("first")) // leaves a buffer with room
			release := exhaust(rt)
			var g unio.Group
			g.Go(func() error { _, err := c.Write(bytes.Repeat([]byte{'x'}, 20000)); return err })
			unio.Sleep(0)
			g.Go(func() error { return c.Send(b) })
			g.Go(func() error { unio.Sleep(pause); release(); return nil })
			if err := g.Wait(); err != nil {
				t.Error(err)
			}
		})
		got, err := io.ReadAll(dialNet(t, ln))
		if at := bytes.Index(got, []byte("other")); len(got) != 20010 || at != 5 && at != 20005 || err != nil {
			t.Errorf("%d bytes, the other write stands at %d, %v", len(got), at, err)
		}
	})
}

// starve is exhaust that also takes what those who ended before are about to give back.
func starve(rt *unio.Runtime) (release func()) {
	var all []func()
	for range 10 {
		all = append(all, exhaust(rt))
		unio.Sleep(pause / 2)
	}
	return func() {
		for _, release := range all {
			release()
		}
	}
}

// eachOwner accepts a connection in a task and in a goroutine, and gives it to fn with a silent peer.
func eachOwner(t *testing.T, rt *unio.Runtime, fn func(t testing.TB, c *unio.Conn, peer net.Conn)) {
	eachCaller(t, rt, func(t testing.TB) {
		ln := listen(t, rt, nil)
		var peer net.Conn
		unio.Offload(func() { peer = dialNet(t, ln) })
		c, err := ln.AcceptConn()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		fn(t, c, peer)
	})
}

// Memory that does not come is waited for no longer than anything else.
func TestWriteThatWaitsForABufferKeepsToDeadlineAndClose(t *testing.T) {
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1, BufBytes: 8 << 20}, func(t *testing.T, rt *unio.Runtime) {
		eachOwner(t, rt, func(t testing.TB, c *unio.Conn, peer net.Conn) {
			release := starve(rt)
			for _, size := range []int{1, 200 << 10} {
				if size > 1 && c.Loop() >= 0 && rt.Report().Engine != unio.Std {
					continue // what a task writes goes from where it is
				}
				c.SetWriteDeadline(time.Now().Add(pause))
				n, err := c.Write(make([]byte, size))
				if n != 0 {
					t.Errorf("%d bytes of nothing", n)
				}
				wantTimeout(t, "Write", err)
			}
			c.SetWriteDeadline(time.Time{})
			time.AfterFunc(pause, release)
			if n, err := c.Write([]byte("after all")); n != 9 || err != nil {
				t.Errorf("Write when buffers come back: %d, %v", n, err)
			}
			got := make([]byte, 9)
			unio.Offload(func() { io.ReadFull(peer, got) })
			if string(got) != "after all" {
				t.Errorf("the peer got %q", got)
			}
		})
		eachOwner(t, rt, func(t testing.TB, c *unio.Conn, _ net.Conn) {
			release := starve(rt)
			defer release()
			time.AfterFunc(pause, func() { c.Close() })
			_, err := c.Write([]byte("x"))
			wantIs(t, "Write while the connection is closed", err, net.ErrClosed)
		})
	})
}

// A pool may have no buffer as large as what a Write takes over at once.
func TestWriteThroughASmallPool(t *testing.T) {
	const size = 300 << 10
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1, BufBytes: 32 << 10}, func(t *testing.T, rt *unio.Runtime) {
		eachOwner(t, rt, func(t testing.TB, c *unio.Conn, peer net.Conn) {
			got := make(chan int64, 1)
			go func() {
				n, _ := io.Copy(io.Discard, io.LimitReader(peer, size))
				got <- n
			}()
			n, err := c.Write(make([]byte, size))
			if n != size || err != nil {
				t.Errorf("Write: %d, %v", n, err)
			}
			c.CloseWrite()
			unio.Offload(func() {
				if n := await(t, got, "the peer"); n != size {
					t.Errorf("the peer got %d bytes", n)
				}
			})
		})
	})
}

// The peer echoes with one goroutine, which is stuck in its Write because we read no more, so that it never reads what Close
// wants to get rid of.
func TestCloseOfAConnWhoseEchoingPeerIsStuck(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		for _, network := range []string{"tcp", "unix"} {
			t.Run(network, func(t *testing.T) { closeStuck(t, rt, network) })
		}
	})
}

func closeStuck(t *testing.T, rt *unio.Runtime, network string) {
	ln, err := net.Listen(network, freshAddr(t, network))
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	c, err := rt.DialContext(t.Context(), network, ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	p, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	var echoed atomic.Int64
	go func() {
		buf := make([]byte, 1<<10)
		for {
			n, err := p.Read(buf)
			if err != nil {
				return
			}
			if _, err := p.Write(buf[:n]); err != nil {
				return
			}
			echoed.Add(int64(n))
		}
	}()
	written := make(chan struct{})
	go func() {
		defer close(written)
		for {
			if _, err := c.Write(make([]byte, 1024)); err != nil {
				return
			}
		}
	}()
	before := int64(-1)
	until(t, "the circle is full", func() bool {
		was := before
		before = echoed.Load()
		time.Sleep(2 * pause)
		return was == before && was > 0
	})
	closed := make(chan error, 1)
	go func() { closed <- c.Close() }()
	if err := await(t, closed, "Close"); err != nil {
		t.Errorf("Close: %v", err)
	}
	await(t, written, "the writer to end")
}
