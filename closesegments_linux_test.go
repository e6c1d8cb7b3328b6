package unio_test

import (
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
				if n := segmentsReceived(t, c.(*net.TCPConn)); n != 2 {
					t.Errorf("%d segments, want 2", n)
				}
			})
		})
	}
}

// segmentsReceived is what a connection has received, by tcp(7) TCP_INFO.
func segmentsReceived(t *testing.T, c *net.TCPConn) (n uint32) {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	err = raw.Control(func(fd uintptr) {
		info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
		if err != nil {
			t.Error(err)
			return
		}
		n = info.Segs_in
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}
