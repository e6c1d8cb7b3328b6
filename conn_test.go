package unio_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/mem"
	"github.com/unio-go/unio/uniotest"
)

// drain is a peer that reads until the end and says nothing.
func drain(t scene, p net.Conn) { io.Copy(io.Discard, p) }

// silent is a peer that does nothing until the other side has ended.
func silent(t scene, p net.Conn) { <-t.ended }

func TestEndOfStreamIsBareAndStays(t *testing.T) {
	eachConn(t, func(t scene, c *unio.Conn) {
		p := make([]byte, 100)
		if n, err := io.ReadFull(c, p[:5]); n != 5 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		for range 3 {
			if b, err := c.Recv(); b != nil || err != io.EOF {
				t.Errorf("Recv: %v, %v; want bare io.EOF", b, err)
			}
			if n, err := c.Read(p); n != 0 || err != io.EOF {
				t.Errorf("Read: %d, %v; want bare io.EOF", n, err)
			}
		}
		if _, err := c.Write([]byte("still here")); err != nil {
			t.Error(err)
		}
	}, func(t scene, p net.Conn) {
		p.Write([]byte("hello"))
		halfClose(p)
		if got, err := io.ReadAll(p); string(got) != "still here" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
	})
}

// The deadline ends the wait for the end of the stream, not the end.
func TestCloseWriteAfterTheWriteDeadlineEndsTheStream(t *testing.T) {
	eachConn(t, func(t scene, c *unio.Conn) {
		c.SetWriteDeadline(time.Now().Add(2 * pause))
		if n, err := c.Write(tooMuch[:]); err == nil {
			t.Errorf("wrote %d bytes to a peer that does not read", n)
		}
		if err := c.CloseWrite(); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("CloseWrite: %v", err)
		}
		t.cue <- struct{}{}
		if _, err := io.ReadFull(c, make([]byte, 2)); err != nil { // the peer has seen the end
			t.Errorf("answer: %v", err)
		}
	}, func(t scene, p net.Conn) {
		<-t.cue
		if _, err := io.Copy(io.Discard, p); err != nil {
			t.Error(err)
		}
		p.Write([]byte("ok"))
	})
}

