package uniotest

import (
	"fmt"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/unio-go/unio"
)

// settleLimit is how long what a test has ended may take to be gone: goroutines that are about to return, descriptors
// that another thread is closing. It is also how long a simulation that stands still may wait for a goroutine. A leak costs
// a failing test this long; a clean one waits for nothing. The tests of this package, which leak on purpose, make it shorter.
var settleLimit = 5 * time.Second

// settleTick is how often it is looked at meanwhile.
const settleTick = 2 * time.Millisecond

// CheckLeaks fails the test if goroutines or descriptors are there at its end, after all functions that are given to
// t.Cleanup later, which were not there when CheckLeaks was called. Descriptors are checked on Linux. Runtimes that New
// or EachEngine made are checked without it.
func CheckLeaks(t testing.TB) {
	t.Helper()
	warmUp()
	goroutines, fds := takeGoroutines(), takeFDs()
	t.Cleanup(func() {
		t.Helper()
		if left := settle(func() []string { return takeGoroutines().since(goroutines) }); len(left) > 0 {
			t.Errorf("uniotest: %d goroutines leaked:\n\n%s", len(left), strings.Join(left, "\n\n"))
		}
		left := settle(func() []string {
			left := takeFDs().since(fds)
			if onlyPipes(left) {
				collect()
			}
			return left
		})
		if len(left) > 0 {
			t.Errorf("uniotest: %d descriptors leaked:\n\t%s", len(left), strings.Join(left, "\n\t"))
		}
	})
}

// onlyPipes reports whether pipes are left and nothing else: package net keeps those of its splice(2) in a sync.Pool.
func onlyPipes(left []string) bool {
	return len(left) > 0 && !slices.ContainsFunc(left, func(fd string) bool { return !strings.Contains(fd, "pipe:") })
}

// collect empties every sync.Pool: what has been there for two collections is gone. For everything else it is not called,
// since it would close files that somebody has lost.
func collect() {
	for range 3 {
		runtime.GC()
	}
}

// warmUp has package net and the runtime open what they keep for good (the poller's descriptors), which would else seem
// to be leaked by the first test that uses them.
var warmUp = sync.OnceFunc(func() {
	if ln, err := net.Listen("tcp", "127.0.0.1:0"); err == nil {
		ln.Close()
	}
})

// settle asks until nothing is left or the limit has passed.
func settle(look func() []string) []string {
	for end := time.Now().Add(settleLimit); ; time.Sleep(settleTick) {
		left := look()
		if len(left) == 0 || time.Now().After(end) {
			return left
		}
	}
}

// Idle fails the test if the runtime still has connections, tasks or operations in flight, and waits a few seconds for
// them to end before. It is for tests whose runtime goes on. Listeners must be closed first: they have operations in
// flight. Buffers are not looked at, since an engine may hold some as long as it lives; a leak of them shows when the
// runtime is closed.
func Idle(t testing.TB, rt *unio.Runtime) {
	t.Helper()
	if left := settle(func() []string { return atWork(rt.Stats()) }); len(left) > 0 {
		t.Errorf("uniotest: the runtime is not idle:\n%s", strings.Join(left, "\n"))
	}
}

// atWork describes what a runtime does at the moment.
func atWork(s unio.Stats) []string {
	var left []string
	if s.Conns != 0 {
		left = append(left, fmt.Sprintf("%d connections", s.Conns))
	}
	if s.Tasks != 0 {
		left = append(left, fmt.Sprintf("%d tasks; of all runtimes there are:\n\n%s\n", s.Tasks,
			strings.Join(takeGoroutines().tasks(), "\n\n")))
	}
	// An engine may have multishot requests of its own, to be woken by.
	if n := s.Pending - s.Multishots; n != 0 {
		left = append(left, fmt.Sprintf("%d operations in flight", n))
	}
	return left
}

// closeRuntime closes rt and reports what that could not end.
func closeRuntime(t testing.TB, rt *unio.Runtime) {
	t.Helper()
	if err := rt.Close(); err != nil {
		t.Errorf("uniotest: closing the runtime: %v", err)
	}
	s := rt.Stats()
	left := atWork(s)
	if s.Multishots != 0 {
		left = append(left, fmt.Sprintf("%d multishot requests armed", s.Multishots))
	}
	if s.BuffersOut != 0 {
		left = append(left, "buffers:\n"+strings.Join(rt.Pool().Outstanding(), "\n"))
	}
	if len(left) > 0 {
		t.Errorf("uniotest: left after Runtime.Close:\n%s", strings.Join(left, "\n"))
	}
}

// snapshot is things by identity, each with its description.
type snapshot map[string]string

// since gives the descriptions of what was not in the earlier snapshot.
func (s snapshot) since(before snapshot) []string {
	var left []string
	for id, text := range s {
		if _, ok := before[id]; !ok {
			left = append(left, text)
		}
	}
	slices.Sort(left)
	return left
}
