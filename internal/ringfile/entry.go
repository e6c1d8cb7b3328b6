//go:build linux && !unio_nouring

package ringfile

import (
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/unio-go/unio/internal/fileio"
	"github.com/unio-go/unio/uring"
)

// Names are what an entry calls the file and the memory of an operation.
type Names struct {
	FD         int
	Registered bool // FD is a place in the ring's table of files
	Buffer     uint16
	Fixed      bool // the memory lies in the registered buffer Buffer
	// Vector is the address of the pieces of a write, as many as Pieces says; none: the operation has one piece.
	Vector uintptr
	Pieces int
}

// Fill turns an operation other than Nop into an entry. p is its one piece of memory, as much of it as one request takes. Who
// calls keeps the memory, and the vector, where the kernel finds them.
func Fill(e *uring.SQE, op *fileio.Op, p []byte, n *Names) {
	off, size := uint64(op.Off), uint32(len(p))
	switch {
	case op.Code == fileio.Read && n.Fixed:
		e.PrepReadFixed(n.FD, uring.Addr(p), size, off, n.Buffer)
	case op.Code == fileio.Read:
		e.PrepRead(n.FD, uring.Addr(p), size, off)
	case n.Pieces > 0:
		e.PrepWritev(n.FD, n.Vector, uint32(n.Pieces), off)
	case n.Fixed:
		e.PrepWriteFixed(n.FD, uring.Addr(p), size, off, n.Buffer)
	default:
		e.PrepWrite(n.FD, uring.Addr(p), size, off)
	}
	if op.Dsync && op.Code == fileio.Write {
		e.OpFlags = unix.RWF_DSYNC
	}
	if n.Registered {
		e.SetFixedFile()
	}
}

// Passes reports whether a request that has failed so is worth another try. It has done nothing, and names its place in the
// file, so it may be repeated: what came between was a signal, the end of the thread that had submitted it, or a lack that
// passes.
func Passes(errno syscall.Errno) bool {
	return errno == syscall.EINTR || errno == syscall.EAGAIN || errno == syscall.ECANCELED
}
