//go:build linux && !unio_nouring

package ringfile

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/unio-go/unio/uring"
)

// chunksMax is the most that a ring's table of buffers holds, io_uring_register_buffers(3).
const chunksMax = 1 << 14

// What is known about a chunk.
const (
	chunkUnknown = iota
	chunkDone
	chunkRefused
)

// Memory is what a ring has registered of memory: a chunk under its number, when it is used first, as far as the kernel and
// the limit of locked memory allow it; whatever is not works all the same. The zero value has registered nothing. One
// goroutine uses it at a time.
type Memory struct {
	ring   *uring.Ring
	from   Chunks
	note   func(what string, err error)
	chunks []uint8
	full   bool // the limit of locked memory is reached
	iov    [1]unix.Iovec
}

// Open makes the ring's table of buffers. note is told of what is not registered, and why.
func (m *Memory) Open(ring *uring.Ring, from Chunks, note func(what string, err error)) {
	if from == nil || from.Chunks() == 0 {
		return
	}
	n := min(from.Chunks(), chunksMax)
	if err := ring.RegisterBuffersSparse(uint32(n)); err != nil {
		note("memory is not registered", err)
		return
	}
	m.ring, m.from, m.note, m.chunks = ring, from, note, make([]uint8, n)
}

// Find is the number of the registered buffer in which p lies.
func (m *Memory) Find(p []byte) (number uint16, ok bool) {
	if len(m.chunks) == 0 {
		return 0, false
	}
	n, memory, ok := m.from.Chunk(p)
	if !ok || n >= len(m.chunks) {
		return 0, false
	}
	if m.chunks[n] == chunkUnknown && !m.full {
		m.register(n, memory)
	}
	return uint16(n), m.chunks[n] == chunkDone
}

func (m *Memory) register(n int, memory []byte) {
	m.iov[0].Base = &memory[0]
	m.iov[0].SetLen(len(memory))
	switch _, err := m.ring.UpdateBuffers(uint32(n), m.iov[:], nil); {
	case err == nil:
		m.chunks[n] = chunkDone
	case errors.Is(err, syscall.ENOMEM) || errors.Is(err, syscall.EPERM):
		m.full = true // asking again for each chunk would cost more than it gives
		m.note("no more memory is registered", err)
	default:
		m.chunks[n] = chunkRefused
		m.note("memory is not registered", err)
	}
}

// Close gives everything back at once; the end of the ring would do it some time later.
func (m *Memory) Close() {
	if m.chunks != nil {
		_ = m.ring.UnregisterBuffers()
	}
}