func TestCloseWriteEndsOneDirection(t *testing.T) {
	const total = 500_000
	eachConn(t, func(t scene, c *unio.Conn) {
		if _, err := c.Write(newStream(4).next(make([]byte, total))); err != nil {
			t.Error(err)
		}
		if err := c.CloseWrite(); err != nil {
			t.Errorf("CloseWrite: %v", err)
		}
		_, err := c.Write([]byte("x"))
		wantIs(t, "Write after CloseWrite", err, syscall.EPIPE)
		b, err := t.rt.Alloc(context.Background(), 1)
		if err != nil {
			t.Fatal(err)
		}
		wantIs(t, "Send after CloseWrite", c.Send(b), syscall.EPIPE)
		if got, err := io.ReadAll(c); string(got) != "answer" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
	}, func(t scene, p net.Conn) {
		got, err := io.ReadAll(p)
		if !bytes.Equal(got, newStream(4).next(make([]byte, total))) || err != nil {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		p.Write([]byte("answer"))
	})
}

// A write deadline is for writing; that it is over is no reason to keep the direction open.
func TestCloseWriteAfterTheWriteDeadline(t *testing.T) {
	eachConn(t, func(t scene, c *unio.Conn) {
		c.SetWriteDeadline(time.Unix(1, 0))
		if err := c.CloseWrite(); err != nil {
			t.Error(err)
		}
		if _, err := c.Recv(); err != io.EOF {
			t.Error(err)
		}
	}, func(t scene, p net.Conn) {
		if _, err := p.Read(make([]byte, 1)); err != io.EOF {
			t.Error(err)
		}
	})
}

// A second CloseWrite failed with EPIPE, and so did one after Close.
func TestCloseWriteAgainAndAfterClose(t *testing.T) {
	eachConn(t, func(t scene, c *unio.Conn) {
		for range 3 {
			if err := c.CloseWrite(); err != nil {
				t.Errorf("CloseWrite: %v", err)
			}
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		wantIs(t, "CloseWrite after Close", c.CloseWrite(), net.ErrClosed)
	}, silent)
}

func TestCloseReadEndsReceiving(t *testing.T) {
	eachConn(t, func(t scene, c *unio.Conn) {
		ended := make(chan error, 1)
		go func() {
			_, err := c.Recv()
			ended <- err
		}()
		unio.Sleep(pause)
		if err := c.CloseRead(); err != nil {
			t.Errorf("CloseRead: %v", err)
		}
		unio.Offload(func() {
			if err := await(t, ended, "Recv to end"); err != io.EOF {
				t.Errorf("a Recv that waited: %v", err)
			}
		})
		for range 2 {
			if _, err := c.Recv(); err != io.EOF {
				t.Errorf("Recv: %v", err)
			}
		}
		if _, err := c.Write([]byte("out")); err != nil {
			t.Errorf("Write: %v", err)
		}
	}, func(t scene, p net.Conn) {
		if got, err := io.ReadAll(p); string(got) != "out" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
	})
}

// What has arrived before the end of receiving comes before the end. It was thrown away. An engine that has received goes on
// receiving by itself; one that has not is in the conformance kit.
func TestCloseReadLeavesWhatHasArrived(t *testing.T) {
	const before = "it receives "
	eachConn(t, func(t scene, c *unio.Conn) {
		if _, err := io.ReadFull(c, make([]byte, len(before))); err != nil {
			t.Error(err)
		}
		c.Write([]byte("more"))
		unio.Offload(func() { <-t.cue })
		unio.Sleep(2 * pause) // until it is here for certain
		if err := c.CloseRead(); err != nil {
			t.Errorf("CloseRead: %v", err)
		}
		if got, err := io.ReadAll(c); string(got) != "hello" || err != nil {
			t.Errorf("after CloseRead: %q, %v", got, err)
		}
	}, func(t scene, p net.Conn) {
		p.Write([]byte(before))
		io.ReadFull(p, make([]byte, 4))
		p.Write([]byte("hello"))
		t.cue <- struct{}{}
		<-t.ended
	})
}

// The end of receiving is told when it comes, and not when somebody looks whether it was missed. One of several tries has to
// show it: a busy machine may be late.
func TestCloseReadIsToldAtOnce(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		took := make(chan time.Duration, 1)
		ln := serve(t, rt, func(c *unio.Conn) {
			c.Read(make([]byte, 1))
			c.Write([]byte("b"))
			unio.Sleep(pause) // until what answers that is here, which no receive has been there for
			c.CloseRead()
			began := time.Now()
			io.ReadAll(c)
			took <- time.Since(began)
		})
		least := time.Hour
		for range 5 {
			p := dialNet(t, ln)
			p.Write([]byte("a"))
			p.Read(make([]byte, 1))
			p.Write([]byte("c"))
			least = min(least, await(t, took, "the handler"))
		}
		if least > 250*time.Millisecond {
			t.Errorf("the end came %v after CloseRead", least)
		}
	})
}

// wantTimeout wants the error of a deadline as package net gives it.
func wantTimeout(t testing.TB, what string, err error) {
	t.Helper()
	wantIs(t, what, err, os.ErrDeadlineExceeded)
	if ne, ok := errors.AsType[net.Error](err); !ok || !ne.Timeout() {
		t.Errorf("%s: %v is no timeout", what, err)
	}
}

func TestPastDeadlineFiresAtOnceAndClearedOneDoesNot(t *testing.T) {
	eachConn(t, func(t scene, c *unio.Conn) {
		c.SetDeadline(time.Unix(1, 0))
		for range 2 {
			_, err := c.Recv()
			wantTimeout(t, "Recv", err)
			_, err = c.Read(make([]byte, 1))
			wantTimeout(t, "Read", err)
			_, err = c.Write([]byte("x"))
			wantTimeout(t, "Write", err)
		}
		c.SetDeadline(time.Time{})
		if _, err := c.Write([]byte("go")); err != nil {
			t.Error(err)
		}
		if got, err := io.ReadAll(c); string(got) != "gone" || err != nil {
			t.Errorf("after the deadline was cleared: %q, %v", got, err)
		}
	}, func(t scene, p net.Conn) {
		io.ReadFull(p, make([]byte, 2))
		p.Write([]byte("gone"))
	})
}

