package unio

import (
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/loop"
)

// acceptor accepts on the loop that owns the listening descriptor, while somebody wants connections.
type acceptor struct {
	ln     *Listener
	p      *place
	desc   engine.Desc
	op     engine.Op
	sock   engine.Socket // what op has brought
	busy   bool          // op is with the engine
	member loop.Member
	timer  loop.Timer
	pause  time.Duration

	waiters  waitQueue // of Accept
	deadline int64     // theirs; 0: none
	due      loop.Timer

	spare   []engine.Socket    // accepted, and its waiter had gone
	handler func(*Conn, error) // of Serve
	under   atomic.Int64       // sockets under way to other loops
	closing bool
	ended   chan struct{}
	closers waitQueue // tasks of the loop, in Close
}

// underWayMax bounds the connections that have been accepted for another loop and have not arrived there: when loops are
// busy the rest waits in the kernel's backlog, where the peer can see it.
const underWayMax = 64

// open gives the listening socket to the engine, if that has not been done. It runs on the loop.
func (a *acceptor) open() error {
	switch {
	case a.closing || a.p.Closing():
		return net.ErrClosed
	case a.desc != nil:
		return nil
	case !a.ln.owned.CompareAndSwap(false, true):
		return net.ErrClosed
	}
	d, err := a.p.Engine().Attach(a.ln.sock, engine.Listener)
	if err != nil {
		a.ln.disown()
		return err
	}
	a.desc = d
	a.op = engine.Op{Code: engine.Accept, Desc: d, To: a, Sock: &a.sock}
	a.member.Of, a.timer.To = a, a
	a.p.Add(&a.member)
	return nil
}

// want asks the engine for a connection if somebody waits for one.
func (a *acceptor) want() {
	for !a.busy && !a.closing && !a.timer.Set() {
		if a.handler == nil && a.waiters.empty() || a.under.Load() >= underWayMax {
			return
		}
		if !a.p.Submit(&a.op) {
			a.busy = true
			return
		}
		a.accepted()
	}
}

// Complete takes a connection or an error from the loop.
func (a *acceptor) Complete(op *engine.Op) {
	if op.Code == engine.Close {
		a.closed()
		return
	}
	a.busy = false
	a.accepted()
	a.want()
}

// accepted passes the result of one accept on.
func (a *acceptor) accepted() {
	sock, err := a.sock, a.op.Err
	a.sock, a.op.Err = engine.Socket{}, nil
	switch {
	case err == engine.ErrCanceled:
	case err != nil && a.handler != nil:
		a.backOff(err)
	case err != nil:
		if w := a.waiters.pop(); w != nil {
			finish(w, err)
		}
	case a.closing:
		closeSocket(sock)
	default:
		a.pause = 0
		a.give(sock)
	}
}

// The pause after an accept that failed for lack of descriptors or memory, as in net/http: doubled from the first to the
// last while it goes on failing.
const (
	acceptPauseMin = 5 * time.Millisecond
	acceptPauseMax = time.Second
)

func (a *acceptor) backOff(err error) {
	a.pause = min(max(2*a.pause, acceptPauseMin), acceptPauseMax)
	a.ln.rt.log.Warn("unio: accept failed; trying again", "error", err, "pause", a.pause)
	a.p.SetTimer(&a.timer, a.p.In(a.pause))
}

// Fire ends a pause.
func (a *acceptor) Fire(*loop.Timer) { a.want() }

// give hands a socket to a waiter or to a handler.
func (a *acceptor) give(sock engine.Socket) {
	if a.handler != nil {
		a.start(a.ln.rt.leastBusy(), sock)
		return
	}
	for w := a.waiters.pop(); w != nil; w = a.waiters.pop() {
		if w.Claim() {
			w.Sock = sock
			w.Finish()
			return
		}
	}
	a.spare = append(a.spare, sock)
}

// Serve serves a call of Accept, on the loop.
func (a *acceptor) Serve(w *loop.Waiter) {
	err := a.open()
	if err == nil && a.p.Passed(a.deadline) {
		err = os.ErrDeadlineExceeded
	}
	if err != nil {
		finish(w, err)
		return
	}
	a.waiters.push(w)
	a.setDeadline(a.deadline)
	for len(a.spare) > 0 && !a.waiters.empty() {
		sock := a.spare[0]
		a.spare = a.spare[1:]
		a.give(sock)
	}
	a.want()
}

// setDeadline applies a deadline to those who wait.
func (a *acceptor) setDeadline(when int64) {
	a.deadline = when
	if when != 0 && !a.waiters.empty() {
		a.p.SetTimer(&a.due, when)
	} else {
		a.p.StopTimer(&a.due)
	}
}

// acceptDue is the deadline of an acceptor, as the loop's timer sees it.
type acceptDue acceptor

// Fire ends the wait of all.
func (a *acceptDue) Fire(*loop.Timer) { a.waiters.fail(os.ErrDeadlineExceeded) }

// next waits for a socket.
func (a *acceptor) next() (engine.Socket, error) {
	if t := a.p.Here(); t != nil {
		w := &t.Waiter
		a.Serve(w)
		t.Wait()
		sock, err := w.Sock, w.Err
		w.Sock, w.Err = engine.Socket{}, nil
		return sock, err
	}
	w, err := a.p.Foreign()
	if err != nil {
		return engine.Socket{}, err
	}
	w.To = a
	w.Await()
	sock, err := w.Sock, w.Err
	w.Free()
	return sock, err
}

// close ends the listener on its loop: where that cannot be asked, nothing is closed.
func (a *acceptor) close() error {
	a.ln.mu.Lock()
	closed := a.ln.closed
	a.ln.closed = true
	a.ln.mu.Unlock()
	if closed {
		return net.ErrClosed
	}
	a.Abort()
	return nil
}

// Abort stops accepting.
func (a *acceptor) Abort() {
	if a.closing {
		return
	}
	a.closing = true
	a.p.StopTimer(&a.timer)
	a.p.StopTimer(&a.due)
	a.waiters.fail(net.ErrClosed)
	for _, s := range a.spare {
		closeSocket(s)
	}
	a.spare = nil
	if a.desc == nil {
		close(a.ended)
		return
	}
	a.ln.unlink()
	a.ln.mu.Lock()
	a.ln.gone = true // a runtime that ends has its loops close their sockets long before it looks at its listeners
	a.ln.mu.Unlock()
	op := &engine.Op{Code: engine.Close, Desc: a.desc, To: a}
	if a.p.Submit(op) {
		a.closed()
	}
}

func (a *acceptor) closed() {
	a.p.Remove(&a.member)
	close(a.ended)
	a.closers.fail(nil)
}

// awaitEnd waits for the end, in a task of the loop.
func (a *acceptor) awaitEnd(t *loop.Task) {
	select {
	case <-a.ended:
	default:
		a.closers.push(&t.Waiter)
		t.Wait()
	}
}
