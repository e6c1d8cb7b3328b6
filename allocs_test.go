//go:build !race && !uniodebug

package unio_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
)

// Uncontended, and between tasks of one loop also when they wait, nothing is allocated.
func TestCoordinationAllocatesNothing(t *testing.T) {
	bg := context.Background()
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		eachCaller(t, rt, func(t testing.TB) {
			var m unio.Mutex
			c := unio.NewChan[int](1)
			wantAllocs(t, "Lock and Unlock", func() { m.Lock(bg); m.Unlock() })
			wantAllocs(t, "Send and Recv", func() { c.Send(bg, 1); c.Recv(bg) })
			wantAllocs(t, "TrySend and TryRecv", func() { c.TrySend(1); c.TryRecv() })
		})
		done := make(chan struct{})
		rt.Go(func() {
			defer close(done)
			var ping, pong unio.Chan[int]
			var g unio.Group
			g.Go(func() error {
				for {
					v, err := ping.Recv(bg)
					if err != nil {
						return nil
					}
					pong.Send(bg, v)
				}
			})
			wantAllocs(t, "a value to a task and back", func() { ping.Send(bg, 1); pong.Recv(bg) })
			ping.Close()
			g.Wait()

			var m unio.Mutex
			over := false
			g.Go(func() error {
				for !over {
					m.Lock(bg)
					m.Unlock()
				}
				return nil
			})
			m.Lock(bg)
			unio.Sleep(0) // the other waits from now on
			wantAllocs(t, "a Mutex that another waits for", func() { m.Unlock(); m.Lock(bg) })
			over = true
			m.Unlock()
			g.Wait()
		})
		await(t, done, "the task")
	})
}

// A goroutine that writes and commits makes nothing by that.
func TestCommitAllocatesNothing(t *testing.T) {
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		f, err := rt.OpenFile(filepath.Join(t.TempDir(), "log"), os.O_RDWR|os.O_CREATE, 0o644, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		p := make([]byte, 100)
		wantAllocs(t, "WriteAt and Datasync", func() { f.WriteAt(p, 0); f.Datasync() })
	})
}

func wantAllocs(t testing.TB, what string, fn func()) {
	t.Helper()
	if n := testing.AllocsPerRun(200, fn); n != 0 {
		t.Errorf("%s: %v allocations", what, n)
	}
}
