package unio_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
)

// wantNoDescriptors looks at what another process has open: no socket, no ring, no epoll.
func wantNoDescriptors(t testing.TB, pid int) {
	t.Helper()
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	exe := fmt.Sprintf("/proc/%d/exe", pid)
	until(t, "the program has begun", func() bool {
		name, err := os.Readlink(exe)
		return err == nil && name != mustReadlink(t, "/proc/self/exe")
	})
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		to, _ := os.Readlink(filepath.Join(dir, e.Name()))
		if strings.HasPrefix(to, "socket:") || strings.HasPrefix(to, "anon_inode:") {
			t.Errorf("the program has inherited %s -> %s", e.Name(), to)
		}
	}
}

func mustReadlink(t testing.TB, name string) string {
	to, err := os.Readlink(name)
	if err != nil {
		t.Fatal(err)
	}
	return to
}

// SIGURG is how the Go runtime preempts; each one may end a wait in the kernel early.
func TestSignalsLoseNothing(t *testing.T) {
	total := scale(16<<20, 4<<20)
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		ln := serve(t, rt, echo)
		stop := make(chan struct{})
		var storm sync.WaitGroup
		storm.Go(func() {
			for pid := syscall.Getpid(); ; runtime.Gosched() {
				select {
				case <-stop:
					return
				default:
					for _, tid := range threads() {
						syscall.Tgkill(pid, tid, syscall.SIGURG)
					}
					time.Sleep(50 * time.Microsecond)
				}
			}
		})
		p := dialNet(t, ln)
		go func() {
			io.Copy(p, io.LimitReader(newStream(7).r, int64(total)))
			halfClose(p)
		}()
		got, err := io.ReadAll(p)
		close(stop)
		storm.Wait()
		if want := newStream(7).next(make([]byte, total)); err != nil || string(got) != string(want) {
			t.Errorf("%d of %d bytes came back, %v", len(got), total, err)
		}
	})
}

// threads are the threads of the process.
func threads() []int {
	entries, _ := os.ReadDir("/proc/self/task")
	var ids []int
	for _, e := range entries {
		var id int
		if _, err := fmt.Sscan(e.Name(), &id); err == nil {
			ids = append(ids, id)
		}
	}
	return ids
}

func TestSilentConnectionsHoldNoBuffers(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		const conns = 500
		ln := serve(t, rt, echo)
		before := rt.Stats().BufferBytes
		for range conns {
			exchange(t, dialNet(t, ln))
		}
		if grown := rt.Stats().BufferBytes - before; grown > 8<<20 {
			t.Errorf("%d silent connections hold %d bytes of buffers", conns, grown)
		}
	})
}

// The socket tells an error once: a Recv after a Send that had met it took the end of the connection for the end of the stream.
func TestAConnectionThatTimedOutHasNoEnd(t *testing.T) {
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		ended := make(chan struct{})
		ln := serve(t, rt, func(c *unio.Conn) {
			defer close(ended)
			c.SetWriteBuffer(1 << 14)
			rawOf(t, c).Control(func(fd uintptr) {
				const userTimeout = 18 // TCP_USER_TIMEOUT, in milliseconds, tcp(7)
				if err := syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, userTimeout, 200); err != nil {
					t.Error(err)
				}
			})
			var err error
			for p := make([]byte, 64<<10); err == nil; {
				_, err = c.Write(p)
			}
			wantIs(t, "Write", err, syscall.ETIMEDOUT)
			_, err = c.Recv()
			wantIs(t, "Recv", err, syscall.ETIMEDOUT)
		})
		dialNet(t, ln)
		await(t, ended, "the handler")
	})
}
