package unio

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/fileio"
	"github.com/unio-go/unio/internal/loop"
	"github.com/unio-go/unio/mem"
)

// fileCall is one operation on its way, with whoever waits for it.
type fileCall struct {
	io fileio.Op
	op engine.Op // carries io to a loop's engine

	task  *loop.Task
	state atomic.Uint32
	ch    chan struct{} // tells a goroutine
	bufs  []*mem.Buf    // what a call holds that has been given up
	file  *File
}

// The states of a fileCall that may be given up.
const (
	callPending uint32 = iota
	callDone
	callLeft // nobody waits any more; whoever completes it cleans up
)

var fileCalls = sync.Pool{New: func() any { return new(fileCall) }}

// free returns a call that has completed.
func (c *fileCall) free() {
	c.io.File, c.io.Data, c.io.More, c.io.Done, c.io.Err = nil, nil, nil, nil, nil
	c.op = engine.Op{}
	c.task, c.file = nil, nil
	fileCalls.Put(c)
}

// run performs c.io for the caller, and waits for it. ex is who does it where the caller's loop does not.
func (rt *Runtime) run(c *fileCall, ex fileio.Executor) error {
	t, err := loop.Caller()
	switch {
	case err != nil:
		return err
	case t == nil || rt.files.inline:
		ex.Do(&c.io)
	case ex != fileio.Executor(rt.files.pool) && rt.performs(t, c.io.File):
		c.task = t
		c.op = engine.Op{Code: engine.File, IO: &c.io, To: c}
		if !t.Loop().Submit(&c.op) {
			t.Wait()
		}
	default:
		c.task = t
		c.io.Done = c.wakeTask
		ex.Start(&c.io)
		t.Wait()
	}
	return c.io.Err
}

// performs reports whether the engine of the task's loop is to do an operation on a file of this runtime, and notes that.
func (rt *Runtime) performs(t *loop.Task, f *fileio.File) bool {
	if !t.Loop().Caps().Files {
		return false
	}
	for _, p := range rt.loops {
		if p.Loop == t.Loop() {
			f.UsedBy(p.index)
			return true
		}
	}
	return false
}

// Complete is called on the task's loop.
func (c *fileCall) Complete(*engine.Op) { c.task.Waiter.Finish() }

// wakeTask is called by an executor.
func (c *fileCall) wakeTask(*fileio.Op) { c.task.Wake() }

// runLeavable is run for a call whose memory is the runtime's: when ctx ends it returns at once, and bufs are released when
// the operation has completed. c is not used again. The caller has begun a use of f, which ends with the operation.
func (f *File) runLeavable(ctx context.Context, c *fileCall, ex fileio.Executor) error {
	t, err := loop.Caller()
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		c.drop()
		return err
	}
	if f.rt.files.inline {
		ex.Do(&c.io)
		return c.ended()
	}
	c.task = t
	if t == nil {
		c.ch = make(chan struct{})
	}
	leave := context.AfterFunc(ctx, func() {
		if c.state.CompareAndSwap(callPending, callLeft) {
			c.tell()
		}
	})
	defer leave()
	if t != nil && ex != fileio.Executor(f.rt.files.pool) && f.rt.performs(t, &f.io) {
		c.op = engine.Op{Code: engine.File, IO: &c.io, To: (*leavableOp)(c)}
		if !t.Loop().Submit(&c.op) {
			t.Wait()
		} else if c.state.Swap(callDone) == callLeft {
			t.Wait() // for the wake-up that is on its way
		}
	} else {
		c.io.Done = c.completed
		ex.Start(&c.io)
		c.await()
	}
	if c.state.Load() == callLeft {
		return ctx.Err()
	}
	return c.ended()
}

// ended is the end of a call whose operation has completed while somebody waited.
func (c *fileCall) ended() error {
	if c.io.Err != nil {
		c.drop()
		return c.io.Err
	}
	c.file.end()
	return nil
}

// leavableOp is told of the completion by the task's loop.
type leavableOp fileCall

// Complete wakes the task, or cleans up after one that has left.
func (o *leavableOp) Complete(*engine.Op) {
	c := (*fileCall)(o)
	if c.state.CompareAndSwap(callPending, callDone) {
		c.task.Waiter.Finish()
		return
	}
	c.drop()
}

// completed is called once, by whoever found out.
func (c *fileCall) completed(*fileio.Op) {
	if c.state.CompareAndSwap(callPending, callDone) {
		c.tell()
		return
	}
	c.drop()
}

// tell ends the wait of the caller.
func (c *fileCall) tell() {
	if c.task != nil {
		c.task.Wake()
		return
	}
	close(c.ch)
}

func (c *fileCall) await() {
	if c.task != nil {
		c.task.Wait()
		return
	}
	<-c.ch
}

// drop gives up what the call holds.
func (c *fileCall) drop() {
	releaseAfter(c.io.Err, c.bufs...)
	c.bufs = nil
	c.file.end()
}

// releaseAfter releases the buffers of an operation that has ended with err, unless the kernel still has them: those stay
// out for good.
func releaseAfter(err error, bufs ...*mem.Buf) {
	if err != engine.ErrAbandoned {
		release(bufs)
	}
}

// block runs fn, which may block its thread: a task parks meanwhile.
func (rt *Runtime) block(fn func() error) error {
	t, err := loop.Caller()
	switch {
	case err != nil:
		return err
	case t == nil || rt.files.inline:
		rt.files.pool.Call(func() { err = fn() })
	default:
		Offload(func() { rt.files.pool.Call(func() { err = fn() }) })
	}
	return err
}
