package unio_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/mem"
	"github.com/unio-go/unio/uniotest"
)

// What is sent at a connection that nobody reads stays with the kernel and the peer.
func TestUnreadConnectionDisturbsNoNeighbour(t *testing.T) {
	total := scale(1<<30, 64<<20)
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1, BufBytes: 16 << 20}, func(t *testing.T, rt *unio.Runtime) {
		deaf := listen(t, rt, nil)
		kept := make(chan *unio.Conn, 1)
		go deaf.Serve(func(c *unio.Conn) {
			p := make([]byte, 1)
			c.Read(p) // the engine has begun to receive
			c.Keep()
			kept <- c
		})
		ln := serve(t, rt, echo)
		neighbour := dialNet(t, ln)
		exchange(t, neighbour)
		before := rt.Stats().BufferBytes
		p := dialNet(t, deaf)
		var sent atomic.Int64
		var wg sync.WaitGroup
		wg.Go(func() {
			for b := make([]byte, 64<<10); sent.Load() < int64(total); {
				n, err := p.Write(b)
				sent.Add(int64(n))
				if err != nil {
					return
				}
			}
		})
		c := await(t, kept, "the connection that is not read")
		for range 200 {
			exchange(t, neighbour)
			if n := rt.Stats().BufferBytes - before; n > 4<<20 {
				t.Fatalf("%d bytes of buffers for one connection that is not read", n)
			}
		}
		// Reading it makes everything flow again.
		read := make(chan struct{})
		rt.Go(func() {
			defer close(read)
			defer c.Close()
			for left := total - 1; left > 0; {
				b, err := c.Recv()
				if err != nil {
					t.Errorf("%d bytes did not come: %v", left, err)
					return
				}
				left -= b.Len()
				b.Release()
			}
		})
		select {
		case <-read:
		case <-time.After(6 * bound):
			t.Errorf("%d of %d bytes were sent and not read within %v", sent.Load(), total, 6*bound)
		}
		wg.Wait()
	})
}

// Each of many connections keeps one small message. Sixteen small pieces must not hold sixteen large buffers.
func TestManyKeptMessagesDisturbNoNeighbour(t *testing.T) {
	conns := scale(1000, 300)
	// A quarter of what large buffers for all of them would take, and more than the small ones need.
	limit := int64(conns) * 16 << 10
	limit = max(limit, 8<<20)
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1, BufBytes: limit}, func(t *testing.T, rt *unio.Runtime) {
		var mu sync.Mutex
		var kept []*mem.Buf
		keeper := serve(t, rt, func(c *unio.Conn) {
			b, err := c.Recv()
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			kept = append(kept, b)
			mu.Unlock()
			c.Recv()
		})
		ln := serve(t, rt, echo)
		neighbour := dialNet(t, ln)
		exchange(t, neighbour)
		message := newStream(8).next(make([]byte, 64))
		for range conns {
			if _, err := dialNet(t, keeper).Write(message); err != nil {
				t.Fatal(err)
			}
		}
		count := func() int { mu.Lock(); defer mu.Unlock(); return len(kept) }
		until(t, fmt.Sprintf("all messages arrived (%d did)", count()), func() bool { return count() == conns })
		for range 20 {
			exchange(t, neighbour)
		}
		mu.Lock()
		for _, b := range kept {
			if string(b.Bytes()) != string(message) {
				t.Error("a kept message has changed")
			}
			b.Release()
		}
		mu.Unlock()
	})
}

// When the pool is used up receiving waits, on every engine, and goes on when buffers come back.
func TestReceivingWaitsForBuffers(t *testing.T) {
	uniotest.EachEngineWith(t, &unio.Options{Loops: 2, BufBytes: 16 << 20}, func(t *testing.T, rt *unio.Runtime) {
		ln := serve(t, rt, echo)
		p := dialNet(t, ln)
		exchange(t, p)
		release := exhaust(rt)
		io.WriteString(p, "held back?")
		time.Sleep(pause)
		release()
		if _, err := io.ReadFull(p, make([]byte, 10)); err != nil {
			t.Errorf("after buffers came back: %v", err)
		}
		exchange(t, p)
	})
}

// TestUploadsHeldBackStopTheirNeighbours: two hundred uploads that a relay passes on to who does not read want more memory than
// there is. They wait; a neighbour goes on, and so do they when they are read, though each needs one more buffer for that.
func TestUploadsHeldBackStopTheirNeighbours(t *testing.T) {
	uniotest.EachEngineWith(t, &unio.Options{Loops: 2, BufBytes: 16 << 20, UnreadBytes: 128 << 10}, uploadsHeldBack)
}

