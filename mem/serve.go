package mem

// oldest is the longest waiter of any class but those that were tried.
func (p *Pool) oldest(tried *[classCount]bool) (first *waiter) {
	for class := range p.queues {
		w := p.queues[class].head
		if w != nil && (tried == nil || !tried[class]) && (first == nil || w.ticket < first.ticket) {
			first = w
		}
	}
	return first
}

// othersWait reports whether somebody waits for another class.
func (p *Pool) othersWait(class int) bool {
	for other := range p.queues {
		if other != class && p.queues[other].head != nil {
			return true
		}
	}
	return false
}

// obtain finds a block: on the stack, or elsewhere as supply does.
func (p *Pool) obtain(class int, search bool, woken *queue) *block {
	if p.closed {
		return nil
	}
	if blk := p.pop(class); blk != nil {
		return blk
	}
	c := p.supply(class, search, woken)
	if c.head == 0 {
		return nil
	}
	blk := p.block(c.head)
	c.head = p.link(c.head).Load()
	p.distribute(c, class, woken)
	return blk
}

// supply makes blocks of a class in new memory, of a chunk that has become free, of a larger block, or if it is to search, of smaller
// ones that are neighbours.
func (p *Pool) supply(class int, search bool, woken *queue) chain {
	if ch := p.vacancy(class); ch != nil {
		return p.divide(ch, class, woken)
	}
	r, ok := p.larger(class)
	if !ok && search {
		r, ok = p.search(class)
	}
	if !ok {
		return chain{}
	}
	return p.carve(r, class, woken)
}

// vacancy finds a chunk that can be cut for a class. A mapping that the system refuses is like the limit.
func (p *Pool) vacancy(class int) *chunk {
	if first := p.chunks[0]; first.blocks[0] == nil && len(first.mem) >= classBytes(class) {
		return first
	}
	if p.chunkBytes() >= int64(classBytes(class)) && p.mapChunk() == nil {
		return p.chunks[p.chunkLen-1]
	}
	if p.mapped-p.inUse.Load() < int64(classBytes(class)) {
		return nil
	}
	for _, ch := range p.chunks[:p.chunkLen] {
		if len(ch.mem) >= classBytes(class) && ch.vacant() && p.reclaim(ch.region()) {
			return ch
		}
	}
	return nil
}

// serveNear gives a block that came back, or was at page, and what is free around it, to those who wait for other classes.
func (p *Pool) serveNear(ch *chunk, page, class int, woken *queue) {
	var tried [classCount]bool
	for w := p.oldest(&tried); w != nil; w = p.oldest(&tried) {
		var c chain
		free := p.freed(ch, page, class)
		if whole := ch.region(); free == whole.class() && free >= w.class && p.reclaim(whole) {
			c = p.divide(ch, w.class, woken)
		} else if r := ch.around(page, w.class); free >= w.class && w.class > class && p.reclaim(r) {
			c = p.recut(r, w.class)
		} else if r, ok := p.larger(w.class); ok {
			c = p.carve(r, w.class, woken)
		}
		if tried[w.class] = c.head == 0; c.head != 0 {
			p.distribute(c, w.class, woken)
		}
	}
}

// distribute gives blocks to those who wait for their class, and the rest to the stack.
func (p *Pool) distribute(c chain, class int, woken *queue) {
	var rest chain
	for index := range p.chained(c.head) {
		w := p.queues[class].head
		if w != nil {
			p.forget(w)
			woken.add(w)
		}
		switch {
		case w == nil:
			p.add(&rest, index)
		case w.fn != nil: // who is called takes it from the stack
			p.promise(w)
			p.add(&rest, index)
		default:
			w.blk = p.block(index)
			p.inUse.Add(int64(len(w.blk.mem)))
		}
	}
	if rest.head != 0 {
		p.push(rest.head, rest.tail, class)
	}
}

// offer is distribute of a single block.
func (p *Pool) offer(blk *block, woken *queue) {
	var one chain
	p.add(&one, blk.index)
	p.distribute(one, int(blk.class), woken)
}

