package coro_test

import (
	"runtime"
	"testing"

	"github.com/unio-go/unio/internal/coro"
)

func TestParkAndResume(t *testing.T) {
	var c *coro.Coro
	steps := 0
	c = coro.New(func() bool {
		steps++
		c.Park()
		steps++
		return steps < 4
	})
	for want, alive := range []bool{true, true, true, false} {
		if got := c.Resume(); got != alive {
			t.Fatalf("resume %d: alive = %v, want %v", want, got, alive)
		}
	}
	if steps != 4 || c.Exited() {
		t.Fatalf("steps = %d, exited = %v", steps, c.Exited())
	}
}

func TestIDTellsGoroutinesApart(t *testing.T) {
	mine := coro.ID()
	if mine == 0 || mine != coro.ID() {
		t.Fatal("the identity of a goroutine is not stable")
	}
	var inside uintptr
	c := coro.New(func() bool { inside = coro.ID(); return false })
	c.Resume()
	if inside == mine || inside != c.GoID() {
		t.Fatalf("coroutine %x, owner %x, GoID %x", inside, mine, c.GoID())
	}
}

func TestGoexitInAJobKeepsTheWorker(t *testing.T) {
	done := make(chan bool)
	go func() {
		jobs := 0
		c := coro.New(func() bool {
			jobs++
			if jobs == 1 {
				runtime.Goexit()
			}
			return true
		})
		ok := c.Resume() && c.Exited() && c.Resume() && jobs == 2
		done <- ok
	}()
	if !<-done {
		t.Fatal("a Goexit in a job reached the owner or ended the worker")
	}
}

func TestStopAfterGoexitEndsOnlyTheStopper(t *testing.T) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c := coro.New(func() bool { runtime.Goexit(); return true })
		c.Resume()
		c.Stop()
		t.Error("Stop on an exited coroutine returned")
	}()
	<-ended
}

func BenchmarkSwitch(b *testing.B) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	c := coro.New(func() bool { return true })
	for b.Loop() {
		c.Resume()
	}
	c.Stop()
}

func BenchmarkID(b *testing.B) {
	for b.Loop() {
		coro.ID()
	}
}
