package gate_test

import (
	"context"
	"net"
	"syscall"
	"testing"
	"time"

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

// The limit of a try bounds the connection too.
func TestTryTimeBoundsTheConnection(t *testing.T) {
	addr := fullBacklog(t)
	eachEngine(t, setup{Upstreams: []string{addr}, Times: config.Times{Try: short, Connect: bound}}, func(w *world) {
		began := time.Now()
		if status := w.ask("GET", "/", 0); status != "504" {
			w.Errorf("status %s", status)
		}
		w.within(began, short)
	})
}

// These are rows of retryTable: a connection that does not come in time is one that could not be made, whatever the rule
// says of responses that do not come in time.
func TestRetriesWhenConnectingTimesOut(t *testing.T) {
	for _, row := range []struct {
		rule config.Retry
		want string
	}{
		{config.Retry{Tries: 1, Connect: true, Reset: true, Timeout: true}, "0+0 504"},
		{config.Retry{Tries: 2, Reset: true, Timeout: true}, "0+0 504"},
		{config.Retry{Tries: 2, Connect: true}, "0+1 200"},
	} {
		seen := new(seenRequests)
		testRetries(t, seen, "does not accept", row.rule, [3]string{row.want, row.want, row.want}, fullBacklog, seen.server(""))
	}
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
