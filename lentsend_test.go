package unio_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
)

// writeMuch writes n placed bytes in large pieces, after which goroutines have the lease for sending where there are such.
func writeMuch(t testing.TB, c *unio.Conn, peer net.Conn, n int) {
	t.Helper()
	read := make(chan error, 1)
	go func() {
		got := make([]byte, n)
		_, err := io.ReadFull(peer, got)
		if err == nil {
			err = checkPlaced(got, 0)
		}
		read <- err
	}()
	for off := 0; off < n; off += 64 << 10 {
		if _, err := c.Write(placed(64<<10, off)); err != nil {
			t.Fatal(err)
		}
	}
	if err := await(t, read, "the peer"); err != nil {
		t.Fatal(err)
	}
}

// A goroutine that writes much sends it itself.
func TestGoroutineWritesMuchWithoutBuffers(t *testing.T) {
	const total = 16 << 20
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		c, peer := goroutines(t, rt)
		writeMuch(t, c, peer, 1<<20)
		before := rt.Pool().Stats().Gets
		go io.Copy(io.Discard, peer)
		for range total / (64 << 10) {
			if _, err := c.Write(make([]byte, 64<<10)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(100 * time.Microsecond) // so that the peer is faster
		}
		used := rt.Pool().Stats().Gets - before
		t.Logf("%d pieces took %d buffers", total/(64<<10), used)
		if used > total/(64<<10)/4 && rt.Report().Engine != unio.Std {
			t.Errorf("%d pieces took %d buffers", total/(64<<10), used)
		}
	})
}

// frame is a message of a writer: its length, who wrote it and which of his it is, and bytes that tell their place.
func frame(writer, number, n int) []byte {
	p := binary.BigEndian.AppendUint32(nil, uint32(n))
	p = append(p, byte(writer))
	p = binary.BigEndian.AppendUint32(p, uint32(number))
	return append(p, placed(n, writer<<20+number)...)
}

const frameHead = 9

// readFrames reads frames to the end, and wants those of each writer whole and in order. It rests now and then, so that a socket is full.
func readFrames(r io.Reader, writers int, rnd *rand.Rand) (counts []int, err error) {
	counts = make([]int, writers)
	for h := make([]byte, frameHead); ; {
		if _, err := io.ReadFull(r, h); err == io.EOF {
			return counts, nil
		} else if err != nil {
			return counts, err
		}
		n, writer, number := int(binary.BigEndian.Uint32(h)), int(h[4]), int(binary.BigEndian.Uint32(h[5:]))
		if writer >= writers || n > 1<<20 || number != counts[writer] {
			return counts, fmt.Errorf("a frame of %d bytes, number %d of writer %d, after %v", n, number, writer, counts)
		}
		p := make([]byte, n)
		if _, err := io.ReadFull(r, p); err != nil {
			return counts, err
		}
		if err := checkPlaced(p, writer<<20+number); err != nil {
			return counts, fmt.Errorf("frame %d of writer %d: %w", number, writer, err)
		}
		counts[writer]++
		if rnd.IntN(16) == 0 {
			time.Sleep(200 * time.Microsecond)
		}
	}
}

