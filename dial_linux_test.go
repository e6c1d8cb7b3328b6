package unio_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
)

// fullPort is an address that does not answer.
func fullPort(t testing.TB) string {
	port := fillPort(t, syscall.AF_INET, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	return fmt.Sprintf("127.0.0.1:%d", port)
}

// fillPort listens at an address and fills the queue of connections to accept: Linux drops what comes then.
func fillPort(t testing.TB, family int, addr syscall.Sockaddr) (port int) {
	t.Helper()
	stream := func(flags int) int {
		fd, err := syscall.Socket(family, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC|flags, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { syscall.Close(fd) })
		return fd
	}
	ln := stream(0)
	if err := syscall.Bind(ln, addr); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(ln, 0); err != nil {
		t.Fatal(err)
	}
	addr, err := syscall.Getsockname(ln)
	if err != nil {
		t.Fatal(err)
	}
	for range 4 {
		syscall.Connect(stream(syscall.SOCK_NONBLOCK), addr)
	}
	switch a := addr.(type) {
	case *syscall.SockaddrInet4:
		port = a.Port
	case *syscall.SockaddrInet6:
		port = a.Port
	}
	return port
}

func TestDialIsCancelledWhileItWaits(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		addr := fullPort(t)
		eachCaller(t, rt, func(t testing.TB) {
			ctx, cancel := context.WithCancel(context.Background())
			time.AfterFunc(pause, cancel)
			_, err := rt.Dial(ctx, "tcp", addr, nil)
			wantIs(t, "a cancelled dial", err, context.Canceled)
			_, err = rt.Dial(context.Background(), "tcp", addr, &unio.DialOptions{Timeout: pause})
			wantDialTimeout(t, err)
		})
		uniotest.Idle(t, rt)
	})
}

// A local address without an IP, or with the wildcard of either family, is good for what package net takes it for. On uring
// and epoll it was only good for remotes of one family.
func TestDialFromTheWildcard(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		locals := []net.IP{nil, net.IPv4zero, net.IPv4zero.To4(), net.IPv6zero}
		for _, addr := range []string{"127.0.0.1:0", "[::1]:0"} {
			ln, err := net.Listen("tcp", addr)
			if err != nil {
				continue // this machine has no IPv6 on loopback
			}
			defer ln.Close()
			for _, network := range []string{"tcp", "tcp4", "tcp6"} {
				for _, ip := range locals {
					wantDialAsNet(t, rt, network, ln.Addr().String(), &net.TCPAddr{IP: ip})
				}
			}
		}
	})
}

// On uring and epoll the connection came from another port, of which the number had the last 16 bits.
func TestDialFromAPortThatThereIsNot(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		ln := serve(t, rt, echo)
		for _, port := range []int{-1, 1<<16 + 40_000} {
			c, err := rt.Dial(t.Context(), "tcp", ln.Addr().String(), &unio.DialOptions{LocalAddr: &net.TCPAddr{Port: port}})
			if err == nil {
				t.Errorf("from port %d: connected from %v", port, c.LocalAddr())
				c.Close()
				continue
			}
			wantIs(t, fmt.Sprintf("from port %d", port), err, syscall.EINVAL)
		}
	})
}

// The failure: on std every call that a dial makes was named connect.
func TestDialNamesTheCallThatFailed(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		ln := serve(t, rt, echo)
		nobodys := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1)} // RFC 5737
		for _, d := range []struct {
			local net.Addr
			addr  string
			want  string
		}{
			{nobodys, ln.Addr().String(), "bind"},
			{nil, "127.0.0.1:1", "connect"},
		} {
			_, err := rt.Dial(t.Context(), "tcp", d.addr, &unio.DialOptions{LocalAddr: d.local})
			if call, ok := errors.AsType[*os.SyscallError](err); !ok || call.Syscall != d.want {
				t.Errorf("from %v to %s: %v, want an error of %s", d.local, d.addr, err, d.want)
			}
		}
	})
}

// Whoever chooses the port that he dials wants to be connected to himself.
func TestDialFromTheDialledAddress(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		var c *unio.Conn
		err := error(syscall.EADDRINUSE)
		for tries := 0; tries < 20 && errors.Is(err, syscall.EADDRINUSE); tries++ { // somebody else may have got the port
			ln := listen(t, rt, nil)
			ln.Close()
			c, err = rt.Dial(t.Context(), "tcp", ln.Addr().String(), &unio.DialOptions{LocalAddr: ln.Addr()})
		}
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.SetLinger(0)
		exchange(t, c)
	})
}

