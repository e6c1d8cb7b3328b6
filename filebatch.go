package unio

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"sync/atomic"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/fileio"
	"github.com/unio-go/unio/internal/loop"
)

// ReadOp is one read of a [Runtime.ReadBatch]: File, P and Off are what [File.ReadAt] is called with, N and Err what it
// returns.
type ReadOp struct {
	File *File
	Off  int64
	P    []byte
	N    int
	Err  error
}

// WriteOp is one write of a [Runtime.WriteBatch]: File, P and Off are what [File.WriteAt] is called with, N and Err what it
// returns.
type WriteOp struct {
	File *File
	Off  int64
	P    []byte
	N    int
	Err  error
}

// ReadBatch does many reads, of one file or of many, as one: what has to wait is submitted together, and the caller waits
// once. It is the cheapest way to read what is known to be needed. The results are in the elements. The error is nil when
// all have what they asked for, else that of the first that has not; ctx is asked only before the reads begin, because
// the kernel writes to the caller's memory until the end. Should the kernel refuse its service in the middle, the memory of an
// element may be lost, as its error says then: the kernel can write to it at any time, so nobody may use it again.
func (rt *Runtime) ReadBatch(ctx context.Context, ops []ReadOp) error {
	b, err := rt.newBatch(ctx, len(ops))
	if err != nil {
		for i := range ops {
			ops[i].N, ops[i].Err = 0, err
		}
		return err
	}
	defer b.free()
	for i := range ops {
		o := &ops[i]
		if o.N, o.Err = 0, rt.beginOf(o.File, "read", o.P, o.Off); o.Err != nil {
			continue
		}
		if b.cached(o) {
			o.File.end()
			continue
		}
		b.add(fileio.Read, o.File, o.P[o.N:], o.Off+int64(o.N), i)
	}
	b.run()
	for _, c := range b.calls {
		ops[c.index].settle(&c.io)
	}
	return firstError(ops, func(o *ReadOp) error { return o.Err })
}

// settle takes the result of an operation, and goes on where it is short.
func (o *ReadOp) settle(op *fileio.Op) {
	defer o.File.end()
	switch o.N += op.N; {
	case op.Err != nil:
		o.Err = o.File.readError(op.Err)
	case o.N == len(o.P):
	case op.N == 0 || o.File.ended(o.N, len(o.P)):
		o.Err = io.EOF
	default: // a signal came, or a part was not cached
		n, err := o.File.readAt(o.P[o.N:], o.Off+int64(o.N))
		o.N, o.Err = o.N+n, err
	}
}

// WriteBatch does many writes, of one file or of many, as one; the elements must not overlap. The error is nil when all have
// been written, else that of the first that has not; ctx is asked only before the writes begin.
func (rt *Runtime) WriteBatch(ctx context.Context, ops []WriteOp) error {
	b, err := rt.newBatch(ctx, len(ops))
	if err != nil {
		for i := range ops {
			ops[i].N, ops[i].Err = 0, err
		}
		return err
	}
	defer b.free()
	for i := range ops {
		o := &ops[i]
		if o.N, o.Err = 0, rt.beginOf(o.File, "write", o.P, o.Off); o.Err != nil {
			continue
		}
		if len(o.P) == 0 {
			o.File.end()
			continue
		}
		b.add(fileio.Write, o.File, o.P, o.Off, i)
	}
	b.run()
	for _, c := range b.calls {
		ops[c.index].settle(&c.io)
	}
	return firstError(ops, func(o *WriteOp) error { return o.Err })
}

// settle takes the result of an operation, and goes on where it is short.
func (o *WriteOp) settle(op *fileio.Op) {
	defer o.File.end()
	o.N, o.Err = op.N, o.File.pathError("write", op.Err)
	o.File.grown(o.Off, o.N)
	if o.Err == nil && o.N < len(o.P) {
		n, err := o.File.writeAt(o.P[o.N:], o.Off+int64(o.N))
		o.N, o.Err = o.N+n, err
	}
}

// beginOf is begin for an element, after a look at it.
func (rt *Runtime) beginOf(f *File, op string, p []byte, off int64) error {
	if f == nil || f.rt != rt {
		return pathError(op, "", errForeignFile)
	}
	if err := f.check(op, p, off); err != nil {
		return err
	}
	return f.begin(op)
}

var errForeignFile = fmt.Errorf("an element of a batch needs a File of the same Runtime: %w", fs.ErrInvalid)

func firstError[T any](ops []T, of func(*T) error) error {
	for i := range ops {
		if err := of(&ops[i]); err != nil {
			return err
		}
	}
	return nil
}

