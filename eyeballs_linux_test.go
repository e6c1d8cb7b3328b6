package unio_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
)

// nameServer answers each question for A and AAAA with the given addresses, on loopback, and gives a resolver that asks it.
func nameServer(t testing.TB, addrs ...netip.Addr) *net.Resolver {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pc.Close() })
	go func() {
		q := make([]byte, 1500)
		for {
			n, from, err := pc.ReadFrom(q)
			if err != nil {
				return
			}
			pc.WriteTo(answerTo(q[:n], addrs), from)
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", pc.LocalAddr().String())
	}}
}

// answerTo makes the answer of RFC 1035 to a question: its header and name, and a record for each address of its type.
func answerTo(q []byte, addrs []netip.Addr) []byte {
	end := 12
	for q[end] != 0 {
		end += int(q[end]) + 1
	}
	end += 5 // the root label, type and class
	kind := binary.BigEndian.Uint16(q[end-4:])
	a := slices.Clone(q[:end])
	copy(a[2:], []byte{0x84, 0x00, 0, 1, 0, 0, 0, 0, 0, 0}) // an authoritative answer to one question
	for _, addr := range addrs {
		if want := addr.Is4() && kind == 1 || addr.Is6() && kind == 28; want {
			ip := addr.AsSlice()
			a = append(a, 0xc0, 12, 0, byte(kind), 0, 1, 0, 0, 0, 60, 0, byte(len(ip)))
			a = append(a, ip...)
			a[7]++
		}
	}
	return a
}

// needIPv6 skips a test on a machine without it.
func needIPv6(t testing.TB) {
	t.Helper()
	ln, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Skip("this machine has no IPv6 on loopback:", err)
	}
	ln.Close()
}

var loopbacks = []netip.Addr{netip.MustParseAddr("::1"), netip.MustParseAddr("127.0.0.1")}

// dualPort gives a port where 127.0.0.1 is served and ::1 refuses, or, if silent, does not answer.
func dualPort(t testing.TB, rt *unio.Runtime, silent bool) string {
	t.Helper()
	ln := serve(t, rt, echo)
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	if silent {
		fillPort(t, syscall.AF_INET6, &syscall.SockaddrInet6{Addr: [16]byte{15: 1}, Port: ln.Addr().(*net.TCPAddr).Port})
	}
	return port
}

func TestDialFallsBackToTheOtherFamily(t *testing.T) {
	needIPv6(t)
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		names := nameServer(t, loopbacks...)
		refusing, silent := dualPort(t, rt, false), dualPort(t, rt, true)
		eachCaller(t, rt, func(t testing.TB) {
			for what, o := range map[string]struct {
				port  string
				delay time.Duration
			}{
				"a refusal is not waited for": {refusing, time.Hour},
				"one after the other":         {refusing, -1},
				"a head start":                {silent, time.Millisecond},
				"the default":                 {silent, 0},
			} {
				c, err := rt.Dial(t.Context(), "tcp", "two-families.test:"+o.port, &unio.DialOptions{
					Resolver: names, FallbackDelay: o.delay, Timeout: 4 * time.Second,
				})
				if err != nil {
					t.Errorf("%s: %v", what, err)
					continue
				}
				exchange(t, c)
				c.Close()
			}
		})
	})
}

// The longest delay ended before it began.
func TestDialFallbackDelayWithoutEnd(t *testing.T) {
	needIPv6(t)
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		names := nameServer(t, loopbacks...)
		c, err := rt.Dial(t.Context(), "tcp", "two-families.test:"+dualPort(t, rt, true), &unio.DialOptions{
			Resolver: names, FallbackDelay: math.MaxInt64, Timeout: 10 * pause,
		})
		wantDialTimeout(t, err)
		if err == nil {
			c.Close()
		}
	})
}

// The first of many addresses does not answer. Its share is the least that one gets, and the others have most of the time.
func TestDialGivesEachAddressAShareOfTheTime(t *testing.T) {
	needIPv6(t)
	const least = 300 * time.Millisecond // an equal share is 200
	unio.ShortShares(t, least)
	many := slices.Clone(loopbacks)
	for i := range byte(18) {
		many = append(many, netip.AddrFrom4([4]byte{127, 0, 1, i}))
	}
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		names := nameServer(t, many...)
		port := dualPort(t, rt, true)
		start := time.Now()
		c, err := rt.Dial(t.Context(), "tcp", "two-families.test:"+port, &unio.DialOptions{
			Resolver: names, FallbackDelay: -1, Timeout: 4 * time.Second,
		})
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
		if d := time.Since(start); d < least {
			t.Errorf("the first address got no more than %v", d)
		}
	})
}

