package unio_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
)

// goroutines gives a connection that belongs to the test's goroutine, and its peer.
func goroutines(t testing.TB, rt *unio.Runtime) (*unio.Conn, net.Conn) {
	t.Helper()
	ln := listen(t, rt, nil)
	peer := dialNet(t, ln)
	return acceptOne(t, ln), peer
}

// readMuch reads n bytes of a flood, after which a goroutine has the lease where there are such.
func readMuch(t testing.TB, c *unio.Conn, peer net.Conn, n int) {
	t.Helper()
	go peer.Write(newStream(1).next(make([]byte, n)))
	s, p := newStream(1), make([]byte, 64<<10)
	for n > 0 {
		m, err := c.Read(p)
		if err == nil {
			err = s.check(p[:m])
		}
		if err != nil {
			t.Fatal(err)
		}
		n -= m
	}
}

// A goroutine that reads much receives it itself.
func TestGoroutineReadsMuchWithoutBuffers(t *testing.T) {
	const total = 16 << 20
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		c, peer := goroutines(t, rt)
		before := rt.Pool().Stats().Gets
		readMuch(t, c, peer, total)
		used := rt.Pool().Stats().Gets - before
		t.Logf("%d pieces took %d buffers", total/(64<<10), used)
		if used > total/(64<<10)/4 && rt.Report().Engine != unio.Std {
			t.Errorf("%d pieces took %d buffers", total/(64<<10), used)
		}
	})
}

// Whoever wants to receive after a goroutine that has the lease gets it: a goroutine that reads little, Recv, a task, SyscallConn.
func TestALeaseIsGivenBack(t *testing.T) {
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		var writing sync.WaitGroup
		t.Cleanup(writing.Wait) // behind the end of the connections: until then it has a buffer
		for name, read := range map[string]func(c *unio.Conn, p []byte) (int, error){
			"a small Read": (*unio.Conn).Read,
			"Recv": func(c *unio.Conn, p []byte) (int, error) {
				b, err := c.Recv()
				if err != nil {
					return 0, err
				}
				defer b.Release()
				return copy(p, b.Bytes()), nil
			},
			"a task": func(c *unio.Conn, p []byte) (n int, err error) {
				done := make(chan struct{})
				rt.Go(func() {
					defer close(done)
					n, err = c.Read(p)
				})
				<-done
				return n, err
			},
			"WriteTo": func(c *unio.Conn, p []byte) (int, error) {
				r, w := io.Pipe()
				writing.Go(func() { c.WriteTo(w) })
				return r.Read(p)
			},
		} {
			c, peer := goroutines(t, rt)
			readMuch(t, c, peer, 4<<20)
			peer.Write([]byte("after"))
			p := make([]byte, 100)
			if n, err := read(c, p); string(p[:n]) != "after" || err != nil {
				t.Errorf("%s: %q, %v", name, p[:n], err)
			}
		}
	})
}

// A call that is being made is waited for, by whoever wants to receive, and by Close, which gives the descriptor back: another socket may
// get its number.
func TestALeaseInUseIsWaitedFor(t *testing.T) {
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		if rt.Report().Engine == unio.Std {
			return // it lends nothing
		}
		ends := map[string]func(c *unio.Conn) error{
			"Close": func(c *unio.Conn) error { return c.Close() },
			"Recv": func(c *unio.Conn) error {
				b, err := c.Recv()
				if err == nil {
					b.Release()
				}
				return err
			},
			"Read in a task": func(c *unio.Conn) (err error) {
				done := make(chan struct{})
				rt.Go(func() {
					_, err = c.Read(make([]byte, 64<<10))
					close(done)
				})
				<-done
				return err
			},
		}
		for name, call := range ends {
			c, peer := goroutines(t, rt)
			readMuch(t, c, peer, 4<<20)
			release, ok := c.UseLease()
			if !ok {
				t.Fatal("nothing was lent to who reads much")
			}
			peer.Write([]byte("x"))
			ended := make(chan error, 1)
			go func() { ended <- call(c) }()
			select {
			case err := <-ended:
				t.Errorf("%s has not waited: %v", name, err)
			case <-time.After(pause):
			}
			release()
			if err := await(t, ended, name); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// Goroutines and a task read one connection at the same time, each in its way: together they get every byte.
func TestManyReadMuchAtOnce(t *testing.T) {
	const total = 32 << 20
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		c, peer := goroutines(t, rt)
		var mu sync.Mutex
		sum := 0
		readers := sync.WaitGroup{}
		reader := func(p []byte) {
			defer readers.Done()
			for {
				n, err := c.Read(p)
				mu.Lock()
				sum += n
				mu.Unlock()
				if err != nil {
					if err != io.EOF {
						t.Error(err)
					}
					return
				}
			}
		}
		readers.Add(4)
		for _, n := range []int{64 << 10, 100 << 10, 1000} {
			go reader(make([]byte, n))
		}
		rt.Go(func() { reader(make([]byte, 64<<10)) })
		rnd := rand.New(rand.NewPCG(1, 2))
		for off := 0; off < total; {
			n := min(total-off, 1+rnd.IntN(300_000))
			if _, err := peer.Write(make([]byte, n)); err != nil {
				t.Fatal(err)
			}
			if off += n; rnd.IntN(4) == 0 {
				time.Sleep(100 * time.Microsecond)
			}
		}
		peer.Close()
		awaitAll(t, &readers, "the readers")
		if sum != total {
			t.Errorf("%d of %d bytes", sum, total)
		}
	})
}

