package mem

import (
	"errors"
	"math"
	"math/bits"
	"sync/atomic"
)

// arena is the range of addresses in which a pool's chunks lie, MaxBytes apart, so that the chunk of an address is found by
// a division. It is reserved as a whole, which costs nothing, and committed chunk by chunk. Without a range, where the
// system or a limit gives none, chunks are mapped wherever there is room, and are not found by address.
type arena struct {
	memory []byte
	base   uintptr
	sizes  []atomic.Int32 // of each chunk in bytes; 0: it is not committed
	huge   bool           // it is to be backed by huge pages
}

// chunkCount is how many chunks a limit can hold: full ones, and one for each bit of the rest.
func chunkCount(limit int64) int {
	return int(limit/MaxBytes) + bits.OnesCount64(uint64(limit%MaxBytes/PageBytes))
}

// newArena reserves the range for n chunks, if that can be had.
func newArena(n int, huge bool, reserve func(bytes int) []byte) (arena, error) {
	a := arena{huge: huge}
	if n > math.MaxInt/MaxBytes {
		return a, nil
	}
	if a.memory = reserve(n * MaxBytes); a.memory == nil {
		return a, nil
	}
	a.base, a.sizes = addressOf(a.memory), make([]atomic.Int32, n)
	return a, adviseMemory(a.memory, huge)
}

// commit gives a chunk its memory.
func (a *arena) commit(number, size int) ([]byte, error) {
	if a.memory == nil {
		m, err := mapMemory(size)
		if err != nil {
			return nil, err
		}
		if err := adviseMemory(m, a.huge); err != nil {
			return nil, errors.Join(err, unmapMemory(m))
		}
		return m, nil
	}
	m := a.chunk(number, size)
	if err := commitMemory(m); err != nil {
		return nil, err
	}
	a.sizes[number].Store(int32(size))
	return m, nil
}

// decommit takes it away.
func (a *arena) decommit(number int, m []byte) error {
	if a.memory == nil {
		return unmapMemory(m)
	}
	a.sizes[number].Store(0)
	return decommitMemory(m)
}

// release gives the range back, in which nothing is committed any more. The fields stay, for a Chunk that runs meanwhile.
func (a *arena) release() error {
	if a.memory == nil {
		return nil
	}
	return unmapMemory(a.memory)
}

func (a *arena) chunk(number, size int) []byte {
	return a.memory[number*MaxBytes:][:size:size]
}

// Chunks is how many chunks the pool can have. The numbers that [Pool.Chunk] gives are below it.
func (p *Pool) Chunks() int { return len(p.chunks) }

// Chunk finds the chunk of the pool's memory in which b lies as a whole: its number, which is its own for the pool's life,
// and all of its memory, of MaxBytes at most. It is for those who register memory with a device or a kernel, as with
// io_uring's fixed buffers: a chunk is registered once, under its number, and serves all buffers in it. The memory stays
// where it is until Close, and after that for as long as a buffer in it is out.
//
// ok is false for an empty b, for memory that is not the pool's, and for all memory where the system does not give the
// pool a range of addresses for its chunks: only Linux does, and there a limit of the address space (RLIMIT_AS) may forbid
// it. Chunk takes no lock and costs some nanoseconds.
func (p *Pool) Chunk(b []byte) (number int, memory []byte, ok bool) {
	a := &p.arena
	offset := addressOf(b) - a.base
	if len(b) == 0 || offset >= uintptr(len(a.memory)) {
		return 0, nil, false
	}
	number = int(offset / MaxBytes)
	size := int(a.sizes[number].Load())
	if at := int(offset % MaxBytes); at >= size || len(b) > size-at {
		return 0, nil, false
	}
	return number, a.chunk(number, size), true
}
