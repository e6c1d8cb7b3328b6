package unio

import (
	"context"
	"errors"
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

	fileWait
	woken func(*fileio.Op) // wakes the task
	next  *fileCall        // among those that a loop keeps

	// For a call that may be given up.
	state atomic.Uint32
	bufs  []*mem.Buf // what it holds
	file  *File
}

// fileWait is the wait of a task or a goroutine, once.
type fileWait struct {
	task *loop.Task
	ch   chan struct{} // a goroutine's
}

// begin is called before anybody may end the wait.
func (w *fileWait) begin(t *loop.Task) {
	if w.task = t; t == nil {
		w.ch = make(chan struct{})
	}
}

// tell ends the wait.
func (w *fileWait) tell() {
	if w.task != nil {
		w.task.Wake()
		return
	}
	close(w.ch)
}

// await is the wait.
func (w *fileWait) await() {
	if w.task != nil {
		w.task.Wait()
		return
	}
	<-w.ch
}

// The states of a fileCall that may be given up.
const (
	callPending uint32 = iota
	callDone
	callLeft // nobody waits any more; whoever completes it cleans up
)

var fileCalls = sync.Pool{New: func() any {
	c := new(fileCall)
	c.woken = func(*fileio.Op) { c.task.Wake() }
	return c
}}

// callFor gives a call for the engine of p, which keeps its own, or for an executor if p is nil.
func callFor(p *place) *fileCall {
	if p == nil {
		return fileCalls.Get().(*fileCall)
	}
	c := p.calls
	if c == nil {
		c = new(fileCall)
		c.op = engine.Op{Code: engine.File, IO: &c.io, To: c}
		return c
	}
	p.calls = c.next
	return c
}

// free returns a call that has completed.
func (c *fileCall) free(p *place) {
	c.io.File, c.io.Data, c.io.More, c.io.Done, c.io.Err = nil, nil, nil, nil, nil
	c.task = nil
	if p == nil {
		fileCalls.Put(c)
		return
	}
	c.next, p.calls = p.calls, c
}

// caller is who calls, with the right to wait: a task or nil, and the loop of the task if that is one of this runtime and
// its engine performs operations on files.
func (rt *Runtime) caller() (*loop.Task, *place, error) {
	t, err := loop.Caller()
	if t == nil {
		return nil, nil, err
	}
	for _, p := range rt.loops {
		if p.Loop == t.Loop() && p.files {
			return t, p, nil
		}
	}
	return t, nil, nil
}

// transfer performs one read or write for the caller, and waits for it. ex is who does it where the caller's loop does not.
func (f *File) transfer(code fileio.Code, data []byte, off int64, ex fileio.Executor) (int, error) {
	t, p, err := f.rt.caller()
	if err != nil {
		return 0, err
	}
	if ex == fileio.Executor(f.rt.files.pool) {
		p = nil
	}
	c := callFor(p)
	c.task = t
	c.io.Code, c.io.File, c.io.Data, c.io.Off = code, &f.io, data, off
	switch {
	case p != nil:
		f.io.UsedBy(p.index)
		if !p.Submit(&c.op) {
			t.Wait()
		}
	case t == nil || f.rt.files.inline:
		f.do(ex, &c.io)
	default:
		c.io.Done = c.woken
		ex.Start(&c.io)
		t.Wait()
	}
	n, err := c.io.N, c.io.Err
	c.free(p)
	return n, err
}

// do performs an operation on the caller's goroutine.
func (f *File) do(ex fileio.Executor, op *fileio.Op) {
	if op.Code == fileio.Write && !f.io.Direct {
		f.writing.Lock()
		defer f.writing.Unlock()
	}
	ex.Do(op)
}

// Complete is called on the task's loop.
func (c *fileCall) Complete(*engine.Op) { c.task.Waiter.Finish() }

// runLeavable performs c.io, whose memory is the runtime's, and waits as long as ctx is not done. With an error c.bufs are
// released, at the latest when the operation has completed, until which f stays open.
func (f *File) runLeavable(ctx context.Context, c *fileCall, ex fileio.Executor) error {
	t, p, err := f.rt.caller()
	if err == nil {
		err = contextErr(ctx)
	}
	if err != nil {
		release(c.bufs)
		return err
	}
	c.file, c.io.File = f, &f.io
	f.users.Add(1) // besides the caller's use, which ends when that leaves
	if f.rt.files.inline {
		ex.Do(&c.io)
		return c.ended()
	}
	c.fileWait.begin(t)
	if ctx.Done() != nil {
		defer context.AfterFunc(ctx, c.leave)()
	}
	if p != nil && ex != fileio.Executor(f.rt.files.pool) {
		f.io.UsedBy(p.index)
		c.op = engine.Op{Code: engine.File, IO: &c.io, To: (*leavableOp)(c)}
		if !p.Submit(&c.op) || c.state.Swap(callDone) == callLeft { // then a wake-up is on its way
			t.Wait()
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

// leave gives the call up.
func (c *fileCall) leave() {
	if c.state.CompareAndSwap(callPending, callLeft) {
		c.tell()
	}
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

// drop gives up what the call holds.
func (c *fileCall) drop() {
	releaseAfter(c.io.Err, c.bufs...)
	c.bufs = nil
	c.file.end()
}

// releaseAfter releases the buffers of an operation that has ended with err, unless the kernel still has them: those stay
// out for good.
func releaseAfter(err error, bufs ...*mem.Buf) {
	if !errors.Is(err, fileio.ErrAbandoned) {
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
		return rt.files.pool.Call(fn)
	}
	return rt.blockTask(fn)
}

// blockTask runs what may block for a task.
func (rt *Runtime) blockTask(fn func() error) (err error) {
	Offload(func() { err = rt.files.pool.Call(fn) })
	return err
}
