package unio

import "github.com/unio-go/unio/internal/loop"

// finish ends a waiter with an error or with success. The caller gives no result that must not be lost.
func finish(w *loop.Waiter, err error) {
	if w.Claim() {
		w.Err = err
		w.Finish()
	}
}

// waitQueue is waiters in the order in which they came.
type waitQueue struct{ head, tail *loop.Waiter }

func (q *waitQueue) empty() bool { return q.head == nil }

func (q *waitQueue) push(w *loop.Waiter) {
	w.Next = nil
	if q.tail == nil {
		q.head = w
	} else {
		q.tail.Next = w
	}
	q.tail = w
}

func (q *waitQueue) pop() *loop.Waiter {
	w := q.head
	if w != nil {
		q.head, w.Next = w.Next, nil
		if q.head == nil {
			q.tail = nil
		}
	}
	return w
}

// remove takes out those for whom which is true, and reports whether there were any.
func (q *waitQueue) remove(which func(*loop.Waiter) bool) (some bool) {
	all := *q
	*q = waitQueue{}
	for w := all.pop(); w != nil; w = all.pop() {
		if which(w) {
			some = true
		} else {
			q.push(w)
		}
	}
	return some
}

// fail ends everybody in the queue.
func (q *waitQueue) fail(err error) {
	for w := q.pop(); w != nil; w = q.pop() {
		finish(w, err)
	}
}
