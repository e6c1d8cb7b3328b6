package unio_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
)

// sendAll sends a stream in pieces of all sizes, by every call that sends.
func sendAll(rt *unio.Runtime, c *unio.Conn, s stream, total int) error {
	r := rand.New(rand.NewPCG(1, uint64(total)))
	for total > 0 {
		p := s.next(make([]byte, min(total, pieceSize(r))))
		total -= len(p)
		if err := sendPiece(rt, c, r.IntN(5), p); err != nil {
			return err
		}
	}
	return nil
}

func pieceSize(r *rand.Rand) int { return 1 + r.IntN(1<<(1+r.IntN(18))) }

func sendPiece(rt *unio.Runtime, c *unio.Conn, how int, p []byte) error {
	switch how {
	case 0:
		b, err := rt.Alloc(context.Background(), len(p))
		if err != nil {
			return err
		}
		copy(b.Bytes(), p)
		return c.Send(b)
	case 1:
		half := len(p) / 2
		var bufs [2]int
		b, err := rt.Alloc(context.Background(), len(p))
		if err != nil {
			return err
		}
		copy(b.Bytes(), p)
		defer b.Release()
		bufs[0], bufs[1] = half, len(p)
		return c.Send(b.Slice(0, bufs[0]), b.Slice(bufs[0], bufs[1]))
	case 2:
		v := net.Buffers{p[:len(p)/3], nil, p[len(p)/3:]}
		n, err := c.Writev(&v)
		if err == nil && (int(n) != len(p) || len(v) != 0) {
			return fmt.Errorf("Writev of %d bytes returned %d and left %d buffers", len(p), n, len(v))
		}
		return err
	case 3:
		if c.TryWrite(p) {
			return nil
		}
	}
	n, err := c.Write(p)
	if err == nil && n != len(p) {
		return fmt.Errorf("Write of %d bytes returned %d", len(p), n)
	}
	return err
}

// recvAll receives a stream by every call that receives, and checks each byte.
func recvAll(c *unio.Conn, s stream, total int) error {
	r := rand.New(rand.NewPCG(2, uint64(total)))
	p := make([]byte, 1<<18)
	for at := 0; at < total; {
		var got []byte
		if r.IntN(2) == 0 {
			b, err := c.Recv()
			if err != nil {
				return fmt.Errorf("after %d of %d bytes: %w", at, total, err)
			}
			got = append(got, b.Bytes()...)
			b.Release()
		} else {
			n, err := c.Read(p[:pieceSize(r)])
			if err != nil {
				return fmt.Errorf("after %d of %d bytes: %w", at, total, err)
			}
			got = p[:n]
		}
		if len(got) == 0 {
			return fmt.Errorf("after %d bytes: nothing, without an error", at)
		}
		if err := s.check(got); err != nil {
			return fmt.Errorf("after %d bytes: %w", at, err)
		}
		at += len(got)
	}
	return nil
}

func TestBothDirectionsAtOnce(t *testing.T) {
	total := scale(3<<20, 1<<20)
	eachConn(t, func(t scene, c *unio.Conn) {
		var g unio.Group
		g.Go(func() error { return sendAll(t.rt, c, newStream(1), total) })
		g.Go(func() error { return recvAll(c, newStream(2), total) })
		if err := g.Wait(); err != nil {
			t.Error(err)
		}
		if _, err := c.Recv(); err != io.EOF {
			t.Errorf("at the end: %v", err)
		}
	}, func(t scene, p net.Conn) {
		sent := make(chan error, 1)
		go func() {
			defer halfClose(p)
			_, err := io.Copy(p, io.LimitReader(newStream(2).r, int64(total)))
			sent <- err
		}()
		got, err := io.ReadAll(p)
		if want := newStream(1).next(make([]byte, total)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes of %d, equal %v, %v", len(got), total, bytes.Equal(got, want), err)
		}
		if err := <-sent; err != nil {
			t.Error(err)
		}
	})
}

func halfClose(p net.Conn) error { return p.(interface{ CloseWrite() error }).CloseWrite() }

// writers are so many who write to one connection at the same time, in tasks and in goroutines: each frameCount frames, by one call each.
const (
	writers    = 6
	frameBytes = 400_000 // at most
)

var frameCount = scale(20, 12)

// writeFrames writes the frames of one of them: who he is, the length, and the next bytes of a stream of his. Some are small, some large,
// and some go by Send.
func writeFrames(rt *unio.Runtime, c *unio.Conn, id byte) error {
	r, s := rand.New(rand.NewPCG(uint64(id), 8)), newStream(id)
	for range frameCount {
		p := make([]byte, 4+r.IntN([]int{100, 20_000, 70_000, frameBytes}[r.IntN(4)]))
		binary.BigEndian.PutUint32(p, uint32(id)<<24|uint32(len(p)-4))
		s.next(p[4:])
		how := 4 // Write
		if len(p) < 20_000 && r.IntN(3) == 0 {
			how = 0 // Send
		}
		if err := sendPiece(rt, c, how, p); err != nil {
			return err
		}
	}
	return nil
}

