package unio

import (
	"context"
	"fmt"
	"net"
	"sync"

	"github.com/unio-go/unio/internal/loop"
)

// line is who waits for an object such as a Mutex, first come first served. The object's lock guards it: whoever takes a
// waiter out under the lock has decided how its wait ends, so nothing is handed to one who has given up.
type line[T any] struct {
	first, last *inLine[T]
	spare       *inLine[T] // for the next who waits
	spares      int
}

// sparesMax bounds what a line keeps: a crowd does not leave its memory behind for good.
const sparesMax = 16

// inLine is a task or a goroutine that waits in a line.
type inLine[T any] struct {
	of         *line[T] // nil: taken out
	mu         *sync.Mutex
	prev, next *inLine[T]

	v   T // what it gives, or has been given
	err error

	t      *loop.Task    // nil: a goroutine
	ch     chan struct{} // a goroutine's
	member loop.Member   // a task's
	parked loop.Parked   // a task's that the watchdog looks after
	told   bool          // a context may still call it
}

// join puts the caller at the end of the line, which mu guards; it is held.
func (q *line[T]) join(mu *sync.Mutex, t *loop.Task) *inLine[T] {
	w := q.spare
	if w == nil {
		w = new(inLine[T])
		w.member.Of = w
	} else {
		q.spare, w.next = w.next, nil
		q.spares--
	}
	if t == nil && w.ch == nil {
		w.ch = make(chan struct{}, 1)
	}
	w.of, w.mu, w.t = q, mu, t
	if w.prev = q.last; w.prev == nil {
		q.first = w
	} else {
		w.prev.next = w
	}
	q.last = w
	return w
}

// leave takes a waiter out.
func (q *line[T]) leave(w *inLine[T]) {
	if w.prev == nil {
		q.first = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		q.last = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.of, w.prev, w.next = nil, nil, nil
}

// take takes the first out, nil when nobody waits. The caller wakes it when it has let go of the lock.
func (q *line[T]) take() *inLine[T] {
	w := q.first
	if w != nil {
		q.leave(w)
	}
	return w
}

// takeAll empties the line, with an error for everybody in it, and returns the first of a list by next.
func (q *line[T]) takeAll(err error) *inLine[T] {
	all := q.first
	for w := all; w != nil; w = w.next {
		w.of, w.prev, w.err = nil, nil, err
	}
	q.first, q.last = nil, nil
	return all
}

// wakeAll wakes a list that takeAll returned.
func wakeAll[T any](w *inLine[T]) {
	for w != nil {
		next := w.next
		w.next = nil
		w.wake()
		w = next
	}
}

// free keeps a waiter for the next, when it has been woken and nobody knows it any more. The lock is held.
func (q *line[T]) free(w *inLine[T]) {
	if w.told || q.spares == sparesMax {
		return
	}
	var none T
	w.v, w.err, w.t = none, nil, nil
	w.next, q.spare = q.spare, w
	q.spares++
}

// wake is for whoever has taken w out, once.
func (w *inLine[T]) wake() {
	if w.t != nil {
		w.t.Wake()
		return
	}
	w.ch <- struct{}{}
}

// withdraw ends the wait with an error, if it has not ended.
func (w *inLine[T]) withdraw(err error) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.of == nil {
		return false
	}
	w.of.leave(w)
	w.err = err
	return true
}

// Abort ends a task's wait with its loop.
func (w *inLine[T]) Abort() {
	if w.withdraw(net.ErrClosed) {
		w.wake()
	}
}

// wait parks or blocks the caller until it is taken out of the line, ctx is done, or its loop ends. The lock is not held.
func (w *inLine[T]) wait(ctx context.Context) error {
	if w.t == nil {
		return w.block(ctx)
	}
	l := w.t.Loop()
	l.Add(&w.member)
	defer l.Remove(&w.member)
	if ctx.Done() == nil {
		w.t.Wait()
		return w.err
	}
	stop := context.AfterFunc(ctx, func() {
		if w.withdraw(ctx.Err()) {
			w.wake()
		}
	})
	w.t.Wait()
	w.told = !stop()
	return w.err
}

// block is wait for a goroutine.
func (w *inLine[T]) block(ctx context.Context) error {
	select {
	case <-w.ch:
	case <-ctx.Done():
		if !w.withdraw(ctx.Err()) {
			<-w.ch
		}
	}
	return w.err
}

// stay is wait for what always ends.
func (w *inLine[T]) stay() {
	if w.t != nil {
		w.t.Wait()
		return
	}
	<-w.ch
}

// mayWait is who calls, if it may begin to wait. ended is what ctx.Err says: it is asked before any lock is taken, since it may be
// anybody's code, and a nil context panics.
func mayWait(ended error) (*loop.Task, error) {
	t, err := loop.Caller()
	if err != nil {
		return nil, err
	}
	if t != nil && t.Loop().Closing() {
		return nil, net.ErrClosed
	}
	return t, ended
}

// errWaiting dresses the error of a call that waited.
func errWaiting(call string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("unio: %s: %w", call, err)
}