// Data that are there do not help against a deadline that is over, as in package net.
func TestPastReadDeadlineHoldsDataBack(t *testing.T) {
	eachConn(t, func(t scene, c *unio.Conn) {
		p := make([]byte, 1)
		if _, err := c.Read(p); err != nil { // of two that came together
			t.Error(err)
		}
		c.SetReadDeadline(time.Unix(1, 0))
		_, err := c.Read(p)
		wantTimeout(t, "Read", err)
		c.SetReadDeadline(time.Now().Add(bound))
		if _, err := c.Read(p); err != nil || p[0] != 'b' {
			t.Errorf("%q, %v", p, err)
		}
	}, func(t scene, p net.Conn) {
		p.Write([]byte("ab"))
		drain(t, p)
	})
}

func TestReadDeadlineMovesWhileACallWaits(t *testing.T) {
	eachConn(t, func(t scene, c *unio.Conn) {
		c.SetReadDeadline(time.Now().Add(bound))
		moved := time.AfterFunc(pause, func() { c.SetReadDeadline(time.Now()) })
		defer moved.Stop()
		start := time.Now()
		_, err := c.Recv()
		wantTimeout(t, "Recv", err)
		if d := time.Since(start); d > bound/2 {
			t.Errorf("an earlier deadline took %v", d)
		}

		c.SetReadDeadline(time.Now().Add(pause))
		cleared := time.AfterFunc(pause/2, func() { c.SetReadDeadline(time.Now().Add(bound)) })
		defer cleared.Stop()
		go func() {
			time.Sleep(2 * pause) // when the deadline would have been over
			c.Write([]byte("now"))
		}()
		b, err := c.Recv()
		if err == nil {
			b.Release()
		} else if !errors.Is(err, os.ErrDeadlineExceeded) { // the timers of a busy machine may be late
			t.Error(err)
		}
	}, func(t scene, p net.Conn) {
		io.ReadFull(p, make([]byte, 3))
		p.Write([]byte("x"))
	})
}

// A deadline of more than 292 years ago put the loop to sleep for good.
func TestDeadlineOfLongAgoEndsACallThatWaits(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		eachCaller(t, rt, func(t testing.TB) {
			longAgo := time.Time{}.Add(1)
			c, err := rt.DialContext(context.Background(), "tcp", ln.Addr().String())
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			time.AfterFunc(pause, func() { c.SetReadDeadline(longAgo) })
			_, err = c.Read(make([]byte, 1))
			wantTimeout(t, "Read", err)
			own := listen(t, rt, nil)
			time.AfterFunc(pause, func() { own.SetDeadline(longAgo) })
			_, err = own.Accept()
			wantTimeout(t, "Accept", err)
		})
	})
}

func TestDeadlineOfSeveralWaitingCalls(t *testing.T) {
	eachConn(t, func(t scene, c *unio.Conn) {
		c.SetReadDeadline(time.Now().Add(pause))
		var g unio.Group
		for range 4 {
			g.Go(func() error {
				_, err := c.Recv()
				wantTimeout(t, "Recv", err)
				return nil
			})
		}
		g.Wait()
	}, drain)
}

// A Write that ran into its deadline has told how much was taken, so that writing on from there loses and doubles nothing.
func TestConnectionIsUsableAfterWriteTimeouts(t *testing.T) {
	const total = 2 << 20 // more than sockets with a small buffer hold
	eachConn(t, func(t scene, c *unio.Conn) {
		c.SetWriteBuffer(1 << 17)
		p := newStream(5).next(make([]byte, total))
		timeouts := 0
		for len(p) > 0 {
			c.SetWriteDeadline(time.Now().Add(pause / 4))
			piece := p
			if timeouts > 2 {
				piece = p[:min(len(p), 40_000)] // of which two are more than a writer may be ahead
			}
			n, err := c.Write(piece)
			if err != nil {
				if timeouts++; timeouts == 6 {
					t.cue <- struct{}{}
				}
				wantTimeout(t, "Write", err)
			} else if n != len(piece) {
				t.Errorf("wrote %d of %d without an error", n, len(piece))
			}
			p = p[n:]
			if t.Failed() {
				return
			}
		}
		c.SetWriteDeadline(time.Time{}) // else closing drops what it cannot hand over until then
	}, func(t scene, p net.Conn) {
		await(t, t.cue, "writes of both sizes to time out")
		got, err := io.ReadAll(p)
		if !bytes.Equal(got, newStream(5).next(make([]byte, total))) || err != nil {
			t.Errorf("%d bytes of %d, %v", len(got), total, err)
		}
	})
}