// readFrames reads the frames of all, and wants those of each whole and in order. It rests now and then, so that the socket is full.
func readFrames(p io.Reader) error {
	var streams [writers]stream
	for id := range streams {
		streams[id] = newStream(byte(id))
	}
	r, h := rand.New(rand.NewPCG(7, 7)), make([]byte, 4)
	for range writers * frameCount {
		if _, err := io.ReadFull(p, h); err != nil {
			return err
		}
		id, n := h[0], int(binary.BigEndian.Uint32(h)&0xffffff)
		if id >= writers || n > frameBytes {
			return fmt.Errorf("a frame of %d bytes by %d", n, id)
		}
		b := make([]byte, n)
		if _, err := io.ReadFull(p, b); err != nil {
			return err
		}
		if err := streams[id].check(b); err != nil {
			return fmt.Errorf("a frame by %d: %w", id, err)
		}
		if r.IntN(16) == 0 {
			time.Sleep(200 * time.Microsecond)
		}
	}
	if n, err := p.Read(h); n > 0 || err != io.EOF {
		return fmt.Errorf("%d bytes behind the last frame, %v", n, err)
	}
	return nil
}

func TestConcurrentWritesDoNotMix(t *testing.T) {
	eachConn(t, func(t scene, c *unio.Conn) {
		var inside unio.Group
		outside := make(chan error)
		for id := range byte(writers) {
			if id%2 == 0 {
				inside.Go(func() error { return writeFrames(t.rt, c, id) })
			} else {
				go func() { outside <- writeFrames(t.rt, c, id) }()
			}
		}
		if err := inside.Wait(); err != nil {
			t.Error(err)
		}
		unio.Offload(func() {
			for range writers / 2 {
				if err := <-outside; err != nil {
					t.Error(err)
				}
			}
		})
	}, func(t scene, p net.Conn) {
		if err := readFrames(p); err != nil {
			t.Error(err)
		}
	})
}

func TestWriteIsAtMost64KiBAheadOfTheKernel(t *testing.T) {
	unio.ShortDrains(t)
	eachConn(t, func(t scene, c *unio.Conn) {
		var n atomic.Int64
		// The deadline comes when nothing is taken any more: a goroutine's writes do not wait for the loop before there is one.
		go func() {
			for last := int64(-1); n.Load() != last || last == 0; time.Sleep(pause) {
				last = n.Load()
			}
			c.SetWriteDeadline(time.Unix(1, 0))
		}()
		for p := make([]byte, 1000); ; {
			m, err := c.Write(p)
			n.Add(int64(m))
			if err != nil {
				break
			}
		}
		wantAhead(t, c, 64<<10)
	}, silent)
}

// wantAhead has the kernel have all but a little of what was taken.
func wantAhead(t testing.TB, c *unio.Conn, most int) {
	if n := c.Queued(); n > most {
		t.Errorf("%d bytes ahead, want %d at most", n, most)
	}
}

// A long Write goes in larger pieces, and is that much ahead when it fails.
func TestLongWriteThatFailsIsAtMost256KiBAhead(t *testing.T) {
	const total = 16 << 20
	unio.ShortDrains(t)
	eachConn(t, func(t scene, c *unio.Conn) {
		c.SetWriteDeadline(time.Now().Add(4 * pause))
		n, err := c.Write(make([]byte, total))
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("wrote %d, %v", n, err)
		}
		wantAhead(t, c, 256<<10)
	}, silent)
}

// Where more than a quarter of the buffers is in use a long Write is no further ahead than any other.
func TestLongWriteIs64KiBAheadWhereBuffersAreNotAmple(t *testing.T) {
	unio.ShortDrains(t)
	uniotest.EachEngineWith(t, &unio.Options{BufBytes: 32 << 20}, func(t *testing.T, rt *unio.Runtime) {
		for range 9 {
			b, err := rt.Alloc(t.Context(), 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			defer b.Release()
		}
		queued := make(chan int, 1)
		ln := serve(t, rt, func(c *unio.Conn) {
			for stuck := 0; stuck < 20; stuck++ { // until nothing more is taken, and a little room is left
				for p := make([]byte, 1000); c.TryWrite(p); {
					stuck = 0
				}
				unio.Sleep(time.Millisecond)
			}
			c.SetWriteDeadline(time.Now().Add(4 * pause))
			if n, err := c.Write(make([]byte, 1<<20)); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("wrote %d, %v", n, err)
			}
			queued <- c.Queued()
		})
		dialNet(t, ln) // and reads nothing
		if n := await(t, queued, "the Write"); n > 64<<10 {
			t.Errorf("%d bytes were not with the kernel when Write failed", n)
		}
	})
}