// batch is operations that are waited for together.
type batch struct {
	rt    *Runtime
	task  *loop.Task
	place *place // whose engine does what it can
	calls []*batchCall
	lists [2][]*fileio.Op // by executor: the ring, the threads
	open  atomic.Int64
	tell  func(*fileio.Op)
}

// batchCall is one of them.
type batchCall struct {
	io    fileio.Op
	op    engine.Op
	of    *batch
	index int // of the caller's element
}

var batches = sync.Pool{New: func() any {
	b := new(batch)
	b.tell = func(*fileio.Op) { b.ended() }
	return b
}}

func (rt *Runtime) newBatch(ctx context.Context, n int) (*batch, error) {
	t, p, err := rt.caller()
	if err == nil {
		err = contextErr(ctx)
	}
	if err != nil {
		return nil, errWaiting("batch", err)
	}
	b := batches.Get().(*batch)
	b.rt, b.task, b.place = rt, t, p
	if cap(b.calls) < n {
		b.calls = make([]*batchCall, 0, n)
	}
	return b, nil
}

// free keeps the batch with its calls for the next.
func (b *batch) free() {
	for _, c := range b.calls {
		c.io.File, c.io.Data, c.io.Done = nil, nil, nil
		c.op.IO = nil
	}
	b.calls = b.calls[:0]
	b.rt, b.task, b.place = nil, nil, nil
	for i := range b.lists {
		clear(b.lists[i])
		b.lists[i] = b.lists[i][:0]
	}
	batches.Put(b)
}

// cached reads what comes at once, and reports whether the element is complete.
func (b *batch) cached(o *ReadOp) bool {
	if len(o.P) == 0 {
		return true
	}
	n, err, done := o.File.readCached(o.P, o.Off)
	if !done {
		return false
	}
	o.N = n
	switch {
	case err != nil:
		o.Err = o.File.readError(err)
	case n == 0:
		o.Err = io.EOF
	default:
		return n == len(o.P)
	}
	return true
}

// add appends an operation, reusing what an earlier batch has left.
func (b *batch) add(code fileio.Code, f *File, p []byte, off int64, index int) {
	var c *batchCall
	if n := len(b.calls); n < cap(b.calls) && b.calls[:n+1][n] != nil {
		c = b.calls[:n+1][n]
	} else {
		c = &batchCall{of: b}
	}
	b.calls = append(b.calls, c)
	c.index = index
	c.io.Code, c.io.File, c.io.Data, c.io.Off = code, &f.io, p, off
	c.io.N, c.io.Err, c.io.Done = 0, nil, nil
	list := 0
	if code == fileio.Read && f.mode == modeBlocking || code == fileio.Write && f.writer(off+int64(len(p))) == f.rt.files.pool {
		list = 1
	}
	b.lists[list] = append(b.lists[list], &c.io)
}

// run performs the operations and waits for all.
func (b *batch) run() {
	ring, pool := b.lists[0], b.lists[1]
	files := &b.rt.files
	switch {
	case len(b.calls) == 0:
	case b.task != nil && !files.inline:
		b.runTask()
	case len(pool) == 0:
		files.ring().DoAll(ring)
	case len(ring) == 0:
		files.pool.DoAll(pool)
	default:
		var group sync.WaitGroup
		group.Go(func() { files.pool.DoAll(pool) })
		files.ring().DoAll(ring)
		group.Wait()
	}
}

// runTask is run in a task.
func (b *batch) runTask() {
	b.open.Store(int64(len(b.calls)) + 1)
	for i, list := range b.lists {
		if i == 0 && b.place != nil {
			continue
		}
		for _, op := range list {
			op.Done = b.tell
		}
		if len(list) > 0 {
			b.executor(i).StartAll(list)
		}
	}
	for _, c := range b.calls {
		if c.io.Done != nil {
			continue // an executor has it
		}
		c.io.File.UsedBy(b.place.index)
		c.op = engine.Op{Code: engine.File, IO: &c.io, To: c}
		if b.place.Submit(&c.op) {
			b.open.Add(-1)
		}
	}
	if b.open.Add(-1) > 0 {
		b.task.Wait()
	}
}

func (b *batch) executor(list int) fileio.Executor {
	if list == 0 {
		return b.rt.files.ring()
	}
	return b.rt.files.pool
}

// ended is called by executors, once for each of their operations.
func (b *batch) ended() {
	if b.open.Add(-1) == 0 {
		b.task.Wake()
	}
}

// Complete is called on the task's loop.
func (c *batchCall) Complete(*engine.Op) {
	if c.of.open.Add(-1) == 0 {
		c.of.task.Waiter.Finish()
	}
}