func TestTimeoutLosesNoData(t *testing.T) {
	const lines = 30
	eachConn(t, func(t scene, c *unio.Conn) {
		var got []byte
		p := make([]byte, 100)
		for {
			c.SetReadDeadline(time.Now().Add(300 * time.Microsecond))
			n, err := c.Read(p)
			got = append(got, p[:n]...)
			if err == io.EOF {
				break
			}
			if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatal(err)
			}
		}
		if want := bytes.Repeat([]byte("0123456789"), lines); !bytes.Equal(got, want) {
			t.Errorf("%d bytes of %d", len(got), len(want))
		}
	}, func(t scene, p net.Conn) {
		for range lines {
			p.Write([]byte("0123456789"))
			time.Sleep(300 * time.Microsecond)
		}
	})
}

func TestCloseEndsEveryCall(t *testing.T) {
	eachConn(t, func(t scene, c *unio.Conn) {
		var calls, closing unio.Group
		for range 2 {
			calls.Go(func() error {
				_, err := c.Recv()
				wantIs(t, "Recv", err, net.ErrClosed)
				return nil
			})
			calls.Go(func() error {
				_, err := c.Write(tooMuch[:])
				wantIs(t, "Write", err, net.ErrClosed)
				return nil
			})
		}
		closing.Go(func() error {
			unio.Sleep(pause)
			return c.Close()
		})
		calls.Wait()
		t.cue <- struct{}{} // Close waits for what was written
		if err := closing.Wait(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}, func(t scene, p net.Conn) {
		await(t, t.cue, "the calls to end")
		io.Copy(io.Discard, p)
	})
}

// writeAll writes until nothing is taken any more, and tells how much was.
func writeAll(c *unio.Conn) (written int) {
	for stuck := 0; stuck < 5; stuck++ {
		c.SetWriteDeadline(time.Now().Add(pause))
		n, _ := c.Write(make([]byte, 64<<10))
		if written += n; n > 0 {
			stuck = 0
		}
	}
	return written
}

// The write deadline ends the wait of Close: crypto/tls always closes with one that has passed, however slow its peer is.
func TestCloseAfterTheWriteDeadlineCutTheStreamShort(t *testing.T) {
	written, closed := make(chan int, 1), make(chan error, 1)
	eachConn(t, func(t scene, c *unio.Conn) {
		written <- writeAll(c)
		closed <- c.Close()
	}, func(t scene, p net.Conn) {
		n, err := await(t, written, "the writes"), await(t, closed, "Close")
		if err != nil { // the kernel had no room for the last of it
			wantTimeout(t, "Close", err)
		}
		if b, err := io.ReadAll(p); err != nil || len(b) != n {
			t.Errorf("%d bytes of %d arrived, %v", len(b), n, err)
		}
	})
}

// Who closes while a Write waits breaks it off, as http.Server.Close does with one client after the other: a peer that reads nothing must
// not hold him. What the Write had counted still arrives.
func TestCloseWaitedForThePeerOfAWriteThatItBrokeOff(t *testing.T) {
	written, closed := make(chan int, 1), make(chan error, 1)
	eachConn(t, func(t scene, c *unio.Conn) {
		var n atomic.Int64
		go func() {
			for last := int64(-1); last != n.Load(); time.Sleep(20 * pause) {
				last = n.Load()
			}
			closed <- c.Close()
		}()
		for {
			m, err := c.Write(make([]byte, 64<<10))
			if n.Add(int64(m)); err != nil {
				wantIs(t, "a Write", err, net.ErrClosed)
				break
			}
		}
		written <- int(n.Load())
	}, func(t scene, p net.Conn) {
		if err := await(t, closed, "Close"); err != nil {
			t.Errorf("Close: %v", err)
		}
		n := await(t, written, "the writes")
		if b, err := io.ReadAll(p); err != nil || len(b) != n {
			t.Errorf("%d bytes of %d arrived, %v", len(b), n, err)
		}
	})
}

// What a Close drops in the end must not look like the end of what was sent.
func TestDroppedBytesLeftTheStreamLookingWhole(t *testing.T) {
	unio.ShortDrains(t)
	written, closed := make(chan int, 1), make(chan error, 1)
	eachConnOver(t, []string{"tcp"}, func(t scene, c *unio.Conn) {
		written <- writeAll(c)
		c.SetWriteDeadline(time.Time{})
		closed <- c.Close()
	}, func(t scene, p net.Conn) {
		n, closeErr := await(t, written, "the writes"), await(t, closed, "Close")
		switch b, err := io.ReadAll(p); {
		case closeErr == nil && err == nil && len(b) == n: // the kernel had room for the last of it
		default:
			wantTimeout(t, "Close", closeErr)
			wantReset(t, "the peer's read", err)
		}
	})
}

// A reset comes behind what was written before it, as far as the kernel has room for that: a proxy breaks off a response so.
func TestCloseWithALingerOfZeroLostWhatThereWasRoomFor(t *testing.T) {
	eachConnOver(t, []string{"tcp"}, func(t scene, c *unio.Conn) {
		c.Read(make([]byte, 1)) // the peer has connected
		c.Write([]byte("hello"))
		if err := errors.Join(c.SetLinger(0), c.Close()); err != nil {
			t.Error(err)
		}
	}, func(t scene, p net.Conn) {
		p.Write([]byte("?"))
		b, err := io.ReadAll(p)
		if string(b) != "hello" {
			t.Errorf("the peer got %q", b)
		}
		wantReset(t, "the peer's read", err)
	})
}

// Who wants a reset does not want what is queued to go to a peer that does not read.
func TestCloseWithALingerOfZeroWaitedForThePeer(t *testing.T) {
	closed := make(chan error, 1)
	eachConnOver(t, []string{"tcp"}, func(t scene, c *unio.Conn) {
		writeAll(c)
		c.SetWriteDeadline(time.Time{})
		if err := c.SetLinger(0); err != nil {
			t.Error(err)
		}
		closed <- c.Close()
	}, func(t scene, p net.Conn) {
		if err := await(t, closed, "Close"); err != nil {
			t.Errorf("Close: %v", err)
		}
		_, err := io.Copy(io.Discard, p)
		wantReset(t, "the peer's read", err)
	})
}

// TestCloseAfterAPassedWriteDeadlineLostWhatWasWritten does what crypto/tls's Close does.
func TestCloseAfterAPassedWriteDeadlineLostWhatWasWritten(t *testing.T) {
	eachConn(t, func(t scene, c *unio.Conn) {
		if _, err := c.Write(make([]byte, 1000)); err != nil {
			t.Error(err)
		}
		c.SetWriteDeadline(time.Now())
		if err := c.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}, func(t scene, p net.Conn) {
		if b, err := io.ReadAll(p); len(b) != 1000 || err != nil {
			t.Errorf("%d bytes of 1000 arrived, %v", len(b), err)
		}
	})
}

func TestCallsAfterClose(t *testing.T) {
	eachConn(t, func(t scene, c *unio.Conn) {
		if err := c.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		b, err := t.rt.Alloc(context.Background(), 1)
		if err != nil {
			t.Fatal(err)
		}
		_, errRecv := c.Recv()
		_, errRead := c.Read(make([]byte, 1))
		_, errWrite := c.Write(make([]byte, 1))
		for what, err := range map[string]error{
			"Close": c.Close(), "CloseWrite": c.CloseWrite(), "CloseRead": c.CloseRead(),
			"Recv": errRecv, "Read": errRead, "Write": errWrite, "Send": c.Send(b),
			"SetDeadline": c.SetDeadline(time.Now()), "SetReadDeadline": c.SetReadDeadline(time.Now()),
			"SetWriteDeadline": c.SetWriteDeadline(time.Now()),
		} {
			wantIs(t, what+" after Close", err, net.ErrClosed)
			if strings.HasPrefix(what, "Set") {
				wantLocalError(t, what, err, c)
			} else {
				wantOpError(t, what, err, c)
			}
		}
		if c.LocalAddr() == nil || c.RemoteAddr() == nil {
			t.Errorf("the addresses are forgotten: %v, %v", c.LocalAddr(), c.RemoteAddr())
		}
	}, drain)
}

// wantLocalError wants what package net tells of calls that concern the own end: its address, and no source.
func wantLocalError(t testing.TB, what string, err error, c *unio.Conn) {
	t.Helper()
	e, ok := errors.AsType[*net.OpError](err)
	if !ok || e.Net != c.LocalAddr().Network() || e.Source != nil || e.Addr.String() != c.LocalAddr().String() {
		t.Errorf("%s: %#v, want that of package net", what, err)
	}
}

// wantOpError wants the error to tell whose it is.
func wantOpError(t testing.TB, what string, err error, c *unio.Conn) {
	t.Helper()
	e, ok := errors.AsType[*net.OpError](err)
	if !ok {
		t.Errorf("%s: %v is no *net.OpError", what, err)
		return
	}
	if e.Net != c.LocalAddr().Network() || e.Source == nil || e.Source.String() != c.LocalAddr().String() ||
		e.Addr == nil || e.Addr.String() != c.RemoteAddr().String() {
		t.Errorf("%s: the error is of %s %v -> %v, want %s %v -> %v", what,
			e.Net, e.Source, e.Addr, c.LocalAddr().Network(), c.LocalAddr(), c.RemoteAddr())
	}
}

func TestErrorsNameTheOperationAndTheConnection(t *testing.T) {
	eachConn(t, func(t scene, c *unio.Conn) {
		c.SetDeadline(time.Unix(1, 0)) // before anybody has asked for the addresses
		_, errRead := c.Recv()
		_, errWrite := c.Write([]byte("x"))
		wantOpError(t, "Recv", errRead, c)
		wantOpError(t, "Write", errWrite, c)
		for want, err := range map[string]error{"read": errRead, "write": errWrite} {
			if e, ok := errors.AsType[*net.OpError](err); ok && e.Op != want {
				t.Errorf("Op is %q, want %q", e.Op, want)
			}
		}
	}, drain)
}

// TestThePeerIsKnownAfterBothEnds: nobody has asked for the addresses before. That of a dialled connection is known after a reset, too.
func TestThePeerIsKnownAfterBothEnds(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		for _, reset := range []bool{false, true} {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			c, err := rt.Dial(t.Context(), "tcp", ln.Addr().String(), nil)
			if err != nil {
				t.Fatal(err)
			}
			peer, err := ln.Accept()
			if err != nil {
				t.Fatal(err)
			}
			if reset {
				resetNow(peer)
			} else {
				peer.Close()
			}
			c.Read(make([]byte, 1))
			c.CloseWrite()
			if got := c.RemoteAddr().String(); got != ln.Addr().String() {
				t.Errorf("dialled, reset %v: the peer is %s, want %s", reset, got, ln.Addr())
			}
			c.Close()
		}
		c, peer := goroutines(t, rt)
		want := peer.LocalAddr().String()
		peer.Close()
		c.Read(make([]byte, 1))
		c.CloseWrite()
		time.Sleep(pause)
		if got := c.RemoteAddr().String(); got != want {
			t.Errorf("accepted: the peer is %s, want %s", got, want)
		}
	})
}

