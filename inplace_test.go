package unio_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
)

// Of much, a Read and a Write copy nothing: what they move needs no buffer. (std reads and writes by package net, through buffers.)
func TestMuchNeedsNoBuffers(t *testing.T) {
	const total, piece = 16 << 20, 64 << 10
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		buffers := make(chan [2]uint64, 1)
		ln := serve(t, rt, func(c *unio.Conn) {
			gets := func() uint64 { return rt.Pool().Stats().Gets }
			in, out, p, before := newStream(1), newStream(2), make([]byte, piece), gets()
			for got := 0; got < total; {
				n, err := c.Read(p)
				if err == nil {
					err = in.check(p[:n])
				}
				if err != nil {
					t.Error(err)
					return
				}
				got += n
			}
			between := gets()
			for range total / piece {
				if _, err := c.Write(out.next(p)); err != nil {
					t.Error(err)
					return
				}
				unio.Sleep(100 * time.Microsecond) // so that the peer is faster
			}
			buffers <- [2]uint64{between - before, gets() - between}
		})
		p := dialNet(t, ln)
		if _, err := p.Write(newStream(1).next(make([]byte, total))); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(p); err != nil || len(got) != total || newStream(2).check(got) != nil {
			t.Errorf("%d bytes came back, or others: %v", len(got), err)
		}
		used := await(t, buffers, "the handler")
		t.Logf("%d pieces took %d buffers to read and %d to write", total/piece, used[0], used[1])
		for i, n := range used {
			if n > total/piece/4 && rt.Report().Engine != unio.Std {
				t.Errorf("%s: %d pieces took %d buffers", [...]string{"Read", "Write"}[i], total/piece, n)
			}
		}
	})
}

// readSomehow takes something of a stream in a way that is drawn: a large Read, a small one, a Recv, one that does not wait long.
func readSomehow(c *unio.Conn, rnd *rand.Rand) (p []byte, err error) {
	c.SetReadDeadline(time.Time{})
	switch rnd.IntN(6) {
	case 0:
		p = make([]byte, 1+rnd.IntN(1000))
	case 1:
		b, err := c.Recv()
		if err != nil {
			return nil, err
		}
		defer b.Release()
		return append(p, b.Bytes()...), nil
	case 2:
		c.SetReadDeadline(time.Now().Add(time.Duration(rnd.IntN(50)) * time.Microsecond))
		fallthrough
	default:
		p = make([]byte, 16<<10+rnd.IntN(300<<10))
	}
	n, err := c.Read(p)
	if n == 0 && errors.Is(err, os.ErrDeadlineExceeded) {
		err = nil
	}
	return p[:n], err
}

// Whatever is read by, and whoever reads, the bytes come in order and none is lost.
func TestReadsOfAllKindsFollowEachOther(t *testing.T) {
	const total = 24 << 20
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		eachOwner(t, rt, func(t testing.TB, c *unio.Conn, peer net.Conn) {
			go func() {
				rnd, s := rand.New(rand.NewPCG(1, 2)), newStream(3)
				for off := 0; off < total; {
					n := min(total-off, 1+rnd.IntN([]int{1000, 200_000}[rnd.IntN(2)]))
					if _, err := peer.Write(s.next(make([]byte, n))); err != nil {
						t.Error(err)
						return
					}
					if off += n; rnd.IntN(8) == 0 {
						time.Sleep(50 * time.Microsecond)
					}
				}
				peer.(*net.TCPConn).CloseWrite()
			}()
			rnd, s, off := rand.New(rand.NewPCG(3, 4)), newStream(3), 0
			for {
				p, err := readSomehow(c, rnd)
				if bad := s.check(p); bad != nil {
					t.Errorf("after %d bytes: %v", off, bad)
					return
				}
				off += len(p)
				if err == io.EOF && off == total {
					return
				}
				if err != nil {
					t.Errorf("%d of %d bytes: %v", off, total, err)
					return
				}
			}
		})
	})
}

// Of two who read much at the same time neither is forgotten.
func TestTwoTasksReadMuch(t *testing.T) {
	const total = 8 << 20
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		result := make(chan int, 1)
		ln := serve(t, rt, func(c *unio.Conn) {
			sum := 0
			var both unio.Group
			for range 2 {
				both.Go(func() error {
					for p := make([]byte, 64<<10); ; {
						n, err := c.Read(p)
						if sum += n; err != nil {
							return nil
						}
					}
				})
			}
			both.Wait()
			result <- sum
		})
		p := dialNet(t, ln)
		for off := 0; off < total; off += 128 << 10 {
			if _, err := p.Write(make([]byte, 128<<10)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(200 * time.Microsecond) // both wait
		}
		p.Close()
		if got := await(t, result, "the readers"); got != total {
			t.Errorf("%d of %d bytes", got, total)
		}
	})
}