func TestDialOfTwoFamiliesFails(t *testing.T) {
	needIPv6(t)
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		names := nameServer(t, loopbacks...)
		silent := dualPort(t, rt, true)
		eachCaller(t, rt, func(t testing.TB) {
			o := &unio.DialOptions{Resolver: names}
			_, err := rt.Dial(t.Context(), "tcp", "two-families.test:1", o)
			wantIs(t, "both refuse", err, syscall.ECONNREFUSED)
			if e, ok := errors.AsType[*net.OpError](err); !ok || e.Addr.String() != "[::1]:1" {
				t.Errorf("%v, want the error of the first address", err)
			}
			_, err = rt.Dial(t.Context(), "tcp6", "two-families.test:"+silent, &unio.DialOptions{
				Resolver: names, Deadline: time.Now().Add(20 * pause), // the names are to be found in that time
			})
			wantDialTimeout(t, err)
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(pause, cancel)
			_, err = rt.Dial(ctx, "tcp6", "two-families.test:"+silent, o)
			wantIs(t, "a cancelled dial", err, context.Canceled)
			_, err = rt.Dial(t.Context(), "tcp", "two-families.test:1", &unio.DialOptions{
				Resolver: names, LocalAddr: &net.UnixAddr{Name: "x", Net: "unix"},
			})
			if e, ok := errors.AsType[*net.AddrError](err); !ok {
				t.Errorf("a Unix address to dial TCP from: %v, %v", err, e)
			}
		})
	})
}

func TestDialControlHearsOfEachAttempt(t *testing.T) {
	needIPv6(t)
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		names := nameServer(t, loopbacks...)
		port := dualPort(t, rt, false)
		eachCaller(t, rt, func(t testing.TB) {
			var mu sync.Mutex
			var heard []string
			type key struct{}
			c, err := rt.Dial(context.WithValue(t.Context(), key{}, "of the caller"), "tcp", "two-families.test:"+port,
				&unio.DialOptions{
					Resolver:  names,
					KeepAlive: time.Minute,
					ControlContext: func(ctx context.Context, network, address string, raw syscall.RawConn) error {
						mu.Lock()
						defer mu.Unlock()
						heard = append(heard, fmt.Sprint(network, " ", address, " ", ctx.Value(key{})))
						return raw.Control(func(fd uintptr) {
							syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 5000)
						})
					},
				})
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			want := "tcp6 [::1]:" + port + " of the caller; tcp4 127.0.0.1:" + port + " of the caller"
			if got := strings.Join(heard, "; "); got != want {
				t.Errorf("Control heard %q, want %q", got, want)
			}
			if n := sockoptOf(t, c, syscall.SOL_SOCKET, syscall.SO_RCVBUF); n != 10000 {
				t.Errorf("SO_RCVBUF is %d, want 10000", n) // the kernel doubles it, socket(7)
			}
			if n := sockoptOf(t, c, syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE); n != 60 {
				t.Errorf("TCP_KEEPIDLE is %d, want 60", n)
			}
		})
	})
}

func sockoptOf(t testing.TB, c *unio.Conn, level, opt int) (n int) {
	t.Helper()
	var err error
	if e := rawOf(t, c).Control(func(fd uintptr) { n, err = syscall.GetsockoptInt(int(fd), level, opt) }); e != nil || err != nil {
		t.Error(e, err)
	}
	return n
}

// The second address is tried by the loop, whoever has called Dial, and a panic counts for more than the error of the first.
func TestDialControlPanicsForTheSecondAddress(t *testing.T) {
	needIPv6(t)
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		names := nameServer(t, loopbacks...)
		port := dualPort(t, rt, false)
		eachCaller(t, rt, func(t testing.TB) {
			for _, delay := range []time.Duration{-1, time.Hour} {
				func() {
					defer func() {
						if thrown := recover(); thrown != "on purpose" {
							t.Errorf("it came out as %v", thrown)
						}
					}()
					_, err := rt.Dial(t.Context(), "tcp", "two-families.test:"+port, &unio.DialOptions{
						Resolver: names, FallbackDelay: delay,
						Control: func(network, _ string, _ syscall.RawConn) error {
							if network == "tcp4" {
								panic("on purpose")
							}
							return nil
						},
					})
					t.Errorf("Dial: %v", err)
				}()
			}
		})
	})
}