// One that has succeeded is 64 KiB ahead like any other Write, also where the other end reads slowly.
func TestLongWriteReturns64KiBAhead(t *testing.T) {
	const total = 1120 << 10 // its last piece could be a long one
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		queued := make(chan int, 1)
		ln := serve(t, rt, func(c *unio.Conn) {
			if err := c.SetWriteBuffer(64 << 10); err != nil {
				t.Error(err)
			}
			n, err := c.Write(make([]byte, total))
			if n != total || err != nil {
				t.Errorf("wrote %d, %v", n, err)
			}
			queued <- c.Queued()
		})
		p := dialNet(t, ln)
		p.(*net.TCPConn).SetReadBuffer(64 << 10)
		b := make([]byte, 32<<10)
		for got := 0; got < total; time.Sleep(time.Millisecond) {
			n, err := p.Read(b)
			if err != nil {
				t.Fatalf("after %d bytes: %v", got, err)
			}
			got += n
		}
		if n := await(t, queued, "the Write"); n > 64<<10 {
			t.Errorf("%d bytes were not with the kernel when Write returned", n)
		}
	})
}

func TestReturnHandsEverythingOver(t *testing.T) {
	const total = 1 << 20
	eachConn(t, func(t scene, c *unio.Conn) {
		if n, err := c.Write(newStream(3).next(make([]byte, total))); n != total || err != nil {
			t.Errorf("wrote %d, %v", n, err)
		}
	}, readSlowly(total))
}

func TestCloseHandsEverythingOver(t *testing.T) {
	const total = 1 << 20
	eachConn(t, func(t scene, c *unio.Conn) {
		if n, err := c.Write(newStream(3).next(make([]byte, total))); n != total || err != nil {
			t.Errorf("wrote %d, %v", n, err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}, readSlowly(total))
}

// readSlowly is a peer that begins to read late and wants a stream.
func readSlowly(total int) func(t scene, p net.Conn) {
	return func(t scene, p net.Conn) {
		time.Sleep(pause)
		got, err := io.ReadAll(p)
		if want := newStream(3).next(make([]byte, total)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes of %d arrived, %v", len(got), total, err)
		}
	}
}

func TestZeroLengths(t *testing.T) {
	eachConn(t, func(t scene, c *unio.Conn) {
		if n, err := c.Read(nil); n != 0 || err != nil {
			t.Errorf("Read(nil) = %d, %v", n, err)
		}
		if n, err := c.Write(nil); n != 0 || err != nil {
			t.Errorf("Write(nil) = %d, %v", n, err)
		}
		if n, err := c.Writev(&net.Buffers{nil, {}}); n != 0 || err != nil {
			t.Errorf("Writev of nothing = %d, %v", n, err)
		}
		b, err := t.rt.Alloc(context.Background(), 1)
		if err != nil {
			t.Fatal(err)
		}
		b.SetLen(0)
		if err := c.Send(b); err != nil {
			t.Errorf("Send of an empty buffer: %v", err)
		}
		if err := c.Send(); err != nil {
			t.Errorf("Send of no buffer: %v", err)
		}
		if _, err := c.Recv(); err != io.EOF {
			t.Errorf("Recv: %v", err)
		}
		if n, err := c.Read([]byte{}); n != 0 || err != nil {
			t.Errorf("Read of nothing at the end = %d, %v", n, err)
		}
	}, func(t scene, p net.Conn) {
		halfClose(p)
		if got, err := io.ReadAll(p); len(got) != 0 || err != nil {
			t.Errorf("%q, %v", got, err)
		}
	})
}

func TestWritevIsNotMixedWithWrites(t *testing.T) {
	const rounds = 300
	eachConn(t, func(t scene, c *unio.Conn) {
		stop, stopped := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(stopped)
			for {
				select {
				case <-stop:
					return
				default:
					c.Write([]byte("."))
				}
			}
		}()
		for range rounds {
			v := net.Buffers{[]byte("ab"), nil, []byte("c"), []byte("de")}
			if n, err := c.Writev(&v); n != 5 || err != nil || len(v) != 0 {
				t.Errorf("Writev: %d, %v, %d left", n, err, len(v))
			}
		}
		unio.Offload(func() { close(stop); <-stopped })
	}, func(t scene, p net.Conn) {
		all, err := io.ReadAll(p)
		if n := bytes.Count(all, []byte("abcde")); n != rounds || err != nil {
			t.Errorf("%d whole ones of %d, %v", n, rounds, err)
		}
	})
}
