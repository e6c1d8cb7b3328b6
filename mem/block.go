package mem

import (
	"fmt"
	"math/bits"
	"sync/atomic"
)

// slotCount handles of a block are part of it. Four cover what a message usually becomes: the buffer, its
// head, its body and one reference; the others come from a sync.Pool, which costs about twice as much.
const slotCount = 4

// The state of a block is one word, so that counting a handle, finding it a place and noticing that it was
// released twice are one atomic instruction:
//
//	bits 0-3    slots that are in use
//	bits 4-31   handles that are not in slots
//	bits 32-63  how often the block was handed out, for PoolStats.Gets
const (
	slotMask   = 1<<slotCount - 1
	extraOne   = 1 << slotCount
	handleBits = 32
	handleMask = 1<<handleBits - 1
	getsOne    = 1 << handleBits
)

// block is a piece of memory of one size class. It lives in the Go heap, the memory outside.
type block struct {
	state atomic.Uint64
	pool  *Pool
	chunk *chunk
	mem   []byte
	index uint32 // in the pool's numbering, see stack
	class int8
	dbg   blockDebug
	slots [slotCount]Buf
}

func (blk *block) pages() int { return 1 << blk.class }

func (blk *block) busy() bool { return blk.state.Load()&handleMask != 0 }

// handles counts the handles in a state word.
func handles(state uint64) int {
	return bits.OnesCount64(state&slotMask) + int(state&handleMask)>>slotCount
}

// first makes the handle of a block that was just taken off a free stack, n bytes long.
func (blk *block) first(n int) *Buf {
	state := blk.state.Load()
	if state&handleMask != 0 {
		panic("mem: a free block has handles: the pool is corrupt")
	}
	if state>>handleBits == handleMask {
		blk.pool.gets.Add(handleMask)
		state = 0
	}
	state += getsOne
	var b *Buf
	if debug {
		blk.checkMangled()
		blk.state.Store(state + extraOne)
		b = blk.track(&Buf{blk: blk, slot: slotNone})
	} else {
		blk.state.Store(state | 1)
		b = &blk.slots[0]
	}
	b.off, b.n, b.max = 0, int32(n), int32(len(blk.mem))
	return b
}

// take makes one more handle. The caller has one, so the block cannot go meanwhile.
func (blk *block) take() *Buf {
	if debug {
		blk.state.Add(extraOne)
		return blk.track(&Buf{blk: blk, slot: slotNone})
	}
	for {
		state := blk.state.Load()
		slot := bits.TrailingZeros64(^state)
		if slot >= slotCount {
			break
		}
		if blk.state.CompareAndSwap(state, state|1<<slot) {
			return &blk.slots[slot]
		}
	}
	if state := blk.state.Add(extraOne); state&handleMask < extraOne {
		panic("mem: too many handles on one buffer")
	}
	b := spare.Get().(*Buf)
	b.blk = blk
	return b
}

// drop takes the handle out of its block's count and reports whether it was the last one.
func (b *Buf) drop() (last bool) {
	blk := b.blk
	if debug {
		b.untrack()
	}
	b.n = dead
	if b.slot >= 0 {
		bit := uint64(1) << b.slot
		old := blk.state.And(^bit)
		if old&bit == 0 {
			b.misused("Release")
		}
		return old&handleMask == bit
	}
	if !debug {
		b.blk = nil
		spare.Put(b)
	}
	state := blk.state.Add(^uint64(extraOne - 1))
	if state&handleMask>>slotCount == handleMask>>slotCount {
		panic("mem: buffer released twice")
	}
	return state&handleMask == 0
}

func panicRange(method string, i, j int, limit int32) {
	panic(fmt.Sprintf("mem: Buf.%s: [%d:%d] out of range 0..%d", method, i, j, limit))
}