// Goroutines, and a task of the connection's loop where it has one, write to one connection at the same time, each message by one call,
// large and small ones: none is torn, and those of each writer come in order.
func TestWritesOfManyAreNotTorn(t *testing.T) {
	const writers, each = 5, 150
	type outcome struct {
		counts []int
		err    error
	}
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		eachOwner(t, rt, func(t testing.TB, c *unio.Conn, peer net.Conn) {
			read := make(chan outcome, 1)
			go func() {
				counts, err := readFrames(peer, writers, rand.New(rand.NewPCG(7, 7)))
				read <- outcome{counts, err}
			}()
			write := func(writer int) {
				rnd := rand.New(rand.NewPCG(uint64(writer), 8))
				for number := range each {
					p := frame(writer, number, rnd.IntN([]int{100, 20_000, 70_000, 400_000}[rnd.IntN(4)]))
					if len(p) < 20_000 && rnd.IntN(3) == 0 {
						if err := c.Send(text(t, rt, string(p))); err != nil {
							t.Error(err)
						}
						continue
					}
					if n, err := c.Write(p); n != len(p) || err != nil {
						t.Errorf("%d of %d bytes: %v", n, len(p), err)
					}
				}
			}
			var all sync.WaitGroup
			for i := range writers - 1 {
				all.Go(func() { write(i) })
			}
			write(writers - 1)
			unio.Offload(func() { awaitAll(t, &all, "the writers") })
			c.Close()
			var got outcome
			unio.Offload(func() { got = await(t, read, "the reader") })
			if got.err != nil {
				t.Error(got.err)
			}
			for i, n := range got.counts {
				if n != each {
					t.Errorf("%d of %d frames of writer %d", n, each, i)
				}
			}
		})
	})
}

// A call that is being made under the lease for sending is waited for, by those who write, also in tasks of the connection's loop, and by
// Close.
func TestASendLeaseInUseIsWaitedFor(t *testing.T) {
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		if rt.Report().Engine == unio.Std {
			return // it lends nothing
		}
		for name, call := range map[string]func(c *unio.Conn) error{
			"Close":        (*unio.Conn).Close,
			"a long Write": func(c *unio.Conn) error { return errOf(c.Write(make([]byte, 300<<10))) },
			"a Write":      func(c *unio.Conn) error { return errOf(c.Write(make([]byte, 64<<10))) },
		} {
			eachOwner(t, rt, func(t testing.TB, c *unio.Conn, peer net.Conn) {
				if name == "a Write" && c.Loop() < 0 {
					return // a goroutine's does not wait for anything
				}
				unio.Offload(func() { writeMuch(t, c, peer, 4<<20) })
				release, ok := c.UseSendLease()
				if !ok {
					t.Errorf("nothing was lent to who writes much")
					return
				}
				go io.Copy(io.Discard, peer)
				var released atomic.Bool
				time.AfterFunc(pause, func() {
					released.Store(true)
					release()
				})
				if err := call(c); err != nil || !released.Load() {
					t.Errorf("%s: %v, has waited: %v", name, err, released.Load())
				}
			})
		}
	})
}

func errOf(_ int, err error) error { return err }

// What a goroutine's own call has met is what everybody hears.
func TestEndsUnderASendLease(t *testing.T) {
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		c, peer := goroutines(t, rt)
		readMuch(t, c, peer, 4<<20)
		writeMuch(t, c, peer, 4<<20)
		resetNow(peer)
		until(t, "a Write to meet the reset", func() bool {
			_, err := c.Write(make([]byte, 64<<10))
			return err != nil
		})
		for range 2 {
			_, err := c.Write(make([]byte, 64<<10))
			wantBroken(t, "a later Write", err)
			if _, err := c.Read(make([]byte, 64<<10)); !isReset(err) {
				t.Errorf("Read after it: %v", err)
			}
		}
		c, peer = goroutines(t, rt)
		writeMuch(t, c, peer, 4<<20)
		if err := c.CloseWrite(); err != nil {
			t.Error(err)
		}
		_, err := c.Write(make([]byte, 64<<10))
		wantBroken(t, "Write after CloseWrite", err)
		if n, err := peer.Read(make([]byte, 1)); n > 0 || err != io.EOF {
			t.Errorf("the peer: %d bytes and %v", n, err)
		}
		c, peer = goroutines(t, rt)
		writeMuch(t, c, peer, 4<<20)
		c.SetWriteDeadline(time.Now().Add(-time.Second))
		n, err := c.Write(make([]byte, 64<<10))
		wantTimeout(t, fmt.Sprintf("Write, of %d bytes", n), err)
		c.SetWriteDeadline(time.Now().Add(pause))
		for err = nil; err == nil; { // nobody reads
			_, err = c.Write(make([]byte, 64<<10))
		}
		wantTimeout(t, "a Write that waits", err)
	})
}
