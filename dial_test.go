package unio_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
)

// eachCaller runs fn as a task and as a goroutine, and waits.
func eachCaller(t *testing.T, rt *unio.Runtime, fn func(t testing.TB)) {
	t.Helper()
	t.Run("task", func(t *testing.T) {
		done := make(chan struct{})
		rt.Go(func() { defer close(done); fn(t) })
		await(t, done, "the task")
	})
	t.Run("goroutine", func(t *testing.T) {
		done := make(chan struct{})
		go func() { defer close(done); fn(t) }()
		await(t, done, "the goroutine")
	})
}

func TestDialRefused(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		const addr = "127.0.0.1:1" // a port that the kernel gives to nobody who does not ask for it
		eachCaller(t, rt, func(t testing.TB) {
			_, err := rt.Dial(context.Background(), "tcp", addr, nil)
			e, ok := errors.AsType[*net.OpError](err)
			if !ok || e.Op != "dial" || e.Net != "tcp" || e.Addr == nil || e.Addr.String() != addr {
				t.Errorf("%#v", err)
			}
			if !errors.Is(err, syscall.ECONNREFUSED) && !errors.Is(err, syscall.Errno(10061)) { // WSAECONNREFUSED
				t.Errorf("%v", err)
			}
			if _, err := rt.Dial(context.Background(), "unix", "/no/such/folder/s", nil); err == nil {
				t.Error("no error for a path that is not there")
			}
		})
	})
}

func TestDialWrongAddresses(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		eachCaller(t, rt, func(t testing.TB) {
			for _, a := range [][2]string{
				{"udp", "127.0.0.1:1"}, {"tcp", "127.0.0.1"}, {"tcp", "127.0.0.1:nosuchservice"},
				{"tcp", "127.0.0.1:70000"}, {"tcp4", "[::1]:1"}, {"tcp6", "127.0.0.1:1"},
			} {
				c, err := rt.Dial(context.Background(), a[0], a[1], nil)
				if err == nil {
					c.Close()
					t.Errorf("%s %s: no error", a[0], a[1])
				} else if _, ok := errors.AsType[*net.OpError](err); !ok {
					t.Errorf("%s %s: %v is no *net.OpError", a[0], a[1], err)
				} else if errors.Is(err, syscall.ECONNREFUSED) {
					t.Errorf("%s %s: it was tried: %v", a[0], a[1], err)
				}
			}
		})
	})
}

// An address that no socket is needed for to refuse it has the error of package net.
func TestDialRefusesAnAddressAsPackageNetDoes(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		eachCaller(t, rt, func(t testing.TB) {
			for _, a := range [][2]string{
				{"tcp", ""}, {"tcp4", ""}, {"unix", ""}, {"tcp4", "[::1]:1"}, {"tcp6", "127.0.0.1:1"}, {"tcp4", "[fe80::1%lo]:1"},
				{"tcp6", "[::ffff:127.0.0.1]:1"},
			} {
				_, err := rt.Dial(t.Context(), a[0], a[1], nil)
				c, want := net.Dial(a[0], a[1])
				if want == nil {
					c.Close()
				}
				if fmt.Sprint(err) != fmt.Sprint(want) {
					t.Errorf("%s %q: %v, want %v", a[0], a[1], err, want)
				}
			}
		})
	})
}

func TestDialByName(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		ln := serve(t, rt, echo)
		_, port, _ := net.SplitHostPort(ln.Addr().String())
		eachCaller(t, rt, func(t testing.TB) {
			for _, host := range []string{"localhost", ""} {
				c, err := rt.DialContext(context.Background(), "tcp", net.JoinHostPort(host, port))
				if err != nil {
					t.Fatal(err)
				}
				exchange(t, c)
				c.Close()
			}
		})
	})
}

// Without a host, or with a wildcard, it is this machine, by the addresses that package net takes.
func TestDialWithoutAHost(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		for _, at := range []string{"127.0.0.1", "::1"} {
			ln, err := net.Listen("tcp", net.JoinHostPort(at, "0"))
			if err != nil {
				continue // this machine has no IPv6 on loopback
			}
			defer ln.Close()
			_, port, _ := net.SplitHostPort(ln.Addr().String())
			for _, network := range []string{"tcp", "tcp4", "tcp6"} {
				for _, host := range []string{"", "::", "0.0.0.0"} {
					for _, local := range []net.Addr{nil, &net.TCPAddr{IP: net.ParseIP(at)}} {
						wantDialAsNet(t, rt, network, net.JoinHostPort(host, port), local)
					}
				}
			}
		}
	})
}

// wantDialAsNet dials as package net does, and wants to be connected to the same address, or to be as little.
func wantDialAsNet(t *testing.T, rt *unio.Runtime, network, addr string, local net.Addr) {
	t.Helper()
	d := net.Dialer{LocalAddr: local}
	p, want := d.Dial(network, addr)
	c, err := rt.Dial(context.Background(), network, addr, &unio.DialOptions{LocalAddr: local})
	switch {
	case (err == nil) != (want == nil):
		t.Errorf("%s %s from %v: %v; package net: %v", network, addr, local, err, want)
	case err == nil && c.RemoteAddr().String() != p.RemoteAddr().String():
		t.Errorf("%s %s from %v: connected to %v; package net: to %v", network, addr, local, c.RemoteAddr(), p.RemoteAddr())
	}
	if err == nil {
		c.Close()
	}
	if want == nil {
		p.Close()
	}
}

