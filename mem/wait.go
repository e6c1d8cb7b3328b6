package mem

import (
	"context"
	"fmt"
	"slices"
)

// Get is TryGet that waits. The error is that of ctx, ErrClosed, or says that n is not between 1 and MaxLen.
// It blocks the goroutine. Those who wait are served in the order in which they came.
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

// Notify calls fn once, when a buffer of n bytes may be had again; at once, before it returns, if one may be
// had now. fn is called by the goroutine that releases and must not block. It is a hint: somebody else may be
// faster, and who fails in TryGet then notifies again, at the end of the queue. Each free buffer calls one
// waiter, so whoever was called and does not want it any more calls cancel, which passes the call on.
//
// After cancel fn is not called, unless the call was already under way. Cancelling twice, or after the buffer
// was had, does no harm. Close drops fn. Notify panics when n is not between 1 and MaxLen: the wait would
// never end.
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
		fn()
	}
	return func() { p.cancel(w) }
}

// Request gives fn a buffer of n bytes, the receiver's to release, when its turn comes; at once, before it returns, if
// one may be had now. It is Get for those who must not block, and like that it is served in order and nobody can come
// between. fn is called by the goroutine that releases and must not block.
//
// After cancel fn is not called, unless the call was already under way: who cancels is ready to release what still
// comes. Close drops fn. Request panics as Notify does.
func (p *Pool) Request(n int, fn func(*Buf)) (cancel func()) {
	if err := p.check(n); err != nil {
		panic(err)
	}
	w := &waiter{class: classOf(n), n: n, take: fn}
	blk, err := p.enqueue(w)
	if err != nil {
		return func() {}
	}
	if blk != nil {
		p.inUse.Add(int64(len(blk.mem)))
		fn(blk.first(n))
	}
	return func() { p.dequeue(w) }
}

// OnWait has fn called whenever somebody begins to wait for a buffer, by the goroutine that does, until stop is called.
// It is for those who keep buffers that they can do without, and are asked to give them back; fn must not block. It may be
// called once more while stop returns.
//
// That is where the pool is small: less than 2 MiB, or than 64 KiB for each who has called OnWait. In a larger one there is
// enough beside what they keep, and who waits there does so for somebody who uses up much: given to him, what they
// keep would be gone for good, and so would be the others whom it serves.
func (p *Pool) OnWait(fn func()) (stop func()) {
	l := &listener{fn}
	p.mu.Lock()
	p.listen(append(slices.Clip(p.listeners), l))
	p.mu.Unlock()
	return func() {
		p.mu.Lock()
		p.listen(slices.DeleteFunc(slices.Clone(p.listeners), func(o *listener) bool { return o == l }))
		p.mu.Unlock()
	}
}

// listen sets the listeners.
func (p *Pool) listen(all []*listener) {
	p.listeners = all
	p.small.Store(p.limit < max(2*MaxBytes, int64(len(all))*keeperBytes))
}

// Wanted reports whether somebody waits for a buffer where OnWait tells of it. It costs a load.
func (p *Pool) Wanted() bool { return p.waiting.Load() != 0 && p.small.Load() }

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
	blk := p.unclaimed(w, &woken)
	var told []*listener
	if blk != nil {
		p.unwait()
		if w.fn != nil {
			p.push(blk.index, blk.index, w.class)
			p.promise(w)
		}
		if p.deferred.Load() {
			p.retry(&woken)
		}
	} else {
		p.tickets++
		w.ticket, w.queued = p.tickets, true
		p.queues[w.class].add(w)
		p.watch()
		if p.small.Load() {
			told = p.listeners // which is never changed in place
		}
	}
	p.mu.Unlock()
	woken.call()
	for _, l := range told {
		l.fn()
	}
	return blk, nil
}

// unclaimed is obtain for a new waiter. One that is given its buffer comes behind those who were called and are on their way to
// theirs: it would always be faster.
func (p *Pool) unclaimed(w *waiter, woken *queue) *block {
	if w.take != nil && p.promises[w.class].open(&p.stacks[w.class]) {
		p.deferred.Store(true)
		return nil
	}
	return p.obtain(w.class, true, woken)
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
	if p.dequeue(w) {
		return
	}
	var woken queue
	p.mu.Lock()
	if w.promised && !p.closed {
		w.promised = false
		if pr := &p.promises[w.class]; pr.open(&p.stacks[w.class]) {
			pr.count--
		}
		if blk := p.pop(w.class); blk != nil {
			p.offer(blk, &woken)
		}
		p.retry(&woken)
	}
	p.mu.Unlock()
	woken.call()
}

// forget takes a queued waiter out of its queue.
func (p *Pool) forget(w *waiter) {
	if w == p.oldest(nil) {
		p.passed = 0
	}
	p.queues[w.class].remove(w)
	w.queued = false
	p.unwait()
}

// unwait counts somebody as no longer waiting. What search knows is true only while somebody does.
func (p *Pool) unwait() {
	if p.waiting.Add(-1)&(closedBias-1) == 0 {
		p.barren = [classCount]bool{}
	}
}
