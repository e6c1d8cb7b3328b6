package mem

import "iter"

const none = -1

// region is a part of a chunk, a power of two of pages that begins at a multiple of them. Blocks are such parts as well, so a region
// consists of whole blocks or lies within one.
type region struct {
	ch           *chunk
	first, pages int
}

// region is the whole chunk.
func (ch *chunk) region() region { return region{ch, 0, ch.pages} }

func (blk *block) region() region {
	return region{blk.chunk, int(blk.index-1) % chunkBlocks, blk.pages()}
}

// around is the region of a class that a page lies in.
func (ch *chunk) around(page, class int) region {
	return region{ch, page &^ (1<<class - 1), 1 << class}
}

// class is the class of a block that is as large.
func (r region) class() int { return classOf(r.pages << pageShift) }

// blocks are those that the region consists of: none where it lies within one, or the chunk is not cut.
func (r region) blocks() iter.Seq[*block] {
	return func(yield func(*block) bool) {
		for i := r.first; i < r.first+r.pages; {
			blk := r.ch.blocks[i]
			if blk == nil || blk.pages() > r.pages || !yield(blk) {
				return
			}
			i += blk.pages()
		}
	}
}

// free reports whether the region consists of blocks without handles. One may still be on its way to its stack or from it.
func (r region) free() bool {
	some := false
	for blk := range r.blocks() {
		if some = !blk.busy(); !some {
			return false
		}
	}
	return some
}

// out counts the blocks that have handles.
func (r region) out() (n int) {
	for blk := range r.blocks() {
		if blk.busy() {
			n++
		}
	}
	return n
}

// spares reports whether a block of a class can be cut out of the region while others in it have handles.
func (r region) spares(class int) bool {
	for blk := range r.blocks() {
		if int(blk.class) >= class && !blk.busy() {
			return true
		}
	}
	for first := r.first; first < r.first+r.pages; first += 1 << class {
		if r.ch.around(first, class).free() {
			return true
		}
	}
	return false
}

// vacant reports whether no block of the chunk has handles.
func (ch *chunk) vacant() bool {
	if blk := ch.blocks[ch.busy]; blk != nil && blk.busy() {
		return false
	}
	for blk := range ch.region().blocks() {
		if blk.busy() {
			ch.busy = blk.region().first
			return false
		}
	}
	return true
}

// gather takes the region's blocks off their stacks. Whoever finds a stack empty meanwhile waits
// for the mutex and looks again.
func (p *Pool) gather(r region) (held chain) {
	var classes [classCount]bool
	for blk := range r.blocks() {
		classes[blk.class] = true
	}
	for class, some := range classes {
		if !some {
			continue
		}
		var others chain
		left := uint32(0)
		first, pops := p.detach(class)
		for index := range p.chained(first) {
			if r.holds(index) {
				p.add(&held, index)
			} else {
				p.add(&others, index)
				left++
			}
		}
		p.promises[class].cap(left, pops)
		if others.head != 0 {
			p.push(others.head, others.tail, class)
		}
	}
	return held
}

// holds reports whether a block begins in the region.
func (r region) holds(index uint32) bool {
	index--
	return r.ch != nil && index>>chunkShift == r.ch.number && uint(index%chunkBlocks)-uint(r.first) < uint(r.pages)
}

// overlaps reports whether two regions, of which either may be none, have pages in common.
func (r region) overlaps(o region) bool {
	return r.ch == o.ch && r.first < o.first+o.pages && o.first < r.first+r.pages
}

// reclaim takes a region of which no block is out, if it is so and no block is promised; then it may be cut anew.
func (p *Pool) reclaim(r region) bool {
	if r.overlaps(p.drain.region) {
		return false
	}
	if r.ch.blocks[0] == nil {
		return true
	}
	if !r.free() {
		return false
	}
	for blk := range r.blocks() {
		if p.promises[blk.class].open(&p.stacks[blk.class]) {
			p.deferred.Store(true)
			return false
		}
	}
	held := p.gather(r)
	if held.pages == r.pages {
		return true
	}
	for index := range p.chained(held.head) {
		p.push(index, index, int(p.block(index).class))
	}
	return false
}

