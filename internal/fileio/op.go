package fileio

import (
	"errors"
	"sync/atomic"
	"syscall"
)

// Code names an operation.
type Code uint8

// The operations. Each sets N and Err.
const (
	// Nop completes.
	Nop Code = iota
	// Read reads once into Data at Off: N bytes, fewer than asked for where the file ends or a signal came; N == 0 with
	// Err == nil is the end of the file.
	Read
	// Write writes Data, and then More, once at Off: N bytes, which may be fewer.
	Write
	codeCount
)

var codeNames = [codeCount]string{"nop", "read", "write"}

// String is the lower-case name, as it stands in reports and errors.
func (c Code) String() string {
	if c < codeCount {
		return codeNames[c]
	}
	return "unknown"
}

// PiecesMax is IOV_MAX, how many pieces of memory one Write takes at most on Linux (writev(2)).
const PiecesMax = 1024

// ErrAbandoned is what errors.Is finds when the kernel did not end an operation, and has its memory for good: nobody else may
// have it.
var ErrAbandoned = errors.New("its memory is lost")

// Op is one operation. It lives in the Go heap, and holds its memory as slices: so memory on a goroutine's stack, which
// moves, cannot be part of an Op, and the collector keeps what the kernel may write to. The submitter owns it and leaves it
// alone until it has completed.
type Op struct {
	Code  Code
	Dsync bool // Write: the data are durable when it completes (RWF_DSYNC, pwritev2(2))
	File  *File
	Off   int64
	Data  []byte
	More  [][]byte // Write

	N   int
	Err error // bare: a syscall.Errno where the kernel said so

	// Done, if not nil, is called once when the operation has completed, by whoever found out: a goroutine that must not
	// be held up. It is for Start.
	Done func(*Op)

	// For the executor between submission and completion; the zero value is right for a new Op.
	Next  *Op
	Tries uint32
	State atomic.Uint32
	Wake  chan struct{} // made by the executor at first use and kept
}

// Check is why no executor performs the operation: there is none of its code, or its offset is negative, of which -1 would be
// the file's position to the kernel.
func (op *Op) Check() error {
	switch {
	case op.Code >= codeCount:
		return syscall.ENOSYS
	case op.Off < 0:
		return syscall.EINVAL
	}
	return nil
}

// Bytes is the length of the operation's memory.
func (op *Op) Bytes() int {
	n := len(op.Data)
	for _, p := range op.More {
		n += len(p)
	}
	return n
}

// Skip moves the operation past its first n bytes, for what a short one has left.
func (op *Op) Skip(n int) {
	op.Off += int64(n)
	for n >= len(op.Data) && len(op.More) > 0 {
		n -= len(op.Data)
		op.Data, op.More = op.More[0], op.More[1:]
	}
	op.Data = op.Data[n:]
}
