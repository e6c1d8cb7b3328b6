package unio_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
)

func rawOf(t testing.TB, c *unio.Conn) syscall.RawConn {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// rawRead reads up to n bytes by read(2), waiting for them if told so.
func rawRead(raw syscall.RawConn, n int, wait bool) (p []byte, err error) {
	p = make([]byte, n)
	var errno error
	err = raw.Read(func(fd uintptr) bool {
		n, errno = syscall.Read(int(fd), p)
		return errno != syscall.EAGAIN || !wait
	})
	return p[:max(n, 0)], errors.Join(err, errno)
}

func TestRawControlSetsTheConnectionsOptions(t *testing.T) {
	eachConnOver(t, []string{"tcp"}, func(t scene, c *unio.Conn) {
		raw := rawOf(t, c)
		var on int
		err := raw.Control(func(fd uintptr) {
			on, _ = syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_NODELAY)
		})
		if err != nil || on == 0 {
			t.Errorf("TCP_NODELAY is %d, %v", on, err)
		}
		c.SetNoDelay(false)
		raw.Control(func(fd uintptr) {
			on, _ = syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_NODELAY)
		})
		if on != 0 {
			t.Error("SetNoDelay(false) left TCP_NODELAY on")
		}
		c.Close()
		wantIs(t, "Control after Close", raw.Control(func(uintptr) {}), net.ErrClosed)
		_, err = c.SyscallConn()
		wantIs(t, "SyscallConn after Close", err, net.ErrClosed)
	}, func(t scene, p net.Conn) { p.Read(make([]byte, 1)) })
}

// Drivers of databases look for the peer's end this way before they use a connection again.
func TestRawReadOfAConnectionThatWasReadFrom(t *testing.T) {
	eachConn(t, func(t scene, c *unio.Conn) {
		p := make([]byte, 5)
		if _, err := io.ReadFull(c, p); err != nil {
			t.Error(err)
			return
		}
		raw := rawOf(t, c)
		if p, err := rawRead(raw, 1, false); !errors.Is(err, syscall.EAGAIN) {
			t.Errorf("with nothing there: %q, %v", p, err)
		}
		c.Write([]byte("go on"))
		if p, err := rawRead(raw, 16, true); string(p) != "second" || err != nil {
			t.Errorf("waiting for data: %q, %v", p, err)
		}
		c.Write([]byte("go on"))
		if _, err := io.ReadFull(c, p); err != nil || string(p) != "third" {
			t.Errorf("Read after a raw Read: %q, %v", p, err)
		}
		c.Write([]byte("go on"))
		if p, err := rawRead(raw, 1, true); len(p) != 0 || err != nil {
			t.Errorf("at the end: %q, %v", p, err)
		}
	}, func(t scene, p net.Conn) {
		for _, s := range []string{"first", "second", "third"} {
			p.Write([]byte(s))
			if _, err := io.ReadFull(p, make([]byte, 5)); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestRawReadBesideWhatWasReceived(t *testing.T) {
	eachConn(t, func(t scene, c *unio.Conn) {
		if _, err := io.ReadFull(c, make([]byte, 2)); err != nil {
			t.Error(err)
			return
		}
		if p, err := rawRead(rawOf(t, c), 16, true); err == nil && string(p) != "cdef" {
			t.Errorf("read %q out of the middle of the stream", p)
		} else if err == nil {
			return // it was not received yet
		}
		p := make([]byte, 4)
		if _, err := io.ReadFull(c, p); err != nil || string(p) != "cdef" {
			t.Errorf("Read after the refusal: %q, %v", p, err)
		}
	}, func(t scene, p net.Conn) {
		p.Write([]byte("abcdef"))
		p.Read(make([]byte, 1))
	})
}

func TestRawWriteComesAfterWrite(t *testing.T) {
	const before = 1 << 18
	eachConn(t, func(t scene, c *unio.Conn) {
		c.SetWriteBuffer(1 << 14)
		raw := rawOf(t, c)
		c.Write(make([]byte, before))
		err := raw.Write(func(fd uintptr) bool {
			_, err := syscall.Write(int(fd), []byte("x"))
			return err != syscall.EAGAIN
		})
		if err != nil {
			t.Error(err)
		}
		if n, err := c.Write(make([]byte, before)); err != nil {
			t.Errorf("Write after a raw Write: %d, %v", n, err)
		}
	}, func(t scene, p net.Conn) {
		all, err := io.ReadAll(p)
		if err != nil || len(all) != 2*before+1 || all[before] != 'x' {
			t.Errorf("%d bytes, %v", len(all), err)
		}
	})
}

func TestRawCallsEndWithTheDeadlineAndTheConnection(t *testing.T) {
	eachConn(t, func(t scene, c *unio.Conn) {
		raw := rawOf(t, c)
		c.SetReadDeadline(time.Now().Add(pause))
		_, err := rawRead(raw, 1, true)
		wantIs(t, "after the deadline", err, os.ErrDeadlineExceeded)
		c.SetReadDeadline(time.Time{})
		time.AfterFunc(pause, func() { c.Close() })
		_, err = rawRead(raw, 1, true)
		wantIs(t, "after Close", err, net.ErrClosed)
	}, func(t scene, p net.Conn) { p.Read(make([]byte, 1)) })
}

func TestFileIsAnotherEndOfTheSocket(t *testing.T) {
	eachConn(t, func(t scene, c *unio.Conn) {
		f, err := c.File()
		if err != nil {
			t.Error(err)
			return
		}
		c.Close()
		unio.Offload(func() {
			f.Write([]byte("by the file"))
			f.Close()
		})
		_, err = c.File()
		wantIs(t, "File after Close", err, net.ErrClosed)
	}, func(t scene, p net.Conn) {
		if all, err := io.ReadAll(p); string(all) != "by the file" || err != nil {
			t.Errorf("%q, %v", all, err)
		}
	})
}

// probing tells whether and after how long an idle peer is probed.
func probing(t testing.TB, c *unio.Conn) string {
	if sockoptOf(t, c, syscall.SOL_SOCKET, syscall.SO_KEEPALIVE) == 0 {
		return "off"
	}
	return fmt.Sprintf("on %v", time.Duration(sockoptOf(t, c, syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE))*time.Second)
}

func TestListenerSaysHowIdlePeersAreProbed(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		for idle, want := range map[time.Duration]string{0: "on 15s", time.Minute: "on 1m0s", -1: "off"} {
			ln := listen(t, rt, &unio.ListenOptions{KeepAlive: idle})
			dialNet(t, ln)
			c, err := ln.AcceptConn()
			if err != nil {
				t.Fatal(err)
			}
			if got := probing(t, c); got != want {
				t.Errorf("KeepAlive: %v: probes are %s, want %s", idle, got, want)
			}
			c.Close()
			ln.Close()
		}
	})
}

// Linux refuses what is longer than 32767 s. Listen failed with that, and left the socket behind.
func TestListenerWithALongerIdleTimeThanTheKernelTakes(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		ln := listen(t, rt, &unio.ListenOptions{KeepAlive: 24 * time.Hour})
		dialNet(t, ln)
		c, err := ln.AcceptConn()
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if got := probing(t, c); got == "off" {
			t.Error("the connection is not probed at all")
		}
	})
}

