//go:build linux && !unio_nouring

package filering

import (
	"errors"
	"syscall"

	"github.com/unio-go/unio/internal/fileio"
	"github.com/unio-go/unio/internal/ringfile"
	"github.com/unio-go/unio/uring"
)

// filesMax is how many files a ring's table holds. Others are named by their descriptor.
const filesMax = 4096

// What is known about a file: the two bits of a ring in File.Ring.
const (
	regUnknown = iota
	regDone
	regRefused
	regMask
	regBits = 2
)

// registry is what a ring has registered: files by their ID, and memory by chunk. A file is registered when it is used first;
// one that the kernel refuses works all the same.
type registry struct {
	ring   *uring.Ring
	limits *ringfile.Limits
	shift  uint   // of the ring's bits in File.Ring
	files  uint32 // the size of the table of files
	memory ringfile.Memory

	fds [1]int32
}

// openFiles makes the table of files.
func (g *registry) openFiles() { g.files = ringfile.OpenFiles(g.ring, filesMax, g.limits.Note) }

// file is how an entry names the file: by its place in the table, or by its descriptor.
func (g *registry) file(f *fileio.File) (fd int, registered bool) {
	if f.ID >= g.files {
		return f.FD, false
	}
	switch f.Ring.Load() >> g.shift & regMask {
	case regDone:
		return int(f.ID), true
	case regRefused:
		return f.FD, false
	}
	g.fds[0] = int32(f.FD)
	if _, err := g.ring.UpdateFiles(f.ID, g.fds[:]); err != nil || f.FD < 0 {
		f.Ring.Or(regRefused << g.shift)
		if err != nil && !errors.Is(err, syscall.EBADF) {
			g.limits.Note("a file is not registered", err)
		}
		return f.FD, false
	}
	f.Ring.Or(regDone << g.shift)
	return int(f.ID), true
}

// forget takes a file out of the table. Nothing is pending on it. Any goroutine may call it.
func (g *registry) forget(f *fileio.File) {
	bits := f.Ring.And(^uint32(regMask << g.shift))
	if bits>>g.shift&regMask == regDone {
		if _, err := g.ring.UpdateFiles(f.ID, []int32{-1}); err != nil {
			g.limits.Note("a file is kept open", err)
		}
	}
}
