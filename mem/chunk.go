package mem

import "sync/atomic"

const (
	chunkShift  = 8 // blocks of a page in the largest chunk
	chunkBlocks = MaxBytes / PageBytes
)

// chunk is a mapping, cut into blocks of one class. All fields but next are guarded by Pool.mu, and may be
// read by the owner of one of its blocks: a chunk is cut anew only when all of its blocks are off the stack
// and without handles.
type chunk struct {
	mem    []byte
	number uint32
	class  int8 // uncut at first
	blocks []block

	held   chain // blocks that are kept back while the chunk is drained, or the pool closed
	busy   int   // where a block with handles was found last
	drains int   // times that it was chosen to be drained since it was cut

	// next is what lies below each block in its stack. It is no part of the blocks, because the reader of a
	// stack's head may come here when the chunk has long been cut anew.
	next [chunkBlocks]atomic.Uint32
}

const uncut = -1

// chain is a list of blocks, linked like a stack. It holds numbers plus one; zero is the end.
type chain struct {
	head, tail uint32
	count      int
}

func (p *Pool) link(index uint32) *atomic.Uint32 {
	index--
	return &p.chunks[index>>chunkShift].next[index%chunkBlocks]
}

func (p *Pool) block(index uint32) *block {
	index--
	return &p.chunks[index>>chunkShift].blocks[index%chunkBlocks]
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

// detach takes all blocks of a stack and gives the first.
func (p *Pool) detach(class int) (first uint32) {
	head := &p.stacks[class].head
	for {
		old := head.Load()
		if head.CompareAndSwap(old, (old>>32+1)<<32) {
			return uint32(old)
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
	c.count++
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

// mapChunk maps one more chunk, uncut.
func (p *Pool) mapChunk() error {
	m, err := p.arena.commit(p.chunkLen, int(p.chunkBytes()))
	if err != nil {
		return err
	}
	p.mapped += int64(len(m))
	p.chunks[p.chunkLen] = &chunk{mem: m, number: uint32(p.chunkLen), class: uncut}
	p.chunkLen++
	return nil
}

// cut makes blocks of a class of a chunk that has none in use, and gives them as a chain.
func (p *Pool) cut(ch *chunk, class int) chain {
	for i := range ch.blocks {
		p.gets.Add(ch.blocks[i].state.Load() >> handleBits)
	}
	size := classBytes(class)
	if ch.class > 0 {
		p.large -= int64(len(ch.mem))
	}
	if class > 0 {
		p.large += int64(len(ch.mem))
	}
	ch.class, ch.busy, ch.drains, ch.held = int8(class), 0, 0, chain{}
	ch.blocks = make([]block, len(ch.mem)/size)
	var c chain
	for i := range ch.blocks {
		blk := &ch.blocks[i]
		blk.pool, blk.chunk = p, ch
		blk.mem = ch.mem[i*size : (i+1)*size : (i+1)*size]
		blk.index = ch.number<<chunkShift + uint32(i) + 1
		for s := range blk.slots {
			blk.slots[s] = Buf{blk: blk, slot: int8(s), n: dead}
		}
		p.add(&c, blk.index)
	}
	return c
}

// vacant reports whether no block of the chunk has handles. A block may still be on its way to the stack or
// from it.
func (ch *chunk) vacant() bool {
	if ch.busy < len(ch.blocks) && ch.blocks[ch.busy].state.Load()&handleMask != 0 {
		return false
	}
	for i := range ch.blocks {
		if ch.blocks[i].state.Load()&handleMask != 0 {
			ch.busy = i
			return false
		}
	}
	return true
}

// out counts the blocks that have handles.
func (ch *chunk) out() (n int) {
	for i := range ch.blocks {
		if ch.blocks[i].state.Load()&handleMask != 0 {
			n++
		}
	}
	return n
}

// gather takes the chunk's blocks off their stack and holds them. Whoever finds the stack empty meanwhile
// waits for the mutex and looks again.
func (p *Pool) gather(ch *chunk) {
	var others chain
	for index := p.detach(int(ch.class)); index != 0; {
		below := p.link(index).Load()
		if (index-1)>>chunkShift == ch.number {
			p.add(&ch.held, index)
		} else {
			p.add(&others, index)
		}
		index = below
	}
	if others.count > 0 {
		p.push(others.head, others.tail, int(ch.class))
	}
}

// whole reports whether all blocks of the chunk are held.
func (ch *chunk) whole() bool { return ch.held.count == len(ch.blocks) }

// reclaim takes a chunk that has no block out, if it is so and its blocks are not promised; then it may be
// cut anew.
func (p *Pool) reclaim(ch *chunk) bool {
	if ch.class == uncut {
		return true
	}
	if !ch.vacant() {
		return false
	}
	if p.promises[ch.class].open(&p.stacks[ch.class]) {
		p.deferred.Store(true)
		return false
	}
	p.gather(ch)
	if ch.whole() {
		return true
	}
	held := ch.held
	ch.held = chain{}
	if held.count > 0 {
		p.push(held.head, held.tail, int(ch.class))
	}
	return false
}

// unmap gives a chunk's memory back to the system.
func (p *Pool) unmap(ch *chunk) error {
	m := ch.mem
	if m == nil {
		return nil
	}
	for i := range ch.blocks {
		ch.blocks[i].mem = nil
	}
	ch.mem = nil
	p.mapped -= int64(len(m))
	if err := p.arena.decommit(int(ch.number), m); err != nil || p.mapped > 0 {
		return err
	}
	return p.arena.release()
}