func TestDialOptions(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		ln := serve(t, rt, echo)
		eachCaller(t, rt, func(t testing.TB) {
			refuse := errors.New("refused by Control")
			_, err := rt.Dial(context.Background(), "tcp", ln.Addr().String(), &unio.DialOptions{
				Control: func(string, string, syscall.RawConn) error { return refuse },
			})
			wantIs(t, "Control", err, refuse)
			c, err := rt.Dial(context.Background(), "tcp", ln.Addr().String(), &unio.DialOptions{
				LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}, Timeout: bound,
			})
			if err != nil {
				t.Fatal(err)
			}
			exchange(t, c)
			c.Close()
		})
	})
}

// A nil pointer is no local address. It ended the program, on the goroutine of the loop.
func TestDialFromANilAddress(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		path := freshAddr(t, "unix")
		unixLn, err := rt.Listen("unix", path, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer unixLn.Close()
		go unixLn.Serve(echo)
		tcpLn := serve(t, rt, echo)
		eachCaller(t, rt, func(t testing.TB) {
			for _, d := range []struct {
				to, local net.Addr
			}{
				{tcpLn.Addr(), (*net.TCPAddr)(nil)}, {unixLn.Addr(), (*net.UnixAddr)(nil)}, {unixLn.Addr(), &net.UnixAddr{}},
			} {
				c, err := rt.Dial(context.Background(), d.to.Network(), d.to.String(), &unio.DialOptions{LocalAddr: d.local})
				if err != nil {
					t.Errorf("%T: %v", d.local, err)
					continue
				}
				exchange(t, c)
				if u, ok := c.LocalAddr().(*net.UnixAddr); ok && u.Name != "@" {
					t.Errorf("%T %v: the socket has got the name %q", d.local, d.local, u.Name)
				}
				c.Close()
			}
		})
	})
}

// A Control function that panicked, or called runtime.Goexit, did so on the goroutine of the loop, and took it along.
func TestDialControlThatDoesNotReturn(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		ln := serve(t, rt, echo)
		dial := func(control func()) (thrown any, err error) {
			defer func() { thrown = recover() }()
			c, err := rt.Dial(context.Background(), "tcp", ln.Addr().String(), &unio.DialOptions{
				Control: func(string, string, syscall.RawConn) error { control(); return nil },
			})
			if err == nil {
				exchange(t, c)
				c.Close()
			}
			return nil, err
		}
		eachCaller(t, rt, func(t testing.TB) {
			if thrown, _ := dial(func() { panic("on purpose") }); thrown != "on purpose" {
				t.Errorf("a panic in Control came out as %v", thrown)
			}
			if thrown, err := dial(runtime.Goexit); thrown != nil || err == nil || !strings.Contains(err.Error(), "Goexit") {
				t.Errorf("Goexit in Control: %v, %v", thrown, err)
			}
			if thrown, err := dial(func() {}); thrown != nil || err != nil {
				t.Errorf("the Dial after it: %v, %v", thrown, err)
			}
		})
		ln.Close()
		uniotest.Idle(t, rt)
	})
}

func TestDialWithAnEndedContext(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		ln := serve(t, rt, echo)
		eachCaller(t, rt, func(t testing.TB) {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			_, err := rt.Dial(ctx, "tcp", ln.Addr().String(), nil)
			wantIs(t, "a cancelled context", err, context.Canceled)
			ctx, cancel = context.WithTimeout(context.Background(), -time.Second)
			defer cancel()
			_, err = rt.Dial(ctx, "tcp", ln.Addr().String(), nil)
			wantDialTimeout(t, err)
		})
	})
}

func wantDialTimeout(t testing.TB, err error) {
	t.Helper()
	wantIs(t, "a context that has timed out", err, context.DeadlineExceeded)
	wantIs(t, "a context that has timed out", err, os.ErrDeadlineExceeded)
	if ne, ok := errors.AsType[net.Error](err); !ok || !ne.Timeout() {
		t.Errorf("%v is no timeout", err)
	}
}

func TestCanceledDialHadAnotherTextThanPackageNets(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		ln := serve(t, rt, echo)
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_, got := rt.Dial(ctx, "tcp", ln.Addr().String(), nil)
		_, want := new(net.Dialer).DialContext(ctx, "tcp", ln.Addr().String())
		wantIs(t, "a cancelled context", got, context.Canceled)
		if got == nil || got.Error() != want.Error() {
			t.Errorf("the error is %q, package net's %q", got, want)
		}
	})
}

// A name was looked up first, which takes its time, and what came of that was told.
func TestDialOfAClosedRuntimeLooksNothingUp(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		rt.Close()
		_, err := rt.Dial(context.Background(), "tcp", "127.0.0.1:nosuchservice", nil)
		wantIs(t, "Dial", err, net.ErrClosed)
	})
}
