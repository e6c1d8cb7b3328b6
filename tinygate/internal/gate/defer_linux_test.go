package gate_test

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/unio-go/unio/tinygate/internal/config"
)

// Who speaks at once is served, and who is silent for longer than the kernel waits too. A reload switches it.
func TestDeferAccept(t *testing.T) {
	eachEngineAtOnce(t, setup{Change: func(cfg *config.Config) { cfg.Listeners[0].DeferAccept = true }}, func(w *world) {
		if !deferred(w.T, w.g.Addrs()[0]) {
			w.Error("the kernel was not asked to wait")
		}
		late := w.dial()
		if status := w.ask("GET", "/", 0); status != "200" {
			w.Errorf("status %s", status)
		}
		time.Sleep(1500 * time.Millisecond) // a second, and what its timer may be late
		late.send(getRoot)
		late.wantStatus("200")
		for _, on := range []bool{false, true} {
			cfg := *w.g.Config()
			l := *cfg.Listeners[0]
			l.DeferAccept = on
			cfg.Listeners = []*config.Listener{&l}
			w.reload(&cfg)
			if got := deferred(w.T, w.g.Addrs()[0]); got != on {
				w.Errorf("after a reload to %v: %v", on, got)
			}
			if status := w.ask("GET", "/", 0); status != "200" {
				w.Errorf("status %s", status)
			}
		}
	}, echo)
}

// deferred looks for the listening socket of an address among the descriptors of the process, and asks it.
func deferred(t *testing.T, addr net.Addr) bool {
	fds, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range fds {
		fd, err := strconv.Atoi(filepath.Base(path))
		if err != nil {
			t.Fatal(err)
		}
		if target, _ := os.Readlink(path); len(target) < 7 || target[:7] != "socket:" {
			continue
		}
		listens, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_ACCEPTCONN)
		if err != nil || listens == 0 {
			continue
		}
		name, err := syscall.Getsockname(fd)
		if a, ok := name.(*syscall.SockaddrInet4); err != nil || !ok || a.Port != addr.(*net.TCPAddr).Port {
			continue
		}
		seconds, err := syscall.GetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_DEFER_ACCEPT)
		if err != nil {
			t.Fatal(err)
		}
		return seconds > 0
	}
	t.Fatalf("no socket listens on %v", addr)
	return false
}
