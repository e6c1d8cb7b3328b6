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

// fullPort is an address that does not answer: its queue of connections to accept is full, and Linux drops what comes
// then.
func fullPort(t testing.TB) string {
	ln, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(ln) })
	if err := syscall.Bind(ln, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
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
		fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { syscall.Close(fd) })
		syscall.Connect(fd, addr)
	}
	return fmt.Sprintf("127.0.0.1:%d", addr.(*syscall.SockaddrInet4).Port)
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
