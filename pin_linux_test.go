package unio_test

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/internal/sys"
)

// threadsOn is how many threads of the process may run on the given CPUs, as the kernel writes them.
func threadsOn(t *testing.T, cpus string) (n int) {
	t.Helper()
	all, err := filepath.Glob("/proc/self/task/*/status")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range all {
		b, _ := os.ReadFile(name) // the thread may have ended
		if _, rest, ok := strings.Cut(string(b), "Cpus_allowed_list:"); ok && strings.Fields(rest)[0] == cpus {
			n++
		}
	}
	return n
}

// The threads of loops come back to Go's pool, and whatever runs on them would else share their CPU.
func TestNoThreadIsPinnedWithoutALoop(t *testing.T) {
	if len(sys.ProcessCPUs()) < 2 {
		t.Skip("lacks: two CPUs")
	}
	first := strconv.Itoa(sys.ProcessCPUs()[0])
	before := threadsOn(t, first)
	rt, err := unio.New(&unio.Options{Loops: 1, Pin: true})
	if err != nil {
		t.Fatal(err)
	}
	if n := threadsOn(t, first); n <= before {
		t.Errorf("%d threads are pinned, before %d", n, before)
	}
	if err := rt.Close(); err != nil {
		t.Error(err)
	}
	until(t, "no thread is pinned any more", func() bool { return threadsOn(t, first) <= before })
}

func TestPinTakesTheCPUsOfTheProcessAndNotOfTheCaller(t *testing.T) {
	cpus := sys.ProcessCPUs()
	if len(cpus) < 2 {
		t.Skip("lacks: two CPUs")
	}
	made := make(chan *unio.Runtime)
	go func() {
		defer close(made)
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := sys.PinThread(cpus[1]); err != nil {
			t.Error(err)
			return
		}
		defer sys.PinThread(cpus...)
		rt, err := unio.New(&unio.Options{Loops: 2, Pin: true})
		if err != nil {
			t.Error(err)
			return
		}
		made <- rt
	}()
	rt := await(t, made, "a runtime")
	if rt == nil {
		return
	}
	defer rt.Close()
	for i := range 2 {
		got := make(chan []int, 1)
		if err := rt.GoOn(i, func() {
			mine, err := sys.ThreadCPUs()
			if err != nil {
				t.Error(err)
			}
			got <- mine
		}); err != nil {
			t.Fatal(err)
		}
		if mine := await(t, got, "a task"); !slices.Equal(mine, cpus[i:i+1]) {
			t.Errorf("loop %d runs on %v of %v", i, mine, cpus)
		}
	}
}
