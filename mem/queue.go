package mem

// waiter is somebody who waits for a block.
type waiter struct {
	class      int
	ticket     uint64
	n          int           // bytes, of Request
	fn         func()        // of Notify
	take       func(*Buf)    // of Request
	ready      chan struct{} // of Get: closed when blk is set, or the pool closed
	blk        *block
	queued     bool
	promised   bool // fn is called, or about to be
	prev, next *waiter
}

// listener is a function given to OnWait.
type listener struct{ fn func() }

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
		switch {
		case w.fn != nil:
			w.fn()
		case w.take != nil:
			w.take(w.blk.first(w.n))
		default:
			close(w.ready)
		}
		w = next
	}
}
