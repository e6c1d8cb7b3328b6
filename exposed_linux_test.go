package unio_test

import (
	"context"
	"io"
	"net"
	"syscall"
	"testing"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
)

// setLinger has close(2) reset, behind the back of whoever owns the socket.
func setLinger(raw syscall.RawConn) error {
	var err error
	if e := raw.Control(func(fd uintptr) {
		err = syscall.SetsockoptLinger(int(fd), syscall.SOL_SOCKET, syscall.SO_LINGER, &syscall.Linger{Onoff: 1})
	}); e != nil {
		return e
	}
	return err
}

// lingerBy sets it by what SyscallConn gives.
func lingerBy(s syscall.Conn) error {
	raw, err := s.SyscallConn()
	if err != nil {
		return err
	}
	return setLinger(raw)
}

// lingerByFile sets it by a file of the socket.
func lingerByFile(c *unio.Conn) error {
	f, err := c.File()
	if err != nil {
		return err
	}
	defer f.Close()
	return lingerBy(f)
}

// A connection whose socket nobody has had is not asked for SO_LINGER when it closes. However somebody has set it, there must be no end
// before the reset, which the peer would take for the end of all.
func TestLingerIsHeardOfHoweverItWasSet(t *testing.T) {
	control := func(_, _ string, raw syscall.RawConn) error { return setLinger(raw) }
	none := func(*unio.Conn) error { return nil }
	for _, way := range []struct {
		name     string
		listen   *unio.ListenOptions
		listener func(*unio.Listener) error
		conn     func(*unio.Conn) error
	}{
		{name: "the control of Listen", listen: &unio.ListenOptions{Control: control}, conn: none},
		{name: "the listener's raw socket", listener: func(ln *unio.Listener) error { return lingerBy(ln) }, conn: none},
		{name: "SetLinger", conn: func(c *unio.Conn) error { return c.SetLinger(0) }},
		{name: "the connection's raw socket", conn: func(c *unio.Conn) error { return lingerBy(c) }},
		{name: "a file of the connection", conn: lingerByFile},
	} {
		t.Run(way.name, func(t *testing.T) {
			uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
				ln := listen(t, rt, way.listen)
				if way.listener != nil {
					if err := way.listener(ln); err != nil {
						t.Fatal(err)
					}
				}
				go ln.Serve(func(c *unio.Conn) {
					c.Read(make([]byte, 1)) // the peer's Dial has ended
					if err := way.conn(c); err != nil {
						t.Error(err)
					}
					c.Write([]byte("all?"))
				})
				p := dialNet(t, ln)
				p.Write([]byte("x"))
				wantCut(t, p)
			})
		})
	}
	t.Run("the control of Dial", func(t *testing.T) {
		uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			c, err := rt.Dial(context.Background(), "tcp", ln.Addr().String(), &unio.DialOptions{Control: control})
			if err != nil {
				t.Fatal(err)
			}
			p, err := ln.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			c.Write([]byte("all?"))
			c.Close()
			wantCut(t, p)
		})
	})
}

// wantCut reads to a reset.
func wantCut(t *testing.T, p net.Conn) {
	t.Helper()
	_, err := io.Copy(io.Discard, p)
	wantReset(t, "the peer's read", err)
}

// What a connection's own address is without asking must be what the socket would say.
func TestLocalAddrIsTheSocketsOwn(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		for _, addr := range []string{"127.0.0.1:0", "127.0.0.7:0", "0.0.0.0:0", "[::1]:0", "[::]:0", ":0"} {
			got := make(chan [2]string, 1)
			ln, err := rt.Listen("tcp", addr, nil)
			if err != nil {
				t.Logf("this machine cannot listen on %s: %v", addr, err)
				continue
			}
			go ln.Serve(func(c *unio.Conn) {
				c.Close()
				got <- [2]string{c.LocalAddr().String(), c.RemoteAddr().String()}
			})
			_, port, _ := net.SplitHostPort(ln.Addr().String())
			host, _, _ := net.SplitHostPort(addr)
			if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
				host = "127.0.0.3"
			}
			p, err := net.Dial("tcp", net.JoinHostPort(host, port))
			if err != nil {
				t.Fatal(err)
			}
			want := [2]string{p.RemoteAddr().String(), p.LocalAddr().String()}
			if a := await(t, got, "the handler"); a != want {
				t.Errorf("listening on %s the ends are %v, want %v", addr, a, want)
			}
			p.Close()
			ln.Close()
		}
	})
}
