package unio_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
)

// writeMuch writes n bytes in large pieces, after which goroutines have the lease for sending where there are such.
func writeMuch(t testing.TB, c *unio.Conn, peer net.Conn, n int) {
	t.Helper()
	read := make(chan error, 1)
	go func() {
		got := make([]byte, n)
		_, err := io.ReadFull(peer, got)
		read <- errors.Join(err, newStream(2).check(got))
	}()
	s, p := newStream(2), make([]byte, 64<<10)
	for range n / len(p) {
		if _, err := c.Write(s.next(p)); err != nil {
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
				for began := time.Now(); !ok && time.Since(began) < bound; release, ok = c.UseSendLease() {
					unio.Sleep(time.Millisecond) // the loop may still have what was written last
				}
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
