package loop

import (
	"context"
	"net"
	"sync"
	"sync/atomic"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/mem"
)

// Waiter is somebody who waits for something that a loop will do: the loop's own task, a task of another loop, or a
// goroutine. It carries the request to the loop and the result back.
//
// Whoever waits fills the request and hands the Waiter over: on the own loop by a direct call and [Task.Wait], else by
// [Loop.Foreign] and Await, which mails it to To. The loop calls Claim before it gives a result, and, if that returned
// true, Finish after it.
type Waiter struct {
	// What a task's wait on its own loop touches comes first, and is one cache line.

	Next *Waiter // in the queue of whatever serves it
	task *Task
	// loop is the loop that is waited for, when it is not the waiter's own.
	loop *Loop

	// The request and the result, as the operation defines them.
	N    int
	Buf  *mem.Buf
	Err  error
	Code uint8
	Into bool // what comes goes into the waiter's own memory, if it can

	To   Server
	Bufs []*mem.Buf
	Sock engine.Socket

	node       Node // the mail that carries the Waiter to a loop
	ch         chan struct{}
	state      atomic.Uint32
	taken      atomic.Bool
	told       bool // a context may still withdraw it
	prev, succ *Waiter
}

// Server performs requests of waiters on its loop.
type Server interface{ Serve(*Waiter) }

// Deliver passes the Waiter to its server, unless nobody waits any more.
func (w *Waiter) Deliver(*Loop) {
	if !w.Withdrawn() {
		w.To.Serve(w)
	}
}

// The states of a Waiter. Only waiters on a foreign loop use them: the own loop and its tasks cannot race.
const (
	waiterIdle uint32 = iota
	waiterPending
	waiterClaimed
	waiterWithdrawn
)

var waiters = sync.Pool{New: func() any {
	w := &Waiter{ch: make(chan struct{}, 1)}
	w.node.Mail = w
	return w
}}

// Foreign returns a Waiter for a call to l from outside: from a goroutine, or from a task of another loop. Return it with
// Free after Await. It fails with ErrCoroutine where waiting would stop a loop.
func (l *Loop) Foreign() (*Waiter, error) {
	t, err := Caller()
	if err != nil {
		return nil, err
	}
	w := waiters.Get().(*Waiter)
	w.task, w.loop = t, l
	w.state.Store(waiterPending)
	w.taken.Store(false)
	return w, nil
}

// Own reports whether the waiter is a task of the loop that it waits for.
func (w *Waiter) Own() bool { return w.loop == nil }

// Goroutine reports whether a goroutine waits, and no task.
func (w *Waiter) Goroutine() bool { return w.task == nil }

// TakeBufs gives the request's buffers to the first who asks: to the loop that sends them, or back to the caller whose
// request failed or was withdrawn. For the second it is nil.
func (w *Waiter) TakeBufs() []*mem.Buf {
	if w.taken.Swap(true) {
		return nil
	}
	return w.Bufs
}

// Taken reports whether the buffers have been taken.
func (w *Waiter) Taken() bool { return w.taken.Load() }

// Free recycles a Waiter that Foreign made, unless the loop or a context may still hold it.
func (w *Waiter) Free() {
	if w.told || w.state.Load() == waiterWithdrawn {
		return
	}
	w.state.Store(waiterIdle)
	w.To, w.Next, w.Buf, w.Bufs, w.Err, w.task, w.loop = nil, nil, nil, nil, nil, nil, nil
	w.N, w.Code, w.Into, w.Sock = 0, 0, false, engine.Socket{}
	waiters.Put(w)
}

// Claim takes the right to finish the waiter. False: it has been withdrawn and nobody wants the result any more; what
// was to be given must be kept.
func (w *Waiter) Claim() bool {
	return w.loop == nil || w.state.CompareAndSwap(waiterPending, waiterClaimed)
}

// Withdrawn reports whether the one who waited has gone. A loop that finds such a Waiter forgets it.
func (w *Waiter) Withdrawn() bool { return w.loop != nil && w.state.Load() == waiterWithdrawn }

// Finish wakes the one who waits. The loop must have claimed the Waiter and must not touch it afterwards.
func (w *Waiter) Finish() {
	switch t := w.task; {
	case w.loop == nil:
		t.loop.ready(t)
	case t != nil:
		t.loop.Post(&t.wake.Node)
	default:
		w.loop.readied = true
		w.ch <- struct{}{}
	}
}

// withdraw is Claim and Finish for the watchdog and for contexts, which are not the loop.
func (w *Waiter) withdraw(err error) {
	if !w.state.CompareAndSwap(waiterPending, waiterWithdrawn) {
		return
	}
	w.Err = err
	if w.task != nil {
		w.task.loop.Post(&w.task.wake.Node)
		return
	}
	w.ch <- struct{}{}
}

// Await mails the Waiter to its loop and parks or blocks the caller until it is finished. When the loop has ended, Err
// is net.ErrClosed.
func (w *Waiter) Await() {
	l := w.loop
	l.register(w)
	switch {
	case !l.Post(&w.node) && w.Claim(): // else the watchdog wakes the caller
		w.Err = net.ErrClosed
	case w.task != nil:
		w.task.Wait()
	default:
		<-w.ch
	}
	l.unregister(w)
}

// AwaitContext is Await that ends with ctx too: Err is its error then, and the Waiter has been withdrawn.
func (w *Waiter) AwaitContext(ctx context.Context) {
	if ctx.Done() == nil {
		w.Await()
		return
	}
	stop := context.AfterFunc(ctx, func() { w.withdraw(ctx.Err()) })
	w.Await()
	w.told = !stop()
}

// registry lists the foreign waiters of a loop, so that the watchdog finds them without the loop's help.
type registry struct {
	mu   sync.Mutex
	head *Waiter
}

func (l *Loop) register(w *Waiter) {
	r := &l.registry
	r.mu.Lock()
	w.prev, w.succ = nil, r.head
	if r.head != nil {
		r.head.prev = w
	}
	r.head = w
	r.mu.Unlock()
}

func (l *Loop) unregister(w *Waiter) {
	r := &l.registry
	r.mu.Lock()
	if w.prev != nil {
		w.prev.succ = w.succ
	} else {
		r.head = w.succ
	}
	if w.succ != nil {
		w.succ.prev = w.prev
	}
	w.prev, w.succ = nil, nil
	r.mu.Unlock()
}

// withdrawAll ends the wait of everybody outside who waits for the loop.
func (l *Loop) withdrawAll(err error) {
	r := &l.registry
	r.mu.Lock()
	defer r.mu.Unlock()
	for w := r.head; w != nil; w = w.succ {
		w.withdraw(err)
	}
}