// An abstract name begins with a zero byte, which package net also takes as it is and not only as @.
func TestDialAbstractNameWithItsZeroByte(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		name := fmt.Sprintf("\x00unio-%d-%s", os.Getpid(), rt.Report().Engine)
		ln, err := rt.Listen("unix", name, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		go ln.Serve(echo)
		for _, written := range []string{name, "@" + name[1:]} {
			c, err := rt.Dial(t.Context(), "unix", written, nil)
			if err != nil {
				t.Errorf("%q: %v", written, err)
				continue
			}
			exchange(t, c)
			c.Close()
		}
	})
}

// The end of the context was forgotten when it came while a task held the loop.
func TestDialHeedsAContextThatEndsWhileItsLoopIsHeld(t *testing.T) {
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1, StallLimit: 50 * time.Millisecond}, func(t *testing.T, rt *unio.Runtime) {
		port := fillPort(t, syscall.AF_INET, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		failed := make(chan error, 1)
		rt.Go(func() {
			c, err := rt.Dial(ctx, "tcp", (&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}).String(), nil)
			if err == nil {
				c.Close()
			}
			failed <- err
		})
		until(t, "the connect is under way", func() bool { return len(rt.Inflight()) > 0 })
		rt.Go(func() {
			cancel()
			time.Sleep(300 * time.Millisecond)
		})
		wantIs(t, "Dial", await(t, failed, "Dial"), context.Canceled) // by itself it would go on for minutes
	})
}

// The failure, under the race detector: who had been withdrawn read what the loop wrote of his attempts when it was given back.
func TestDialThatIsWithdrawnLeavesItsAttemptsAlone(t *testing.T) {
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1, StallLimit: 50 * time.Millisecond}, func(t *testing.T, rt *unio.Runtime) {
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for range 20 {
					if _, err := rt.Dial(t.Context(), "tcp", "127.0.0.1:1", nil); errors.Is(err, unio.ErrStalled) {
						return
					}
				}
			})
		}
		refuse := errors.New("refused by Control")
		_, err := rt.Dial(t.Context(), "tcp", "127.0.0.1:1", &unio.DialOptions{
			Control: func(string, string, syscall.RawConn) error {
				time.Sleep(300 * time.Millisecond) // which holds the loop of all of them
				return refuse
			},
		})
		if !errors.Is(err, unio.ErrStalled) && !errors.Is(err, refuse) {
			t.Errorf("Dial whose Control holds the loop: %v", err)
		}
		all.Wait()
		uniotest.Idle(t, rt)
	})
}

// The failure: who had been withdrawn from a loop that was held left a descriptor there, until the kernel gave the address up.
func TestDialThatIsWithdrawnEndsItsAttempts(t *testing.T) {
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1, StallLimit: 50 * time.Millisecond}, func(t *testing.T, rt *unio.Runtime) {
		if rt.Report().Engine == unio.Std {
			return // whose Control holds no loop
		}
		port := fillPort(t, syscall.AF_INET, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
		connects := func() (n int) {
			for _, o := range rt.Inflight() {
				if o.Op == "connect" {
					n++
				}
			}
			return n
		}
		failed := make(chan error, 1)
		go func() {
			_, err := rt.Dial(t.Context(), "tcp", (&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}).String(), nil)
			failed <- err
		}()
		until(t, "the connect is under way", func() bool { return connects() == 1 })
		_, err := rt.Dial(t.Context(), "tcp", "127.0.0.1:1", &unio.DialOptions{
			Control: func(string, string, syscall.RawConn) error { // which holds the loop until the other has left
				select {
				case err := <-failed:
					wantIs(t, "Dial", err, unio.ErrStalled)
				case <-time.After(bound):
					t.Error("a Dial whose loop is held does not end")
				}
				return errors.New("refused by Control")
			},
		})
		if err == nil {
			t.Error("a Dial that Control refused has succeeded")
		}
		until(t, "the connect is over", func() bool { return connects() == 0 })
	})
}
