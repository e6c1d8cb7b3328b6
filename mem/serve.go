package mem

// oldest is the longest waiter of any class but one, for a block of at most size bytes.
func (p *Pool) oldest(but, size int) (first *waiter) {
	for class := range p.queues {
		w := p.queues[class].head
		if w == nil || class == but || classBytes(class) > size {
			continue
		}
		if first == nil || w.ticket < first.ticket {
			first = w
		}
	}
	return first
}

// obtain finds a block: on the stack, in new memory, or in a chunk of another class that has become free.
func (p *Pool) obtain(class int, woken *queue) *block {
	if p.closed {
		return nil
	}
	if blk := p.pop(class); blk != nil {
		return blk
	}
	ch := p.vacancy(class)
	if ch == nil {
		return nil
	}
	c := p.cut(ch, class)
	blk := p.block(c.head)
	c.head = p.link(c.head).Load()
	c.count--
	p.distribute(c, class, woken)
	return blk
}

// vacancy finds a chunk that can be cut for a class. A mapping that the system refuses is like the limit.
func (p *Pool) vacancy(class int) *chunk {
	if first := p.chunks[0]; first.class == uncut && len(first.mem) >= classBytes(class) {
		return first
	}
	if p.chunkBytes() >= int64(classBytes(class)) && p.mapChunk() == nil {
		return p.chunks[p.chunkLen-1]
	}
	if p.mapped-p.inUse.Load() < int64(classBytes(class)) {
		return nil
	}
	for _, ch := range p.chunks[:p.chunkLen] {
		if ch != p.drain && int(ch.class) != class && len(ch.mem) >= classBytes(class) && p.reclaim(ch) {
			return ch
		}
	}
	return nil
}

// distribute gives blocks to those who wait for their class, and the rest to the stack.
func (p *Pool) distribute(c chain, class int, woken *queue) {
	var rest chain
	for index := c.head; index != 0; {
		below := p.link(index).Load()
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
		index = below
	}
	if rest.count > 0 {
		p.push(rest.head, rest.tail, class)
	}
}

// offer is distribute of a single block.
func (p *Pool) offer(blk *block, woken *queue) {
	var one chain
	p.add(&one, blk.index)
	p.distribute(one, int(blk.chunk.class), woken)
}

// putSlow is put while somebody waits, or after Close.
func (p *Pool) putSlow(blk *block) {
	var woken queue
	p.mu.Lock()
	ch := blk.chunk
	switch {
	case p.closed:
		p.add(&ch.held, blk.index)
		p.unmapWhole(ch)
	case ch == p.drain:
		p.add(&ch.held, blk.index)
	default:
		p.offer(blk, &woken)
	}
	p.settle(ch, &woken)
	p.mu.Unlock()
	woken.call()
}

// putRaced is for a release that saw nobody waiting, put its block on the stack, and then saw somebody.
func (p *Pool) putRaced(ch *chunk) {
	var woken queue
	p.mu.Lock()
	switch {
	case p.closed:
		p.holdAll()
	case ch == p.drain:
		p.gather(ch)
	default:
		if blk := p.pop(int(ch.class)); blk != nil {
			p.offer(blk, &woken)
		}
	}
	p.settle(ch, &woken)
	p.mu.Unlock()
	woken.call()
}

// promise counts the waiters of a class that were called by Notify and have not come for their block yet, as
// far as can be told: each pop keeps one promise, whoever popped. While a promise is open no chunk of the
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

// retry looks for free blocks and chunks for all who wait, the longest waiters first.
func (p *Pool) retry(woken *queue) {
	p.deferred.Store(false)
	var tried [classCount]bool
	for {
		var w *waiter
		for class := range p.queues {
			first := p.queues[class].head
			if first != nil && !tried[class] && (w == nil || first.ticket < w.ticket) {
				w = first
			}
		}
		if w == nil {
			break
		}
		tried[w.class] = true
		p.serveRest(w.class, woken)
		if p.queues[w.class].head == nil {
			continue
		}
		if ch := p.vacancy(w.class); ch != nil {
			p.distribute(p.cut(ch, w.class), w.class, woken)
		}
	}
	p.drained(woken)
}
