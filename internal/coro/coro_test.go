package coro_test

import (
	"runtime"
	"testing"

	"github.com/unio-go/unio/internal/coro"
)

// start makes a coroutine.
func start(serve func() bool) *coro.Coro {
	c := new(coro.Coro)
	c.Init(serve)
	return c
}

func TestParkAndResume(t *testing.T) {
	var c *coro.Coro
	steps := 0
	c = start(func() bool {
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
	var inside, known uintptr
	var c *coro.Coro
	c = start(func() bool { inside, known = coro.ID(), c.GoID(); return false })
	c.Resume()
	if inside == mine || inside != known {
		t.Fatalf("coroutine %x, owner %x, GoID %x", inside, mine, known)
	}
	if id := c.GoID(); id != 0 {
		t.Fatalf("a coroutine that has ended has the identity %x, which may be another's by now", id)
	}
}

func TestGoexitInAJobKeepsTheWorker(t *testing.T) {
	done := make(chan bool)
	go func() {
		jobs := 0
		c := start(func() bool {
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
		c := start(func() bool { runtime.Goexit(); return true })
		c.Resume()
		c.Stop()
		t.Error("Stop on an exited coroutine returned")
	}()
	<-ended
}

// A coroutine that serves on after Goexit does so one deferred call deeper each time, which cannot be undone before it
// ends. It must cost little: what is checked is the memory of stacks.
func TestManyGoexitsCostLittleStack(t *testing.T) {
	const many = 50_000
	done := make(chan struct{})
	go func() {
		defer close(done)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		jobs := 0
		c := start(func() bool { jobs++; runtime.Goexit(); return true })
		for range many {
			c.Resume()
		}
		runtime.ReadMemStats(&after)
		if jobs != many {
			t.Errorf("%d jobs ran, want %d", jobs, many)
		}
		if grown := after.StackInuse - before.StackInuse; after.StackInuse > before.StackInuse && grown > many<<10 {
			t.Errorf("%d bytes of stack for %d Goexits", grown, many)
		}
		c.Stop() // ends this goroutine too
	}()
	<-done
}

func BenchmarkSwitch(b *testing.B) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	c := start(func() bool { return true })
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
