package mem

import "time"

// How waiting works. Each class has a queue. A release that finds waiters takes the mutex and gives its block
// to the first of its class; it never reaches the stack, so that nobody can come between. When nobody waits
// for its class, those who wait for others are looked at, the longest waiter first: the block is divided, or put
// together with its neighbours where they are free as well. Neighbours that are in steady use are never all free by chance, so
// when drainAfter releases have passed the longest waiter by, larger blocks that come back are his, and a region is drained for
// him: its blocks are kept back as they come, until all are there.

const (
	// drainAfter is the patience before memory is taken from its users: draining costs them up to a
	// megabyte.
	drainAfter = 64
	// drainAgain is how many more releases may pass before another region is chosen, for one whose holder
	// keeps it.
	drainAgain = 1024
	// drainStuck is how long others wait for what is kept back while nothing comes to it: whoever has the rest may be waiting for
	// just that. Buffers that are in use come back sooner, but for those that are kept for long.
	drainStuck = 50 * time.Millisecond
)

// drain is the region whose blocks are kept back, if there is one.
type drain struct {
	region
	class int // of the waiter whom it is for
	held  chain
	watch *time.Timer // runs while others wait
	seen  int         // pages that were held when it was set
}

// end leaves no region, and gives the first of the blocks that were held.
func (d *drain) end() (first uint32) {
	if d.watch != nil {
		d.watch.Stop()
	}
	first = d.held.head
	*d = drain{}
	return first
}

// settle sees to those who wait for other classes than that of a block that came back, or whose place in ch was at page.
func (p *Pool) settle(ch *chunk, page, class int, woken *queue) {
	if p.closed {
		return
	}
	p.serveNear(ch, page, class, woken)
	p.passed++
	if p.passed == drainAfter || p.passed >= drainAgain {
		p.redrain(woken)
		p.passed = drainAfter + 1
		if p.deferred.Load() {
			p.retry(woken) // promises may have ended
		}
	}
	p.drained(woken)
}

// redrain chooses the region to drain for the longest waiter: the one with the fewest blocks out among those
// that were chosen least often, so that each has its turn and holders that never release cannot stop it.
func (p *Pool) redrain(woken *queue) {
	w := p.oldest(nil)
	if w == nil {
		return
	}
	var best region
	var least int
	var drains uint32
	for _, ch := range p.chunks[:p.chunkLen] {
		for first := 0; first+1<<w.class <= ch.pages; first += 1 << w.class {
			blk := ch.blocks[first]
			if blk == nil || int(blk.class) >= w.class {
				continue
			}
			r := ch.around(first, w.class)
			out := r.out()
			if n := ch.drains[first]; best.ch == nil || n < drains || n == drains && out < least {
				best, least, drains = r, out, n
			}
		}
	}
	if best.ch == nil {
		return
	}
	best.ch.drains[best.first]++
	if best == p.drain.region {
		return
	}
	p.endDrain(woken)
	if w.queued {
		p.drain = drain{region: best, class: w.class, held: p.gather(best)}
		p.watch()
	}
}

// drained ends a drain that is complete, or that no longer helps anybody.
func (p *Pool) drained(woken *queue) {
	d := &p.drain
	switch {
	case d.ch == nil:
	case p.queues[d.class].head == nil:
		p.endDrain(woken)
	case d.held.pages == d.pages:
		r := d.region
		d.end()
		p.distribute(p.recut(r, r.class()), r.class(), woken)
	}
}

// endDrain gives back what was kept.
func (p *Pool) endDrain(woken *queue) {
	if p.drain.ch == nil {
		return
	}
	for index := range p.chained(p.drain.end()) {
		p.offer(p.block(index), woken)
	}
	p.barren = [classCount]bool{}
	p.retry(woken)
}

// watch looks after a while whether what is drained should rather go to others who wait.
func (p *Pool) watch() {
	d := &p.drain
	if d.ch == nil || d.watch != nil || !p.othersWait(d.class) {
		return
	}
	d.seen = d.held.pages
	p.watches++
	number := p.watches
	d.watch = time.AfterFunc(drainStuck, func() { p.relent(number) })
}

// relent ends a drain to which nothing has come while others wait for what is there.
func (p *Pool) relent(watch uint64) {
	var woken queue
	p.mu.Lock()
	if d := &p.drain; d.watch != nil && p.watches == watch {
		d.watch = nil
		switch {
		case d.held.pages != d.seen:
			p.watch()
		case p.wasted():
			p.endDrain(&woken)
		}
	}
	p.mu.Unlock()
	woken.call()
}

// wasted reports whether somebody waits who could have a part of what is drained.
func (p *Pool) wasted() bool {
	for class := range p.drain.class {
		if p.queues[class].head != nil && p.drain.spares(class) {
			return true
		}
	}
	return false
}

// keep takes what has come back to the region off the stacks.
func (p *Pool) keep() {
	more := p.gather(p.drain.region)
	for index := range p.chained(more.head) {
		p.add(&p.drain.held, index)
	}
	p.watch()
}
