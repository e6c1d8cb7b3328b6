package fileio

import (
	"os"
	"sync/atomic"
)

// File is an open file as executors see it. Whoever opened it keeps it open until every operation on it has completed and
// each executor has forgotten it.
type File struct {
	OS *os.File
	// FD is the descriptor, -1 where there are none.
	FD int
	// ID is the place of the file in tables such as a ring's registered files. No other open file of the program has it.
	ID uint32
	// Direct files bypass the page cache.
	Direct bool

	// Loops are those whose engine has performed an operation on the file: bit i for loop i, the last bit for all further.
	Loops atomic.Uint64
	// Ring is for the shared ring: whether it has the file registered.
	Ring atomic.Uint32
}

// UsedBy notes that a loop's engine performs an operation on the file.
func (f *File) UsedBy(loop int) {
	bit := uint64(1) << min(loop, 63)
	if f.Loops.Load()&bit == 0 {
		f.Loops.Or(bit)
	}
}

// Used reports whether it ever has.
func (f *File) Used(loop int) bool { return f.Loops.Load()&(1<<min(loop, 63)) != 0 }

// Counters are an executor's, since its start.
type Counters struct {
	Ops     atomic.Uint64 // operations completed
	Enters  atomic.Uint64 // system calls for operations: entries into a ring, or reads and writes
	Lone    atomic.Uint64 // operations that found nothing in flight and were done by a plain system call
	Fixed   atomic.Uint64 // operations on registered memory
	Pending atomic.Int64  // operations begun and not completed
}
