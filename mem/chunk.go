package mem

import (
	"iter"
	"sync/atomic"
)

const (
	chunkShift  = 8 // blocks of a page in the largest chunk
	chunkBlocks = MaxBytes / PageBytes
)

// chunk is a mapping, cut into blocks. It is cut as a whole for one class first, and where the pool has no other memory parts of it
// are cut anew, see region. All fields but next are guarded by Pool.mu; blocks may also be read, at its own place, by the owner of a
// block: a part is cut anew only when all of its blocks are off the stacks and without handles.
type chunk struct {
	mem    []byte // nil when it is unmapped
	pages  int
	number uint32
	blocks [chunkBlocks]*block // each at its first page; all nil before the chunk is cut
	small  int                 // blocks of a page

	held   chain               // free blocks of a closed pool
	busy   int                 // where a block with handles was found last
	drains [chunkBlocks]uint32 // times that the region that begins there was chosen to be drained

	// next is what lies below each block in its stack. It is no part of the blocks, because the reader of a
	// stack's head may come here when the chunk has long been cut anew.
	next [chunkBlocks]atomic.Uint32
}

// chain is a list of blocks, linked like a stack. It holds numbers plus one; zero is the end.
type chain struct {
	head, tail uint32
	pages      int
}

func (p *Pool) link(index uint32) *atomic.Uint32 {
	index--
	return &p.chunks[index>>chunkShift].next[index%chunkBlocks]
}

func (p *Pool) block(index uint32) *block {
	index--
	return p.chunks[index>>chunkShift].blocks[index%chunkBlocks]
}

// pop takes the top block of a stack, or gives nil.
func (p *Pool) pop(class int) *block {
	head := &p.stacks[class].head
	for {
		old := head.Load()
		top := uint32(old)
		if top == 0 {
			return nil
		}
		below := p.link(top).Load()
		if head.CompareAndSwap(old, (old>>32+1)<<32|uint64(below)) {
			return p.block(top)
		}
	}
}

// push puts blocks that are linked from first to last on a stack.
func (p *Pool) push(first, last uint32, class int) {
	head, below := &p.stacks[class].head, p.link(last)
	for {
		old := head.Load()
		below.Store(uint32(old))
		if head.CompareAndSwap(old, old>>32<<32|uint64(first)) {
			return
		}
	}
}

// detach takes all blocks of a stack and gives the first, and the count of pops before.
func (p *Pool) detach(class int) (first, pops uint32) {
	head := &p.stacks[class].head
	for {
		old := head.Load()
		if head.CompareAndSwap(old, (old>>32+1)<<32) {
			return uint32(old), uint32(old >> 32)
		}
	}
}

// add appends a block that is in no stack.
func (p *Pool) add(c *chain, index uint32) {
	p.link(index).Store(0)
	if c.head == 0 {
		c.head = index
	} else {
		p.link(c.tail).Store(index)
	}
	c.tail = index
	c.pages += p.block(index).pages()
}

// chained are the blocks of a chain or a detached stack from one on. The loop may put each where it likes.
func (p *Pool) chained(index uint32) iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		for index != 0 {
			below := p.link(index).Load()
			if !yield(index) {
				return
			}
			index = below
		}
	}
}

// chunkBytes is the size of the next chunk, 0 at the limit.
func (p *Pool) chunkBytes() int64 {
	rest := p.limit - p.mapped
	size := int64(MaxBytes)
	for size > rest {
		size /= 2
	}
	if size < PageBytes {
		return 0
	}
	return size
}

// mapChunk maps one more chunk, which is not cut.
func (p *Pool) mapChunk() error {
	m, err := p.arena.commit(p.chunkLen, int(p.chunkBytes()))
	if err != nil {
		return err
	}
	p.mapped += int64(len(m))
	p.chunks[p.chunkLen] = &chunk{mem: m, pages: len(m) >> pageShift, number: uint32(p.chunkLen)}
	p.chunkLen++
	return nil
}

// whole reports whether all blocks of the chunk of a closed pool are held.
func (ch *chunk) whole() bool { return ch.blocks[0] == nil || ch.held.pages == ch.pages }

// unmap gives a chunk's memory back to the system.
func (p *Pool) unmap(ch *chunk) error {
	m := ch.mem
	if m == nil {
		return nil
	}
	for blk := range ch.region().blocks() {
		blk.mem = nil
	}
	ch.mem = nil
	p.mapped -= int64(len(m))
	if err := p.arena.decommit(int(ch.number), m); err != nil || p.mapped > 0 {
		return err
	}
	return p.arena.release()
}
