package unio_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
)

// deaf is the address of a listener whose queue is full: the kernel answers no further connection, listen(2).
func deaf(t *testing.T) string {
	t.Helper()
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
	addr := fmt.Sprintf("127.0.0.1:%d", sa.(*syscall.SockaddrInet4).Port)
	for range 8 {
		c, err := net.DialTimeout("tcp", addr, 40*pause)
		if err != nil {
			return addr
		}
		t.Cleanup(func() { c.Close() })
	}
	t.Fatal("the queue of a listener is not full")
	return ""
}

func TestInflightConnect(t *testing.T) {
	addr := deaf(t)
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		ended := make(chan error, 2)
		dial := func() {
			_, err := rt.Dial(ctx, "tcp", addr, nil)
			ended <- err
		}
		rt.Go(dial)
		go dial()
		var all []unio.Operation
		until(t, "both are listed", func() bool { all = rt.Inflight(); return len(all) == 2 })
		for _, o := range all {
			if o.Op != "connect" || o.Addr.String() != addr {
				t.Errorf("%+v", o)
			}
			if unio.KnowsOwners != strings.Contains(o.Owner, "TestInflightConnect") {
				t.Errorf("owner %q", o.Owner)
			}
		}
		if all[0].Loop == all[1].Loop {
			t.Errorf("a task's and a goroutine's are on loop %d", all[0].Loop)
		}
		wantIdentity(t, rt, all[:1]...) // the engine of the other may be another
		cancel()
		for range 2 {
			if err := await(t, ended, "Dial"); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		}
		if all := rt.Inflight(); len(all) != 0 {
			t.Errorf("in the end: %+v", all)
		}
	})
}

// On epoll the id of an operation is the data of its descriptor that the kernel shows, proc_pid_fdinfo(5).
func TestInflightIDIsTheKernelsOnEpoll(t *testing.T) {
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		if rt.Report().Engine != unio.Epoll {
			return
		}
		ln := serve(t, rt, echo)
		exchange(t, dialNet(t, ln))
		recv := find(t, rt, "recv", is("recv"))
		want := fmt.Sprintf("tfd: %8d events:", recv.FD)
		files, err := filepath.Glob("/proc/self/fdinfo/*")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			info, _ := os.ReadFile(name)
			for line := range strings.Lines(string(info)) {
				if strings.HasPrefix(line, want) && strings.Contains(line, fmt.Sprintf("data: %16x ", recv.ID)) {
					return
				}
			}
		}
		t.Errorf("no epoll has descriptor %d with data %x", recv.FD, recv.ID)
	})
}
