package mem

// shut is Close with the mutex held.
func (p *Pool) shut(woken *queue) error {
	if p.closed {
		return nil
	}
	p.closed = true
	p.waiting.Add(closedBias)
	for class := range p.queues {
		for w := p.queues[class].head; w != nil; w = p.queues[class].head {
			p.forget(w)
			if w.ready != nil {
				woken.add(w)
			}
		}
	}
	for index := range p.chained(p.drain.end()) {
		p.add(&p.block(index).chunk.held, index)
	}
	return p.holdAll()
}

// holdAll takes all free blocks off the stacks of a closed pool, and unmaps the chunks that are whole.
func (p *Pool) holdAll() (err error) {
	for class := range p.stacks {
		first, _ := p.detach(class)
		for index := range p.chained(first) {
			p.add(&p.block(index).chunk.held, index)
		}
	}
	for _, ch := range p.chunks[:p.chunkLen] {
		if e := p.unmapWhole(ch); e != nil && err == nil {
			err = e
		}
	}
	return err
}

// unmapWhole unmaps a chunk of a closed pool when all of its blocks are back.
func (p *Pool) unmapWhole(ch *chunk) error {
	if !ch.whole() {
		return nil
	}
	return p.unmap(ch)
}