func TestAddresses(t *testing.T) {
	addrs := make(chan [2]net.Addr, 1)
	eachConn(t, func(t scene, c *unio.Conn) {
		addrs <- [2]net.Addr{c.LocalAddr(), c.RemoteAddr()}
	}, func(t scene, p net.Conn) {
		a := <-addrs
		if name(a[0]) != name(p.RemoteAddr()) || name(a[1]) != name(p.LocalAddr()) {
			t.Errorf("addresses %v, %v; the peer has %v, %v", a[0], a[1], p.LocalAddr(), p.RemoteAddr())
		}
		if a[0].Network() != p.RemoteAddr().Network() {
			t.Errorf("network %s", a[0].Network())
		}
	})
}

// name is an address as text; package net calls an unnamed Unix socket @.
func name(a net.Addr) string {
	if a.String() == "@" {
		return ""
	}
	return a.String()
}

func TestPeerReset(t *testing.T) {
	eachConnOver(t, []string{"tcp"}, func(t scene, c *unio.Conn) {
		for {
			b, err := c.Recv()
			if err != nil {
				wantReset(t, "Recv", err)
				wantOpError(t, "Recv", err, c)
				break
			}
			b.Release()
		}
		_, err := c.Recv()
		wantReset(t, "the next Recv", err)
		for err = nil; err == nil; _, err = c.Write(make([]byte, 1000)) {
			unio.Sleep(time.Millisecond)
		}
		if !errors.Is(err, syscall.EPIPE) && !isReset(err) {
			t.Errorf("Write: %v", err)
		}
	}, func(t scene, p net.Conn) {
		p.Write([]byte("x"))
		p.(*net.TCPConn).SetLinger(0)
	})
}

