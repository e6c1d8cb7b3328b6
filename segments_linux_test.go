package unio_test

import (
	"errors"
	"io"
	"net"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
)

// What is written before Close or CloseWrite and the end of the stream are one segment, and not two: the peer gets that and the
// answer to its SYN. The engine std is left out, which has no say in it.
func TestLastBytesAndTheEndAreOneSegment(t *testing.T) {
	for name, end := range map[string]func(*unio.Conn) error{
		"Close":      (*unio.Conn).Close,
		"CloseWrite": (*unio.Conn).CloseWrite,
	} {
		t.Run(name, func(t *testing.T) {
			uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
				if rt.Report().Engine == unio.Std {
					return
				}
				ln := listen(t, rt, nil)
				go ln.Serve(func(c *unio.Conn) {
					c.Write([]byte("hello"))
					if err := end(c); err != nil {
						t.Errorf("%s: %v", name, err)
					}
					io.Copy(io.Discard, c)
				})
				c, err := net.Dial("tcp", ln.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				if got, err := io.ReadAll(c); string(got) != "hello" || err != nil {
					t.Fatalf("read %q, %v", got, err)
				}
				if n := tcpInfo(t, c.(*net.TCPConn)).Segs_in; n != 2 {
					t.Errorf("%d segments, want 2", n)
				}
			})
		})
	}
}

// A large record and the small one behind it, as crypto/tls writes them, are one segment: sent one by one they cost a third more.
func TestAMessageInTwoWritesIsOneSegment(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		if rt.Report().Engine == unio.Std {
			return
		}
		ln := listen(t, rt, nil)
		go ln.Serve(func(c *unio.Conn) {
			large, small, request := make([]byte, 17<<10), make([]byte, 100), make([]byte, 1)
			for {
				if _, err := c.Read(request); err != nil {
					return
				}
				c.Write(large)
				c.Write(small)
			}
		})
		c := dialNet(t, ln)
		answer := make([]byte, 17<<10+100)
		for n := uint32(1); n <= 3; n++ {
			if _, err := c.Write([]byte("?")); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(c, answer); err != nil {
				t.Fatal(err)
			}
			if got := tcpInfo(t, c.(*net.TCPConn)).Data_segs_in; got != n {
				t.Fatalf("%d answers took %d segments", n, got)
			}
		}
	})
}

// tcpInfo is tcp(7) TCP_INFO.
func tcpInfo(t *testing.T, c *net.TCPConn) (info *unix.TCPInfo) {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	cannot := raw.Control(func(fd uintptr) { info, err = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO) })
	if err := errors.Join(cannot, err); err != nil {
		t.Fatal(err)
	}
	return info
}
