//go:build linux && !unio_nouring

package filering

import (
	"errors"
	"fmt"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/unio-go/unio/internal/fileio"
	"github.com/unio-go/unio/uring"
)

const (
	// filesMax is how many files a ring's table holds. Others are named by their descriptor.
	filesMax = 4096
	// chunksMax is the most that a ring's table of buffers holds, io_uring_register_buffers(3).
	chunksMax = 1 << 14
)

// What is known about a file or chunk: the two bits of a ring in File.Ring, the byte of a chunk.
const (
	regUnknown = iota
	regDone
	regRefused
	regMask
	regBits = 2
)

// registry is what a ring has registered: files by their ID, and memory by chunk. Both are registered when they are used
// first, as far as the kernel and the limit of locked memory allow it; whatever is not works all the same.
type registry struct {
	ring   *uring.Ring
	limits *limits
	shift  uint   // of the ring's bits in File.Ring
	files  uint32 // the size of the table of files
	memory Memory
	chunks []uint8
	full   bool // the limit of locked memory is reached

	fds [1]int32
	iov [1]unix.Iovec
}

// openFiles makes the table of files.
func (g *registry) openFiles() {
	if err := g.ring.RegisterFilesSparse(filesMax); err != nil {
		g.limits.note("files are not registered", err)
		return
	}
	g.files = filesMax
}

// openMemory makes the table of chunks.
func (g *registry) openMemory(m Memory) {
	if m == nil || m.Chunks() == 0 {
		return
	}
	n := min(m.Chunks(), chunksMax)
	if err := g.ring.RegisterBuffersSparse(uint32(n)); err != nil {
		g.limits.note("memory is not registered", err)
		return
	}
	g.memory, g.chunks = m, make([]uint8, n)
}

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
			g.limits.note("a file is not registered", err)
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
			g.limits.note("a file is kept open", err)
		}
	}
}

// chunk finds the registered chunk that p lies in.
func (g *registry) chunk(p []byte) (index uint16, ok bool) {
	if g.memory == nil {
		return 0, false
	}
	n, memory, ok := g.memory.Chunk(p)
	if !ok || n >= len(g.chunks) {
		return 0, false
	}
	if g.chunks[n] == regUnknown && !g.full {
		g.register(n, memory)
	}
	return uint16(n), g.chunks[n] == regDone
}

func (g *registry) register(n int, memory []byte) {
	g.iov[0].Base = &memory[0]
	g.iov[0].SetLen(len(memory))
	switch _, err := g.ring.UpdateBuffers(uint32(n), g.iov[:], nil); {
	case err == nil:
		g.chunks[n] = regDone
	case errors.Is(err, syscall.ENOMEM) || errors.Is(err, syscall.EPERM):
		g.full = true // asking again for each chunk would cost more than it gives
		g.limits.note("no more memory is registered", err)
	default:
		g.chunks[n] = regRefused
		g.limits.note("memory is not registered", err)
	}
}

// limits are the reasons why something is done in a slower way than it could, each once.
type limits struct {
	mu    sync.Mutex
	texts []string
}

func (l *limits) note(what string, err error) {
	text := fmt.Sprintf("%s: %v", what, err)
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, t := range l.texts {
		if t == text {
			return
		}
	}
	l.texts = append(l.texts, text)
}

func (l *limits) list() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.texts...)
}
