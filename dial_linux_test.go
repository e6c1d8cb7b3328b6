package unio_test

import (
	"context"
	"fmt"
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