// However fast its peer is, a connection that is read or written in place does not keep its loop from others: there is a bound for each
// turn.
func TestMuchInPlaceIsBoundedInATurn(t *testing.T) {
	const total, bound = 64 << 20, 448 << 10 // and what is queued in rounds
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		most := make(chan [2]int, 1)
		ln := serve(t, rt, func(c *unio.Conn) {
			p := make([]byte, 32<<10)
			most <- [2]int{mostInATurn(c, total, func() (int, error) { return c.Read(p) }),
				mostInATurn(c, total, func() (int, error) { return c.Write(p) })}
		})
		p := dialNet(t, ln)
		if _, err := p.Write(make([]byte, total)); err != nil {
			t.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, p); n != total || err != nil {
			t.Errorf("%d bytes came back, %v", n, err)
		}
		for i, n := range await(t, most, "the handler") {
			if n > bound {
				t.Errorf("%s moved %d bytes in one turn, want at most %d", [...]string{"Read", "Write"}[i], n, bound)
			}
		}
	})
}

// mostInATurn moves total bytes and tells how many were the most in a turn of the connection's loop.
func mostInATurn(c *unio.Conn, total int, move func() (int, error)) (most int) {
	for turn, bytes, done := c.Turns(), 0, 0; done < total; {
		n, err := move()
		if err != nil {
			return total
		}
		done += n
		if now := c.Turns(); now != turn {
			turn, bytes = now, 0
		}
		bytes += n
		most = max(most, bytes)
	}
	return most
}

// The receive that a large Read has begun is still with the engine when Await follows it.
func TestAwaitAfterAReadOfMuchThatWasTooLate(t *testing.T) {
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		waits, got := make(chan bool, 1), make(chan string, 1)
		ln := serve(t, rt, func(c *unio.Conn) {
			p := make([]byte, 256<<10)
			if _, err := io.ReadFull(c, p[:128<<10]); err != nil {
				t.Error(err)
			}
			c.SetReadDeadline(time.Now().Add(pause / 4))
			n, err := c.Read(p)
			wantTimeout(t, fmt.Sprintf("Read, of %d bytes", n), err)
			c.SetReadDeadline(time.Time{})
			c.Await(0, func(c *unio.Conn, err error) {
				n, rerr := c.Read(p)
				got <- fmt.Sprintf("%q %v %v", p[:n], err, rerr)
			})
			waits <- true
		})
		p := dialNet(t, ln)
		p.Write(make([]byte, 128<<10))
		await(t, waits, "the handler")
		p.Write([]byte("late"))
		if s := await(t, got, "the call"); s != `"late" <nil> <nil>` {
			t.Error(s)
		}
	})
}

// Close ends a Read that waits to receive much, and a Write that waits to send it, and the end of a peer is told to both.
func TestEndsOfReadsAndWritesOfMuch(t *testing.T) {
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		eachOwner(t, rt, func(t testing.TB, c *unio.Conn, peer net.Conn) {
			go peer.Write(make([]byte, 1<<20))
			p := make([]byte, 1<<20)
			if _, err := io.ReadFull(c, p); err != nil {
				t.Error(err)
			}
			time.AfterFunc(pause, func() { c.Close() })
			n, err := c.Read(p)
			wantIs(t, fmt.Sprintf("Read, of %d bytes", n), err, net.ErrClosed)
		})
		eachOwner(t, rt, func(t testing.TB, c *unio.Conn, peer net.Conn) {
			time.AfterFunc(pause, func() { c.Close() })
			_, err := c.Write(make([]byte, 64<<20))
			wantIs(t, "Write", err, net.ErrClosed)
		})
		eachOwner(t, rt, func(t testing.TB, c *unio.Conn, peer net.Conn) {
			time.AfterFunc(pause, func() { resetNow(peer) })
			if _, err := c.Write(make([]byte, 64<<20)); !isReset(err) {
				t.Errorf("Write to a peer that resets: %v", err)
			}
			if _, err := c.Read(make([]byte, 64<<10)); !isReset(err) {
				t.Errorf("Read after it: %v", err)
			}
		})
	})
}

// What is queued goes before what could be sent from its place, and so does what others have written.
func TestWritesOfAllSizesKeepTheirOrder(t *testing.T) {
	const total = 24 << 20
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		eachOwner(t, rt, func(t testing.TB, c *unio.Conn, peer net.Conn) {
			read := make(chan error, 1)
			go func() {
				got, err := io.ReadAll(peer)
				if err == nil && len(got) != total {
					err = fmt.Errorf("%d of %d bytes", len(got), total)
				}
				read <- errors.Join(err, newStream(4).check(got))
			}()
			rnd, s := rand.New(rand.NewPCG(5, 6)), newStream(4)
			for off := 0; off < total; {
				p := s.next(make([]byte, min(total-off, 1+rnd.IntN([]int{100, 20_000, 400_000}[rnd.IntN(3)]))))
				off += len(p)
				write := func() {
					if _, err := c.Write(p); err != nil {
						t.Error(err)
					}
				}
				if c.Loop() >= 0 && rnd.IntN(3) == 0 {
					unio.Offload(write) // by a goroutine
				} else {
					write()
				}
			}
			c.Close()
			unio.Offload(func() {
				if err := await(t, read, "the peer"); err != nil {
					t.Error(err)
				}
			})
		})
	})
}