// discard ends the blocks of a region that was reclaimed and is to be cut for a class.
func (p *Pool) discard(r region, class int) (was blockDebug) {
	for above := class + 1; above <= r.class(); above++ {
		p.barren[above] = false // who was called and does not come leaves neighbours that are free
	}
	for blk := range r.blocks() {
		at := blk.region().first
		was.join(&blk.dbg, at == r.first)
		p.gets.Add(blk.state.Load() >> handleBits)
		if blk.class == 0 {
			r.ch.small--
		} else {
			p.large -= int64(len(blk.mem))
		}
		r.ch.blocks[at] = nil
	}
	return was
}

// cut makes blocks of a class of a region that has none, and gives them as a chain.
func (p *Pool) cut(r region, class int, was blockDebug) (c chain) {
	ch := r.ch
	if class == 0 {
		ch.small += r.pages
	} else {
		p.large += int64(r.pages) << pageShift
	}
	made := make([]block, r.pages>>class)
	for i := range made {
		blk, first := &made[i], r.first+i<<class
		blk.pool, blk.chunk, blk.class, blk.dbg = p, ch, int8(class), was
		from, to := first<<pageShift, (first+1<<class)<<pageShift
		blk.mem = ch.mem[from:to:to]
		blk.index = ch.number<<chunkShift + uint32(first) + 1
		for s := range blk.slots {
			blk.slots[s] = Buf{blk: blk, slot: int8(s), n: dead}
		}
		ch.blocks[first] = blk
		p.add(&c, blk.index)
	}
	return c
}

// divide cuts a chunk that was reclaimed for a class: as a whole, or where others wait, so that they find what is left.
func (p *Pool) divide(ch *chunk, class int, woken *queue) chain {
	if p.othersWait(class) {
		return p.carve(ch.region(), class, woken)
	}
	return p.recut(ch.region(), class)
}

// recut cuts a region that was reclaimed into blocks of a class.
func (p *Pool) recut(r region, class int) chain {
	was := p.discard(r, class)
	return p.cut(r, class, was)
}

// carve cuts one block of a class out of a region that was reclaimed. What is left stays as large as it can.
func (p *Pool) carve(r region, class int, woken *queue) chain {
	was := p.discard(r, class)
	for r.pages > 1<<class {
		r.pages /= 2
		rest := region{r.ch, r.first + r.pages, r.pages}
		p.distribute(p.cut(rest, rest.class(), was), rest.class(), woken)
	}
	return p.cut(r, class, was)
}

// larger takes the smallest free block of the classes above one.
func (p *Pool) larger(class int) (r region, ok bool) {
	for above := class + 1; above <= p.maxClass; above++ {
		if uint32(p.stacks[above].head.Load()) == 0 {
			continue
		}
		if p.promises[above].open(&p.stacks[above]) {
			p.deferred.Store(true)
			continue
		}
		if blk := p.pop(above); blk != nil {
			return blk.region(), true
		}
	}
	return region{}, false
}

// search takes a region of a class that consists of smaller blocks. What it finds nothing of is not looked for again before a release
// has changed that, see freed: who waits for it may be many.
func (p *Pool) search(class int) (r region, ok bool) {
	if p.barren[class] {
		return region{}, false
	}
	barren := true
	for _, ch := range p.chunks[:p.chunkLen] {
		for first := 0; first+1<<class <= ch.pages; first += 1 << class {
			if r := ch.around(first, class); r.free() {
				if p.reclaim(r) {
					return r, true
				}
				barren = r.overlaps(p.drain.region) && barren
			}
		}
	}
	p.barren[class] = barren
	return region{}, false
}

// freed is the class of the largest free region around a block that came back, none when it is gone again. While somebody waits each
// release comes here, so that what search knows stays true.
func (p *Pool) freed(ch *chunk, page, class int) int {
	r := ch.around(page, class)
	if r.overlaps(p.drain.region) || !r.free() {
		return none
	}
	for r.pages < ch.pages {
		if buddy := (region{ch, r.first ^ r.pages, r.pages}); buddy.overlaps(p.drain.region) || !buddy.free() {
			break
		}
		r = ch.around(r.first, r.class()+1)
	}
	for c := range r.class() + 1 {
		p.barren[c] = false
	}
	return r.class()
}
