package filepool

import "github.com/unio-go/unio/internal/fileio"

// Inline performs each operation at once, on the goroutine that begins it: for a simulation, whose time stands still
// meanwhile.
type Inline struct{ counters fileio.Counters }

var _ fileio.Executor = (*Inline)(nil)

// Call calls fn.
func (e *Inline) Call(fn func() error) error { return fn() }

// Datasync makes what was written to a file durable.
func (e *Inline) Datasync(f *fileio.File) error { return Datasync(f) }

// Do performs an operation.
func (e *Inline) Do(op *fileio.Op) {
	Perform(op)
	e.counters.Enters.Add(1)
	e.counters.Ops.Add(1)
}

// DoAll performs operations.
func (e *Inline) DoAll(ops []*fileio.Op) {
	for _, op := range ops {
		e.Do(op)
	}
}

// Start performs an operation and calls its Done.
func (e *Inline) Start(op *fileio.Op) {
	e.Do(op)
	op.Done(op)
}

// StartAll performs operations and calls their Done.
func (e *Inline) StartAll(ops []*fileio.Op) {
	for _, op := range ops {
		e.Start(op)
	}
}

// Forget does nothing.
func (e *Inline) Forget(*fileio.File) {}

// Counters are those of all operations.
func (e *Inline) Counters() *fileio.Counters { return &e.counters }

// Close does nothing: nothing is ever pending.
func (e *Inline) Close() error { return nil }
