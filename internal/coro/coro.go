package coro

import (
	"iter"
	"sync/atomic"
)

// Coro is a worker that serves one job after another, and parks inside a job or between jobs. It is created and
// resumed by its owner only. [Coro.Park] is called only by the job, on the coroutine's own goroutine.
type Coro struct {
	next  func() (struct{}, bool)
	stop  func()
	yield func(struct{}) bool
	serve func() bool
	goid  atomic.Uintptr
	// exited is set when a job ended in runtime.Goexit, which cannot be taken back: the coroutine goes on serving
	// from a deferred call and must not be let out of it before its owner's goroutine may end too.
	exited atomic.Bool
}

// Init makes a coroutine of c, which must not be copied afterwards. Each resume that finds it between jobs calls serve, which
// runs one job and reports whether the coroutine shall stay for another; if not, the coroutine ends. serve recovers panics
// itself: the runtime would raise them in the owner, with the stack lost. A runtime.Goexit inside serve counts as the job's end.
func (c *Coro) Init(serve func() bool) {
	c.serve = serve
	c.next, c.stop = iter.Pull(c.body)
}

func (c *Coro) body(yield func(struct{}) bool) {
	c.goid.Store(ID())
	defer c.goid.Store(0) // another goroutine may get the identity before the owner goes on
	c.yield = yield
	c.work()
}

// work serves until serve says no, or the owner stops it. iter.Pull forwards Goexit to whoever resumes, which would end
// the loop and its thread. A deferred call that does not return keeps it in: it serves on as if nothing had happened.
func (c *Coro) work() {
	normal := false
	defer func() {
		if normal {
			return
		}
		c.exited.Store(true)
		if c.yield(struct{}{}) {
			c.work()
		}
	}()
	for (c.serve() || c.exited.Load()) && c.yield(struct{}{}) {
	}
	normal = true
}

// Resume runs the coroutine until it parks or ends, and reports whether it is still there.
func (c *Coro) Resume() (alive bool) {
	_, alive = c.next()
	return alive
}

// Park returns to the owner until the next Resume. False: the owner has stopped the coroutine, and the job must end.
func (c *Coro) Park() bool { return c.yield(struct{}{}) }

// Exited reports whether a job ended in runtime.Goexit. Stopping such a coroutine ends the calling goroutine too.
func (c *Coro) Exited() bool { return c.exited.Load() }

// Stop ends a parked coroutine: its Park returns false, and Stop returns when the job has ended. On a coroutine that has
// Exited it ends the calling goroutine by runtime.Goexit.
func (c *Coro) Stop() { c.stop() }

// GoID is the identity of the coroutine's goroutine, comparable with [ID]; zero before the first Resume and after the end.
// Anybody may call it.
func (c *Coro) GoID() uintptr { return c.goid.Load() }