// putSlow is put while somebody waits, or after Close.
func (p *Pool) putSlow(blk *block) {
	var woken queue
	p.mu.Lock()
	ch, page, class := blk.chunk, blk.region().first, int(blk.class)
	switch {
	case p.closed:
		p.add(&ch.held, blk.index)
		p.unmapWhole(ch)
	case p.drain.holds(blk.index):
		p.add(&p.drain.held, blk.index)
		p.watch()
	case p.overdue(class):
		p.push(blk.index, blk.index, class)
		p.serveNear(ch, page, class, &woken)
		p.serveRest(class, &woken)
	default:
		p.offer(blk, &woken)
	}
	p.settle(ch, page, class, &woken)
	p.mu.Unlock()
	woken.call()
}

// overdue reports whether the longest waiter was passed by so often that a larger block is his.
func (p *Pool) overdue(class int) bool {
	w := p.oldest(nil)
	return w != nil && w.class < class && p.passed >= drainAfter
}

// putRaced is for a release that saw nobody waiting, put its block on the stack, and then saw somebody. The block may be gone.
func (p *Pool) putRaced(index uint32, class int) {
	var woken queue
	p.mu.Lock()
	ch, page := p.chunks[(index-1)>>chunkShift], int(index-1)%chunkBlocks
	switch {
	case p.closed:
		p.holdAll()
	case p.drain.holds(index):
		p.keep()
	default:
		if p.queues[class].head == nil {
			break // a pop would pass for a promise that was kept
		}
		if blk := p.pop(class); blk != nil {
			p.offer(blk, &woken)
		}
	}
	p.settle(ch, page, class, &woken)
	p.mu.Unlock()
	woken.call()
}

// promise counts the waiters of a class that were called by Notify and have not come for their block yet, as
// far as can be told: each pop keeps one promise, whoever popped. While a promise is open no block of the
// class is cut for another one, or a waiter for a large block would be called again and again, too late each
// time.
type promise struct {
	count uint32
	since uint32 // pops of the class when count was 0
}

func (pr *promise) open(s *stack) bool {
	if pr.count != 0 && uint32(s.head.Load()>>32)-pr.since >= pr.count {
		pr.count = 0
	}
	return pr.count != 0
}

// cap is for a stack that was detached after so many pops, which is a pop itself: no more promises are open than there are blocks
// for them.
func (pr *promise) cap(blocks, pops uint32) {
	open := uint32(0)
	if kept := pops - pr.since; kept < pr.count {
		open = pr.count - kept
	}
	pr.count, pr.since = min(open, blocks), pops+1
}

// promise makes one for w, whose block was put on the stack, or is about to be.
func (p *Pool) promise(w *waiter) {
	pr, s := &p.promises[w.class], &p.stacks[w.class]
	if !pr.open(s) {
		pr.since = uint32(s.head.Load() >> 32)
	}
	pr.count++
	w.promised = true
}

// kept is for a get while somebody waits: it may have kept a promise that stood in a waiter's way.
func (p *Pool) kept() {
	var woken queue
	p.mu.Lock()
	if p.deferred.Load() && !p.closed {
		p.retry(&woken)
	}
	p.mu.Unlock()
	woken.call()
}

// serveRest gives those who wait for a class what lies on its stack and no promise is for.
func (p *Pool) serveRest(class int, woken *queue) {
	for p.queues[class].head != nil {
		if p.promises[class].open(&p.stacks[class]) {
			p.deferred.Store(true)
			return
		}
		blk := p.pop(class)
		if blk == nil {
			return
		}
		p.offer(blk, woken)
	}
}

// retry looks for free memory for all who wait, the longest waiters first.
func (p *Pool) retry(woken *queue) {
	p.deferred.Store(false)
	var tried [classCount]bool
	for w := p.oldest(&tried); w != nil; w = p.oldest(&tried) {
		p.serveRest(w.class, woken)
		if p.queues[w.class].head == nil {
			continue
		}
		c := p.supply(w.class, true, woken)
		if tried[w.class] = c.head == 0; c.head != 0 {
			p.distribute(c, w.class, woken)
		}
	}
	p.drained(woken)
}
