package gate_test

import (
	"context"
	"net"
	"syscall"
	"testing"

	"github.com/unio-go/unio/tinygate/internal/config"
)

// A backlog that is full makes the kernel drop what comes, as an upstream behind a silent firewall does.
func TestConnectTimesOut(t *testing.T) {
	addr := fullBacklog(t)
	eachEngine(t, setup{Upstreams: []string{addr}, Times: config.Times{Connect: short}}, func(w *world) {
		c := w.dial()
		c.send(getRoot)
		c.wantStatus("504")
		w.wantLog("status=504", addr)
	})
}

// fullBacklog listens without accepting, and fills the queue.
func fullBacklog(t *testing.T) string {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	sa, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	addr := (&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: sa.(*syscall.SockaddrInet4).Port}).String()
	for range 10 {
		c, err := (&net.Dialer{Timeout: short}).DialContext(context.Background(), "tcp", addr)
		if err != nil {
			return addr
		}
		t.Cleanup(func() { c.Close() })
	}
	t.Skip("lacks: a kernel that drops connections beyond the backlog")
	return ""
}
