//go:build !race && !uniodebug

package unio_test

import (
	"net"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
)

// connectionObjects is what a connection makes that asks for its addresses and answers once: its Conn, the engine's descriptor and
// the addresses. What waits for the first byte is used again, and the operation of its receive closes it.
const connectionObjects = 3

// A server that gets a connection for each request makes few objects for it. The engine std is left out, which makes those of
// package net as well.
func TestAConnectionMakesFewObjects(t *testing.T) {
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		if rt.Report().Engine == unio.Std {
			return
		}
		ln := listen(t, rt, &unio.ListenOptions{OnFirstByte: true})
		go ln.Serve(func(c *unio.Conn) {
			if b, err := c.Recv(); err == nil && c.RemoteAddr() != nil {
				c.Send(b)
			}
		})
		to := &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: ln.Addr().(*net.TCPAddr).Port}
		p := make([]byte, 16)
		once := func() {
			fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer unix.Close(fd)
			if err := unix.Connect(fd, to); err != nil {
				t.Fatal(err)
			}
			unix.Write(fd, p)
			for n := len(p); n > 0; {
				n, err = unix.Read(fd, p) // the echo, and then the end
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		least := 100.0
		for range 10 { // other goroutines allocate too, now and then
			if least = min(least, testing.AllocsPerRun(100, once)); least <= connectionObjects {
				return
			}
		}
		t.Errorf("a connection makes %v objects, want %v", least, connectionObjects)
	})
}