// A connection that is closed under a goroutine which receives is not mistaken for the next one with its number: each reader sees the
// bytes of its own connection alone.
func TestCloseUnderALeaseMixesNoStreams(t *testing.T) {
	const rounds, conns = 60, 8
	uniotest.EachEngineWith(t, &unio.Options{Loops: 2}, func(t *testing.T, rt *unio.Runtime) {
		ln := listen(t, rt, nil)
		var all sync.WaitGroup
		for i := range conns {
			all.Go(func() {
				rnd := rand.New(rand.NewPCG(uint64(i), 3))
				for range rounds {
					if err := floodAndClose(ln, rnd); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		awaitAll(t, &all, "the connections")
	})
}

// floodAndClose reads a connection that is flooded with a byte of its own, and closes it at some time while it is read.
func floodAndClose(ln *unio.Listener, rnd *rand.Rand) error {
	mark := byte(rnd.Uint32())
	peer, err := net.Dial(ln.Addr().Network(), ln.Addr().String())
	if err != nil {
		return err
	}
	defer peer.Close()
	if _, err := peer.Write([]byte{mark}); err != nil {
		return err
	}
	c, err := ln.AcceptConn() // of whomever
	if err != nil {
		return err
	}
	defer c.Close()
	first := make([]byte, 1)
	if _, err := io.ReadFull(c, first); err != nil {
		return err
	}
	flood := make([]byte, 256<<10)
	for i := range flood {
		flood[i] = mark
	}
	go func() {
		for {
			if _, err := peer.Write(flood); err != nil {
				return
			}
		}
	}()
	time.AfterFunc(time.Duration(rnd.IntN(3000))*time.Microsecond, func() { c.Close() })
	for p := make([]byte, 64<<10); ; {
		n, err := c.Read(p)
		for i, b := range p[:n] {
			if b != first[0] {
				return fmt.Errorf("byte %d of a piece is %#x, want %#x", i, b, first[0])
			}
		}
		switch {
		case err == nil:
		case errors.Is(err, net.ErrClosed), err == io.EOF, isReset(err): // by us, or by the one whose peer this is
			return nil
		default:
			return err
		}
	}
}

// What a goroutine's own call has met is what everybody hears.
func TestEndsUnderALease(t *testing.T) {
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		small, large := make([]byte, 10), make([]byte, 64<<10)
		c, peer := goroutines(t, rt)
		readMuch(t, c, peer, 4<<20)
		peer.Close()
		for _, p := range [][]byte{large, small, large} {
			if n, err := c.Read(p); n > 0 || err != io.EOF {
				t.Errorf("%d bytes and %v, want the end", n, err)
			}
		}
		c, peer = goroutines(t, rt)
		readMuch(t, c, peer, 4<<20)
		resetNow(peer)
		for _, p := range [][]byte{large, small, large} {
			if n, err := c.Read(p); n > 0 || !isReset(err) {
				t.Errorf("%d bytes and %v, want a reset", n, err)
			}
		}
		c, peer = goroutines(t, rt)
		readMuch(t, c, peer, 4<<20)
		c.SetReadDeadline(time.Now().Add(-time.Second))
		peer.Write([]byte("x"))
		_, err := c.Read(large)
		wantTimeout(t, "Read", err)
		c.SetReadDeadline(time.Now().Add(pause))
		if n, err := c.Read(large); n != 1 || err != nil {
			t.Errorf("after a deadline: %d bytes and %v", n, err)
		}
		_, err = c.Read(large)
		wantTimeout(t, "a Read that waits", err)
	})
}