// Waiting in a coroutine that a task made would keep the loop from all others.
func TestRawCallsInACoroutineAreRefused(t *testing.T) {
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		conns := make(chan *unio.Conn, 1)
		ln := serve(t, rt, func(c *unio.Conn) { c.Keep(); conns <- c })
		dialNet(t, ln)
		c := await(t, conns, "a connection")
		defer c.Close()
		raw := rawOf(t, c)
		c.SetDeadline(time.Now().Add(100 * pause)) // of what waits all the same
		asCoroutine(t, rt, func() {
			never := func(uintptr) bool { return false }
			wantIs(t, "Read in a coroutine", raw.Read(never), unio.ErrCoroutine)
			wantIs(t, "Write in a coroutine", raw.Write(never), unio.ErrCoroutine)
		})
	})
}

// A Read that had ended by its deadline passed for one that waits.
func TestRawReadAfterAReadThatTimedOut(t *testing.T) {
	eachConn(t, func(t scene, c *unio.Conn) {
		c.SetReadDeadline(time.Now().Add(pause))
		_, err := c.Read(make([]byte, 1))
		wantIs(t, "Read", err, os.ErrDeadlineExceeded)
		c.SetReadDeadline(time.Time{})
		raw := rawOf(t, c)
		if p, err := rawRead(raw, 1, false); !errors.Is(err, syscall.EAGAIN) {
			t.Errorf("with nothing there: %q, %v", p, err)
		}
		c.Write([]byte("go on"))
		if p, err := rawRead(raw, 16, true); string(p) != "raw" || err != nil {
			t.Errorf("waiting for data: %q, %v", p, err)
		}
		c.Write([]byte("go on"))
		p := make([]byte, 3)
		if _, err := io.ReadFull(c, p); err != nil || string(p) != "own" {
			t.Errorf("Read after a raw Read: %q, %v", p, err)
		}
	}, func(t scene, p net.Conn) {
		for _, s := range []string{"raw", "own"} {
			if _, err := io.ReadFull(p, make([]byte, 5)); err != nil {
				t.Error(err)
			}
			p.Write([]byte(s))
		}
	})
}
