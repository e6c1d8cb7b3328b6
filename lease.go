package unio

import (
	"runtime"
	"sync/atomic"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/loop"
)

// lease is the right to receive from the socket by a call of one's own. The loop has it at first. It lends it to a goroutine that waits
// to receive much, and that keeps it for those who come later, as long as there is something: to go by way of the loop would cost a copy
// and two switches. The loop takes it back before it receives itself or closes the socket; a call does not wait for anything, so that
// is soon.
type lease struct{ state atomic.Uint32 }

const (
	leaseHome   uint32 = iota // the loop has it
	leaseOut                  // it is lent, and nobody uses it at the moment
	leaseUsed                 // a goroutine makes a call
	leaseWanted               // the same, and the loop waits for it: it is told by mail
)

// take is for somebody outside who wants to make a call, and put follows it.
func (k *lease) take() bool { return k.state.CompareAndSwap(leaseOut, leaseUsed) }

// put gives it back after a call. True: the loop has it now and is to be told.
func (k *lease) put() (wanted bool) {
	if k.state.CompareAndSwap(leaseUsed, leaseOut) {
		return false
	}
	k.state.Store(leaseHome)
	return true
}

// lend is for the loop: who is told of it has taken it.
func (k *lease) lend() { k.state.Store(leaseUsed) }

// recall is for the loop, and reports whether it has the lease now.
func (k *lease) recall() bool {
	for {
		switch k.state.Load() {
		case leaseHome:
			return true
		case leaseOut:
			if k.state.CompareAndSwap(leaseOut, leaseHome) {
				return true
			}
		case leaseUsed:
			if k.state.CompareAndSwap(leaseUsed, leaseWanted) {
				return false
			}
		default:
			return false
		}
	}
}

// force is recall for a loop that ends and reads no mail any more.
func (k *lease) force() {
	for !k.recall() {
		runtime.Gosched()
	}
}

// readOutside is Read from outside the loop.
func (c *Conn) readOutside(p []byte) (n int, err error) {
	large := len(p) >= engine.LargeBytes && c.home.inline != nil
	for lent := false; ; {
		into := large && c.leaseWorth.Load() > 0
		if lent || into && c.lease.take() {
			if n, err = c.recvLent(p); n > 0 || err != nil {
				c.noteCall(n)
				return n, err
			}
		}
		b, err := c.recvForeign(len(p), into)
		if err != nil {
			return 0, err
		}
		if lent = b == nil; lent {
			continue
		}
		n = copy(p, b.Bytes())
		b.Release()
		if large {
			c.noteRead(n)
		}
		return n, nil
	}
}

// recvLent receives into p by a call of the caller's, who has taken the lease, and gives that back. Without bytes and an error it is the
// loop's turn.
func (c *Conn) recvLent(p []byte) (n int, err error) {
	if !c.isClosed.Load() && !c.l.PassedOutside(c.readDeadline.Load()) {
		n, err = c.home.inline.RecvNow(c.recv.Desc, p[:min(len(p), engine.BulkBytes)])
	}
	if c.lease.put() {
		c.mail((*Conn).leaseBack, 0)
	}
	if err != nil {
		err = c.recvFailed(err)
	}
	return n, err
}

// A lease pays where a call brings more at once than the loop would. Where a peer waits for the answer to each message it does not: after
// leasePatience calls that brought less than leaseBytes it is not asked for in leasePause reads. Conn.leaseWorth is how many such calls
// there may be still, or, below zero, how many reads are to go by way of the loop.
const (
	leaseBytes    = 2 * engine.LargeBytes
	leasePatience = 4
	leasePause    = 256
)

// noteRead follows a read of n bytes by way of the loop, for which there was room for much.
func (c *Conn) noteRead(n int) {
	switch left := c.leaseWorth.Load(); {
	case left < 0:
		c.leaseWorth.Store(left + 1)
	case left == 0 && n >= engine.LargeBytes:
		c.leaseWorth.Store(leasePatience)
	}
}

// noteCall follows a call that brought n bytes.
func (c *Conn) noteCall(n int) {
	switch left := c.leaseWorth.Load(); {
	case n >= leaseBytes:
		if left != leasePatience {
			c.leaseWorth.Store(leasePatience)
		}
	case left == 1:
		c.leaseWorth.Store(-leasePause)
	case left > 1:
		c.leaseWorth.Store(left - 1)
	}
}

// recvFailed has the loop know of an error that a call of the caller's has taken from the socket, and gives it as Read does.
func (c *Conn) recvFailed(err error) error {
	w, cannot := c.l.Foreign()
	if cannot != nil { // a coroutine of a task, which must not wait
		if c.l.OnThread() && c.readErr == nil {
			c.readErr = err
		}
		return c.opError("read", err)
	}
	w.To, w.Code, w.Err = c.side(), callRecvFailed, err
	c.ask(w)
	err = w.Err
	w.Free()
	return c.opError("read", err)
}

func (c *Conn) serveRecvFailed(w *loop.Waiter) {
	if c.readErr == nil {
		c.readErr = w.Err
	}
	finish(w, c.readErr)
	c.serveReaders()
}

// leaseBack follows when a lease that was wanted has come back.
func (c *Conn) leaseBack(int64) {
	if c.recalling {
		c.recalling, c.receiving = false, false
		c.readyDone()
	}
	if c.closing && c.endWaits {
		c.endWaits = false
		c.endNow()
	}
}
