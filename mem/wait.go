package mem

import (
	"context"
	"fmt"
)

// How waiting works. Each class has a queue. A release that finds waiters takes the mutex and gives its block to the
// first of its class; it never reaches the stack, so that nobody can come between. When nobody waits for its class but
// its chunk has become free as a whole, the chunk is cut for the one that has waited longest. Chunks that are in steady
// use never become free by chance, so when drainAfter releases have passed the longest waiter by, the chunk with the
// fewest blocks out is drained: its blocks are kept back as they come, until all are there.

const (
	// drainAfter is the patience before a chunk is taken from its users: draining costs them up to a megabyte.
	drainAfter = 64
	// drainAgain is how many more releases may pass before another chunk is chosen, for one whose holder keeps it.
	drainAgain = 1024
)

// waiter is somebody who waits for a block.
type waiter struct {
	class      int
	ticket     uint64
	fn         func()        // of Notify
	ready      chan struct{} // of Get: closed when blk is set, or the pool closed
	blk        *block
	queued     bool
	prev, next *waiter
}

// queue is a list of waiters, first come first served.
type queue struct{ head, tail *waiter }

func (q *queue) add(w *waiter) {
	w.prev, w.next = q.tail, nil
	if q.tail == nil {
		q.head = w
	} else {
		q.tail.next = w
	}
	q.tail = w
}

func (q *queue) remove(w *waiter) {
	if w.prev == nil {
		q.head = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		q.tail = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.prev, w.next = nil, nil
}

// call tells the waiters of a queue that they were served. The mutex is not held.
func (q *queue) call() {
	for w := q.head; w != nil; {
		next := w.next
		w.prev, w.next = nil, nil
		if w.fn != nil {
			w.fn()
		} else {
			close(w.ready)
		}
		w = next
	}
}

// Get is TryGet that waits. The error is that of ctx, ErrClosed, or says that n is not between 1 and MaxLen. It blocks
// the goroutine. Those who wait are served in the order in which they came.
func (p *Pool) Get(ctx context.Context, n int) (*Buf, error) {
	if err := p.check(n); err != nil {
		return nil, err
	}
	if b, ok := p.TryGet(n); ok {
		return b, nil
	}
	w := &waiter{class: classOf(n), ready: make(chan struct{})}
	blk, err := p.enqueue(w)
	if err != nil {
		return nil, err
	}
	if blk != nil {
		p.inUse.Add(int64(len(blk.mem)))
		return blk.first(n), nil
	}
	select {
	case <-w.ready:
	case <-ctx.Done():
		if p.dequeue(w) {
			return nil, ctx.Err()
		}
		<-w.ready // served at the same time
	}
	if w.blk == nil {
		return nil, ErrClosed
	}
	return w.blk.first(n), nil
}

// Notify calls fn once, when a buffer of n bytes may be had again; at once, before it returns, if one may be had now.
// fn is called by the goroutine that releases and must not block. It is a hint: somebody else may be faster, and who
// fails in TryGet then notifies again, at the end of the queue. Each free buffer calls one waiter, so whoever was called
// and does not want it any more calls cancel, which passes the call on.
//
// After cancel fn is not called, unless the call was already under way. Cancelling twice, or after the buffer was had,
// does no harm. Close drops fn. Notify panics when n is not between 1 and MaxLen: the wait would never end.
func (p *Pool) Notify(n int, fn func()) (cancel func()) {
	if err := p.check(n); err != nil {
		panic(err)
	}
	w := &waiter{class: classOf(n), fn: fn}
	blk, err := p.enqueue(w)
	if err != nil {
		return func() {}
	}
	if blk != nil {
		p.push(blk.index, blk.index, w.class)
		fn()
	}
	return func() { p.cancel(w) }
}

func (p *Pool) check(n int) error {
	if n < 1 || n > p.MaxLen() {
		return fmt.Errorf("mem: a buffer of %d bytes can never be had: want 1 to %d", n, p.MaxLen())
	}
	return nil
}

// enqueue gives a block if there is one now, else it enters the waiter.
func (p *Pool) enqueue(w *waiter) (*block, error) {
	var woken queue
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, ErrClosed
	}
	p.waiting.Add(1) // before the look at the stack: see put
	blk := p.obtain(w.class, &woken)
	if blk != nil {
		p.waiting.Add(-1)
	} else {
		p.tickets++
		w.ticket, w.queued = p.tickets, true
		p.queues[w.class].add(w)
	}
	p.mu.Unlock()
	woken.call()
	return blk, nil
}

// dequeue takes a waiter out and reports whether it was still waiting.
func (p *Pool) dequeue(w *waiter) bool {
	var woken queue
	p.mu.Lock()
	was := w.queued
	if was {
		p.forget(w)
		p.drained(&woken)
	}
	p.mu.Unlock()
	woken.call()
	return was
}

// cancel is what Notify returns.
func (p *Pool) cancel(w *waiter) {
	if p.dequeue(w) || p.waiting.Load() == 0 {
		return
	}
	if blk := p.pop(w.class); blk != nil {
		p.putSlow(blk)
	}
}

// forget takes a queued waiter out of its queue.
func (p *Pool) forget(w *waiter) {
	if w == p.oldest(uncut, MaxBytes) {
		p.passed = 0
	}
	p.queues[w.class].remove(w)
	w.queued = false
	p.waiting.Add(-1)
}

// oldest is the longest waiter of any class but one, for a block of at most size bytes.
func (p *Pool) oldest(but, size int) (first *waiter) {
	for class := range p.queues {
		w := p.queues[class].head
		if w != nil && class != but && classBytes(class) <= size && (first == nil || w.ticket < first.ticket) {
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
		if w != nil && w.fn == nil {
			w.blk = p.block(index)
			p.inUse.Add(int64(len(w.blk.mem)))
		} else {
			p.add(&rest, index)
		}
		index = below
	}
	if rest.count > 0 {
		p.push(rest.head, rest.tail, class)
	}
}

// putSlow is put while somebody waits, or after Close.
func (p *Pool) putSlow(blk *block) {
	var woken queue
	var one chain
	p.mu.Lock()
	ch := blk.chunk
	switch {
	case p.closed:
		p.add(&ch.held, blk.index)
		p.unmapWhole(ch)
	case ch == p.drain:
		p.add(&ch.held, blk.index)
	default:
		p.add(&one, blk.index)
		p.distribute(one, int(ch.class), &woken)
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
			var one chain
			p.add(&one, blk.index)
			p.distribute(one, int(ch.class), &woken)
		}
	}
	p.settle(ch, &woken)
	p.mu.Unlock()
	woken.call()
}

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

// redrain chooses the chunk to drain for the longest waiter.
func (p *Pool) redrain(woken *queue) {
	w := p.oldest(uncut, MaxBytes)
	if w == nil {
		return
	}
	var best *chunk
	least := chunkBlocks + 1
	for _, ch := range p.chunks[:p.chunkLen] {
		if int(ch.class) == w.class || len(ch.mem) < classBytes(w.class) {
			continue
		}
		if out := ch.out(); out < least {
			best, least = ch, out
		}
	}
	if best == p.drain || best == nil {
		return
	}
	p.endDrain(woken)
	p.drain = best
	p.gather(best)
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
			if w.fn == nil {
				woken.add(w)
			}
		}
	}
	return p.holdAll()
}

// holdAll takes all free blocks off the stacks of a closed pool, and unmaps the chunks that are whole.
func (p *Pool) holdAll() (err error) {
	for class := range p.stacks {
		for index := p.detach(class); index != 0; {
			below := p.link(index).Load()
			p.add(&p.block(index).chunk.held, index)
			index = below
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