// A socket tells its error once. Where a Write got it at the same time, a Read took the broken stream for a whole one.
func TestResetThatWriteAndReadMeetAtOnce(t *testing.T) {
	rounds := scale(300, 60)
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		p := make([]byte, 8<<20)
		for range rounds {
			c, err := rt.Dial(t.Context(), "tcp", ln.Addr().String(), nil)
			if err != nil {
				t.Fatal(err)
			}
			peer, err := ln.Accept()
			if err != nil {
				t.Fatal(err)
			}
			var g unio.Group
			g.Go(func() error { _, err := c.Write(p); return err })
			g.Go(func() error { _, err := c.Recv(); return err })
			time.Sleep(time.Millisecond) // until both wait, most often
			peer.(*net.TCPConn).SetLinger(0)
			peer.Close()
			if err := g.Wait(); errors.Is(err, io.EOF) {
				t.Errorf("an end for a reset: %v", err)
			}
			c.Close()
		}
	})
}

func wantReset(t testing.TB, what string, err error) {
	t.Helper()
	if !isReset(err) {
		t.Errorf("%s: %v, want %v", what, err, syscall.ECONNRESET)
	}
}

// isReset knows the codes of both families of systems: the number 10054 is WSAECONNRESET.
func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || runtime.GOOS == "windows" && errors.Is(err, syscall.Errno(10054))
}

