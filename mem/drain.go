package mem

// How waiting works. Each class has a queue. A release that finds waiters takes the mutex and gives its block
// to the first of its class; it never reaches the stack, so that nobody can come between. When nobody waits
// for its class but its chunk has become free as a whole, the chunk is cut for the one that has waited
// longest. Chunks that are in steady use never become free by chance, so when drainAfter releases have passed
// the longest waiter by, the chunk with the fewest blocks out is drained: its blocks are kept back as they
// come, until all are there.

const (
	// drainAfter is the patience before a chunk is taken from its users: draining costs them up to a
	// megabyte.
	drainAfter = 64
	// drainAgain is how many more releases may pass before another chunk is chosen, for one whose holder
	// keeps it.
	drainAgain = 1024
)

// settle sees to those who wait for other classes than that of a block that came back to ch.
func (p *Pool) settle(ch *chunk, woken *queue) {
	if p.closed {
		return
	}
	if ch != p.drain {
		if w := p.oldest(int(ch.class), len(ch.mem)); w != nil && p.reclaim(ch) {
			p.distribute(p.cut(ch, w.class), w.class, woken)
		}
	}
	p.passed++
	if p.passed == drainAfter || p.passed >= drainAgain {
		p.redrain(woken)
		p.passed = drainAfter + 1
	}
	p.drained(woken)
}

// redrain chooses the chunk to drain for the longest waiter: the one with the fewest blocks out among those
// that were chosen least often, so that each has its turn and holders that never release cannot stop it.
func (p *Pool) redrain(woken *queue) {
	w := p.oldest(uncut, MaxBytes)
	if w == nil {
		return
	}
	var best *chunk
	var least int
	for _, ch := range p.chunks[:p.chunkLen] {
		if int(ch.class) == w.class || len(ch.mem) < classBytes(w.class) {
			continue
		}
		out := ch.out()
		if best == nil || ch.drains < best.drains || ch.drains == best.drains && out < least {
			best, least = ch, out
		}
	}
	if best == nil {
		return
	}
	if best != p.drain {
		p.endDrain(woken)
		p.drain = best
		p.gather(best)
	}
	best.drains++
}

// drained ends a drain that is complete, or that no longer helps anybody.
func (p *Pool) drained(woken *queue) {
	ch := p.drain
	if ch == nil {
		return
	}
	w := p.oldest(int(ch.class), len(ch.mem))
	switch {
	case w == nil:
		p.endDrain(woken)
	case ch.whole():
		p.drain = nil
		p.distribute(p.cut(ch, w.class), w.class, woken)
	}
}

// endDrain gives back what was kept.
func (p *Pool) endDrain(woken *queue) {
	ch := p.drain
	if ch == nil {
		return
	}
	p.drain = nil
	held := ch.held
	ch.held = chain{}
	p.distribute(held, int(ch.class), woken)
}