func uploadsHeldBack(t *testing.T, rt *unio.Runtime) {
	const uploads, size = 200, 1 << 20
	far, read := newUnread(t)
	ln := serve(t, rt, func(c *unio.Conn) { relay(t, rt, c, far.Addr().String()) })
	neighbour := dialNet(t, serve(t, rt, echo))
	exchange(t, neighbour)
	var sent atomic.Int64
	var all sync.WaitGroup
	for range uploads {
		c := dialNet(t, ln)
		all.Go(func() {
			defer c.Close()
			for b := range slices.Chunk(make([]byte, size), 64<<10) {
				n, err := c.Write(b)
				if sent.Add(int64(n)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for last := int64(-1); sent.Load() != last; time.Sleep(pause) { // until they are held back
		last = sent.Load()
	}
	for range 50 {
		exchange(t, neighbour)
	}
	t.Logf("%d bytes are on their way: %+v", sent.Load(), rt.Stats())
	close(read.begin)
	all.Wait()
	until(t, "all that was sent is read", func() bool { return read.bytes.Load() == uploads*size })
}

// relay passes what it receives on behind a buffer of its own, as a proxy does that frames it.
func relay(t *testing.T, rt *unio.Runtime, c *unio.Conn, far string) {
	to, err := rt.Dial(context.Background(), "unix", far, nil)
	if err != nil {
		t.Error(err)
		return
	}
	defer to.Close()
	for {
		b, err := c.Recv()
		if err != nil {
			return
		}
		frame, err := rt.Alloc(context.Background(), 1)
		if err != nil {
			b.Release()
			return
		}
		frame.SetLen(0)
		if err := to.Send(frame, b); err != nil {
			return
		}
	}
}

// unread is who is sent to and does not read before it is told to.
type unread struct {
	begin chan struct{}
	bytes atomic.Int64
}

func newUnread(t *testing.T) (net.Listener, *unread) {
	far, err := net.Listen("unix", filepath.Join(t.TempDir(), "far"))
	if err != nil {
		t.Fatal(err)
	}
	h := &unread{begin: make(chan struct{})}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := far.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer c.Close()
				<-h.begin
				for b := make([]byte, 64<<10); ; {
					n, err := c.Read(b)
					if h.bytes.Add(int64(n)); err != nil {
						return
					}
				}
			})
		}
	})
	t.Cleanup(func() {
		select {
		case <-h.begin:
		default:
			close(h.begin)
		}
		far.Close()
		all.Wait()
	})
	return far, h
}

func TestDroppedConnectionsLeaveNothingBehind(t *testing.T) {
	conns := scale(10_000, 1000)
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		if testing.Short() {
			conns = 500
		}
		ln := serve(t, rt, echo)
		exchange(t, dialNet(t, ln))
		idle := rt.Stats()
		var wg sync.WaitGroup
		for w := range 4 {
			wg.Go(func() {
				for i := range conns / 4 {
					if err := dropOne(ln.Addr().String(), i+w); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		// All is looked at in one reading: what was still in the backlog may come and go between two.
		gone := func(s unio.Stats) bool { return s.Conns <= idle.Conns && s.Tasks <= idle.Tasks }
		s := rt.Stats()
		for end := time.Now().Add(bound); !gone(s) && time.Now().Before(end); s = rt.Stats() {
			time.Sleep(time.Millisecond)
		}
		if !gone(s) {
			ln.Close()
			uniotest.Idle(t, rt) // tells what is left, besides our own connection
		}
		if !gone(s) || s.BufferBytes > idle.BufferBytes+4<<20 {
			t.Errorf("before: %+v\nafter: %+v", idle, s)
		}
		if n := runtime.NumGoroutine(); n > 400 { // each loop may keep 128 coroutines for later tasks
			t.Errorf("%d goroutines", n)
		}
	})
}

// dropOne connects and goes in one of several ways.
func dropOne(addr string, how int) error {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer c.Close()
	switch how % 4 {
	case 0: // at once
	case 1:
		c.(*net.TCPConn).SetLinger(0) // reset
		c.Write([]byte("unread"))
	case 2:
		c.SetDeadline(time.Now().Add(bound))
		c.Write([]byte("echo"))
		_, err = io.ReadFull(c, make([]byte, 4))
	case 3:
		c.Write([]byte("the answer is not read"))
		halfClose(c)
	}
	return err
}

// A connection that a goroutine lets wait for ever costs others nothing, and a thousand of them neither.
func TestManyGoroutinesOnManyConnections(t *testing.T) {
	conns, rounds := scale(200, 50), scale(50, 10)
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		ln := serve(t, rt, echo)
		var wg sync.WaitGroup
		for range conns {
			wg.Go(func() {
				c, err := rt.Dial(t.Context(), "tcp", ln.Addr().String(), nil)
				if err != nil {
					t.Error(err)
					return
				}
				defer c.Close()
				for range rounds {
					exchange(t, c)
				}
			})
		}
		wg.Wait()
	})
}