func TestKeptConnectionOutlivesItsHandler(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		kept := make(chan *unio.Conn, 1)
		ln := serve(t, rt, func(c *unio.Conn) {
			c.Keep()
			kept <- c
		})
		p := dialNet(t, ln)
		c := await(t, kept, "the handler")
		until(t, "the handler ends", func() bool { return rt.Stats().Tasks == 0 })
		p.Write([]byte("ping"))
		if _, err := io.ReadFull(c, make([]byte, 4)); err != nil {
			t.Error(err)
		}
		c.Write([]byte("pong"))
		if _, err := io.ReadFull(p, make([]byte, 4)); err != nil {
			t.Error(err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if _, err := p.Read(make([]byte, 1)); err != io.EOF {
			t.Error(err)
		}
	})
}

// Without TCP_NODELAY a small write waits for the acknowledgement of the one before it, which the peer may delay by 40 ms.
func TestSmallWritesAreNotDelayed(t *testing.T) {
	const rounds = 30
	eachConnOver(t, []string{"tcp"}, func(t scene, c *unio.Conn) {
		p := make([]byte, 1)
		for range rounds {
			c.Write(p)
			unio.Sleep(100 * time.Microsecond) // so that each goes out on its own
			c.Write(p)
			if _, err := c.Read(p); err != nil {
				t.Error(err)
			}
		}
	}, func(t scene, p net.Conn) {
		best := time.Hour // of the second half: at the beginning of a connection acknowledgements are not delayed
		for i := range rounds {
			start := time.Now()
			if _, err := io.ReadFull(p, make([]byte, 2)); err != nil {
				t.Error(err)
			}
			p.Write([]byte("x"))
			if d := time.Since(start); i >= rounds/2 {
				best = min(best, d)
			}
		}
		if best > 20*time.Millisecond {
			t.Errorf("a round takes at least %v: TCP_NODELAY is not set", best)
		}
	})
}

// A deadline comes at the moment at which somebody begins to wait: one of the two must see the other.
func TestDeadlineIsNotMissedByWhoBeginsToWait(t *testing.T) {
	eachConn(t, func(t scene, c *unio.Conn) {
		for range 500 {
			set := make(chan struct{})
			go func() {
				defer close(set)
				c.SetReadDeadline(time.Now())
			}()
			_, err := c.Read(make([]byte, 1))
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("Read: %v", err)
				return
			}
			unio.Offload(func() { <-set })
			if err := c.SetReadDeadline(time.Time{}); err != nil {
				t.Error(err)
			}
		}
	}, silent)
}

// A task that found the deadline passed and nothing to take looked at the deadline again, and took nothing for something
// where that had been moved meanwhile.
func TestReadDeadlineMovedWhileATaskLooksAtIt(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		for what, read := range map[string]func(*unio.Conn) error{
			"Read": func(c *unio.Conn) error { _, err := c.Read(make([]byte, 1)); return err },
			"Recv": func(c *unio.Conn) error { _, err := c.Recv(); return err },
		} {
			conns, ended := make(chan *unio.Conn, 1), make(chan any, 1)
			ln := serve(t, rt, func(c *unio.Conn) {
				defer func() { ended <- recover() }()
				conns <- c
				for err := os.ErrDeadlineExceeded; errors.Is(err, os.ErrDeadlineExceeded); {
					err = read(c)
				}
			})
			p := dialNet(t, ln)
			c := await(t, conns, "the connection")
			for i, end := 0, time.Now().Add(10*pause); time.Now().Before(end); i++ {
				c.SetReadDeadline(time.Unix(1, 0))
				for range i % 100 {
				}
				c.SetReadDeadline(time.Time{})
			}
			p.Close()
			if v := await(t, ended, "the handler to end"); v != nil {
				t.Errorf("%s: %v", what, v)
			}
		}
	})
}

