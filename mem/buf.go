package mem

import "sync"

// Buf is a handle on a piece of a pool's memory. The memory returns to the pool when its last handle is
// released. Handles may be used by any goroutine, but one handle not by two at the same time, and it is dead
// after its Release: it may then be somebody else's already.
type Buf struct {
	blk  *block
	dbg  handleDebug
	off  int32
	n    int32 // released when negative
	max  int32 // what SetLen may set
	slot int8  // place in block.slots, slotNone when the handle is one of its own
}

const (
	slotNone = -1
	dead     = -1
)

// spare holds handles for blocks that have more of them than slots.
var spare = sync.Pool{New: func() any { return &Buf{slot: slotNone, n: dead} }}

// Bytes is the memory. It must not be used after Release, and its capacity ends where that of the handle
// ends.
func (b *Buf) Bytes() []byte {
	if b.n < 0 {
		b.misused("Bytes")
	}
	return b.blk.mem[b.off : b.off+b.n : b.off+b.max]
}

// Len is the number of bytes in use.
func (b *Buf) Len() int {
	if b.n < 0 {
		b.misused("Len")
	}
	return int(b.n)
}

// Cap is the number of bytes that SetLen may set. A slice has as many as its length was when it was made, so
// that it cannot grow over its neighbour.
func (b *Buf) Cap() int {
	if b.n < 0 {
		b.misused("Cap")
	}
	return int(b.max)
}

// SetLen sets the number of bytes in use, 0 to Cap. Bytes that come in have whatever was there before.
func (b *Buf) SetLen(n int) {
	if b.n < 0 {
		b.misused("SetLen")
	}
	if uint(n) > uint(b.max) {
		panicRange("SetLen", 0, n, b.max)
	}
	b.n = int32(n)
}

// Slice is a new handle on bytes i to j, which is released on its own.
func (b *Buf) Slice(i, j int) *Buf {
	if b.n < 0 {
		b.misused("Slice")
	}
	if uint(i) > uint(j) || uint(j) > uint(b.n) {
		panicRange("Slice", i, j, b.n)
	}
	s := b.blk.take()
	s.off, s.n, s.max = b.off+int32(i), int32(j-i), int32(j-i)
	return s
}

// Ref is a new handle on the same bytes, with the same length and capacity, which is released on its own.
func (b *Buf) Ref() *Buf {
	if b.n < 0 {
		b.misused("Ref")
	}
	r := b.blk.take()
	r.off, r.n, r.max = b.off, b.n, b.max
	return r
}

// Release gives the handle up. It is called once per handle, from any goroutine; a second call panics where
// it can be told from the first one's successor. It may call the function of one that waits in [Pool.Notify].
func (b *Buf) Release() {
	if b.n < 0 {
		b.misused("Release")
	}
	blk := b.blk
	if b.drop() {
		blk.pool.put(blk)
	}
}