func TestEmptyReadOfAClosedConnFoundNoError(t *testing.T) {
	eachConn(t, func(t scene, c *unio.Conn) {
		if n, err := c.Read(nil); n != 0 || err != nil {
			t.Errorf("open: %d, %v", n, err)
		}
		c.Close()
		_, err := c.Read(nil)
		wantIs(t, "closed", err, net.ErrClosed)
	}, func(t scene, p net.Conn) {
		io.Copy(io.Discard, p)
	})
}

// An empty Write of a goroutine found nothing wrong.
func TestEmptyWriteThatMustFail(t *testing.T) {
	eachConn(t, func(t scene, c *unio.Conn) {
		if n, err := c.Write(nil); n != 0 || err != nil {
			t.Errorf("open: %d, %v", n, err)
		}
		c.SetWriteDeadline(time.Unix(1, 0))
		_, err := c.Write(nil)
		wantTimeout(t, "after the deadline", err)
		c.SetWriteDeadline(time.Time{})
		if err := c.CloseWrite(); err != nil {
			t.Error(err)
		}
		_, err = c.Write(nil)
		wantIs(t, "after CloseWrite", err, syscall.EPIPE)
		c.Close()
		_, err = c.Write(nil)
		wantIs(t, "closed", err, net.ErrClosed)
	}, drain)
}

// TryWrite takes what Write would take without waiting, and nothing of what it would wait with.
func TestTryWriteTakesAllOrNothing(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		sent := make(chan int, 1)
		ln := serve(t, rt, func(c *unio.Conn) {
			piece := make([]byte, 1000)
			n := 0
			for range 1 << 20 {
				if !c.TryWrite(piece) {
					break
				}
				n += len(piece)
			}
			if c.TryWrite(make([]byte, 1<<20)) {
				t.Error("TryWrite took more than may be ahead of the kernel")
			}
			c.SetWriteDeadline(time.Unix(1, 0))
			if c.TryWrite(nil) {
				t.Error("TryWrite after the write deadline")
			}
			c.SetWriteDeadline(time.Time{})
			sent <- n
			c.Close()
			if c.TryWrite(piece) {
				t.Error("TryWrite after Close")
			}
			if c.Runtime() != rt {
				t.Error("the connection does not know its runtime")
			}
		})
		p := dialNet(t, ln)
		n, err := io.Copy(io.Discard, p)
		if want := await(t, sent, "the handler"); int(n) != want || want == 0 || err != nil {
			t.Errorf("%d bytes came, TryWrite took %d: %v", n, want, err)
		}
		c, err := rt.Dial(context.Background(), "tcp", ln.Addr().String(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if c.TryWrite([]byte("from a goroutine")) {
			t.Error("TryWrite from a goroutine")
		}
	})
}

// What had been sent to its last byte failed with EPIPE when CloseWrite came next.
func TestSendBesideCloseWriteHasSent(t *testing.T) {
	const pieces = 64
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		ended := make(chan error, 2)
		ln := serve(t, rt, func(c *unio.Conn) {
			c.SetWriteBuffer(1 << 14)
			var g unio.Group
			g.Go(func() error {
				var bufs []*mem.Buf
				for range pieces {
					b, err := rt.Alloc(context.Background(), 64<<10)
					if err != nil {
						return err
					}
					bufs = append(bufs, b)
				}
				ended <- c.Send(bufs...)
				return nil
			})
			g.Go(func() error { ended <- c.CloseWrite(); return nil })
			if err := g.Wait(); err != nil {
				t.Error(err)
			}
		})
		p := dialNet(t, ln)
		time.Sleep(pause)
		if n, err := io.Copy(io.Discard, p); n != pieces<<16 || err != nil {
			t.Errorf("the peer got %d bytes, %v", n, err)
		}
		for range 2 {
			if err := await(t, ended, "the handler"); err != nil {
				t.Error(err)
			}
		}
	})
}
