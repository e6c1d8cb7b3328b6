package unio

import (
	"errors"
	"net"
	"os"
	"time"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/loop"
	"github.com/unio-go/unio/internal/planted"
)

// closeDrainLimit bounds how long a closing connection waits for a peer that does not read. Tests make it shorter.
var closeDrainLimit = 30 * time.Second

// closeWaitLeast is what a write deadline leaves Close of that. It ends no more than the wait: package net's Close has nothing to hand
// over, since Write has given the kernel everything, so programs close with a deadline that has passed and lose nothing.
// crypto/tls does always. It is also what SetLinger(0) leaves the kernel to take what it has room for. Tests make it shorter, too.
var closeWaitLeast = 250 * time.Millisecond

// abortDrainLimit is the same when the runtime is closed: two connections of it to each other, neither of which is read
// any more, would else hold Runtime.Close as long as it may take. Tests make it shorter, too.
var abortDrainLimit = time.Second

// Close ends the connection. Calls that wait on it fail with net.ErrClosed at once; what was written before is handed to
// the kernel, and Close waits for that until the write deadline, but 250 ms at least. It does not wait where it has ended a Write or Send
// that waited: what these had counted is a part of something. In this case, and after os.ErrDeadlineExceeded, the handing over still goes
// on. What a peer does not take within thirty seconds, or one while the Runtime is closed, is dropped, and TCP then ends by a reset, so
// that nobody takes what has come for the whole. With SetLinger(0) that is so after 250 ms. A second Close fails with net.ErrClosed.
// After ErrStalled the connection may be closing: the loop had begun or had not.
func (c *Conn) Close() error {
	if t := c.l.Here(); t != nil {
		if c.closing {
			return c.opError("close", net.ErrClosed)
		}
		c.heed()
		c.shut(&t.Waiter)
		t.Wait()
		err := t.Waiter.Err
		t.Waiter.Err = nil
		return c.opError("close", err)
	}
	if c.isClosed.Load() {
		return c.opError("close", net.ErrClosed)
	}
	err := c.call(callClose)
	if errors.Is(err, loop.ErrCoroutine) {
		c.mail(func(c *Conn) { c.shut(nil) })
		err = nil
	}
	return c.opError("close", err)
}

// Abort closes the connection because its loop ends.
func (s *loopSide) Abort() {
	c := (*Conn)(s)
	if c.l.Failed() {
		c.recvLease.force()
		c.sendLease.force()
		c.endLater()
	}
	c.shut(nil)
	if limit := c.l.In(abortDrainLimit); !c.ending && c.drainBy > limit {
		c.drainBy = limit
		c.arm(limit)
	}
}

// shut begins the end: for w, who waits for it, or for nobody.
func (c *Conn) shut(w *loop.Waiter) {
	if c.closing {
		if w != nil {
			finish(w, net.ErrClosed)
		}
		return
	}
	c.readAddrs()
	c.isClosed.Store(true)
	c.endOutside()
	c.closing = true
	if w != nil {
		c.closers.push(w)
	}
	cut := !c.writers.empty() || c.starved.waiting()
	if c.await.fn != nil {
		c.awaited(net.ErrClosed)
	}
	c.readers.fail(net.ErrClosed)
	c.starved.fail(net.ErrClosed)
	c.writers.fail(net.ErrClosed)
	c.lock.queue.fail(net.ErrClosed)
	c.halfClosers.fail(net.ErrClosed)
	c.raw.end()
	if c.rest != nil {
		c.rest.Release()
		c.rest = nil
	}
	if c.queued == 0 {
		c.endNow()
		return
	}
	c.drainBy = c.l.In(closeDrainLimit)
	if c.resets {
		c.drainBy = c.l.In(closeWaitLeast)
	}
	c.closeBy = c.drainBy
	if d := c.writeDeadline.Load(); d != 0 {
		c.closeBy = min(c.drainBy, max(d, c.l.In(closeWaitLeast)))
	}
	if cut {
		c.closers.fail(nil)
	}
	c.arm(min(c.closeBy, c.l.In(discardAfter)))
	c.markDirty()
}

// discardAfter is how long a close waits for the kernel to take what was written before it begins to discard. Most is taken at
// once, and a receive that is begun for nothing is, with its cancellation, two of five submissions of a connection that serves one
// request on uring.
const discardAfter = 10 * time.Millisecond

// discardsMax is how many receives a connection throws away before others have their turn.
const discardsMax = 8

// discard receives for nobody while what was written waits for the peer: one that answers as it reads, and cannot get rid
// of its answers, would never read the rest. It also keeps the close from being a reset, which the kernel sends where
// something is unread, and which makes the peer forget what it has not read yet, tcp(7).
func (c *Conn) discard() {
	for range discardsMax {
		if c.ending || c.receiving || c.readErr != nil || c.queued == 0 {
			return
		}
		if !c.submitRecv(1, false) {
			return
		}
	}
	c.mail((*Conn).discard)
}

// drained is told when nothing written is left that the kernel has not taken.
func (c *Conn) drained() {
	c.raw.flush(c.sendErr)
	if c.halfClosing && c.recallSend() {
		c.endOutside()
		if c.queued > 0 && planted.Bug != planted.EarlyEnd {
			return // it goes before the end
		}
		c.halfClose()
	}
	if c.closing {
		c.endNow()
	}
}

// drainLate goes on with a close that takes its time, for nobody after the write deadline, and gives up on a peer that does not read.
func (c *Conn) drainLate(now int64) {
	if now >= c.drainBy {
		c.dropped = !c.resets // else that is what was asked for
		c.setReset()
		c.endNow()
		return
	}
	next := c.closeBy
	if now >= next {
		c.closers.fail(os.ErrDeadlineExceeded)
		next = c.drainBy
	}
	c.arm(min(next, c.drainBy))
	c.discard()
}

// setReset has the end of a stream that has lost bytes be no end but a reset, where the socket knows such a thing.
func (c *Conn) setReset() {
	c.exposed = true
	_ = onSocketHere(c, func(s lingerer) error { return s.SetLinger(0) }) // which not all have
}

// endNow gives the descriptor back.
func (c *Conn) endNow() {
	if c.ending && planted.Bug != planted.DoubleClose {
		return
	}
	if c.endWaits = !c.recvLease.recall() || !c.recallSend(); c.endWaits {
		return
	}
	c.ending = true
	if c.home.Engine().Submit(c.lastOp()) {
		c.closed()
	}
}

// endLater goes on with an end that had to wait for a lease.
func (c *Conn) endLater() {
	if c.endWaits {
		c.endNow()
	}
}

// lastOp is the operation that closes the descriptor: the one for receiving where the engine has not got that, since nobody will
// receive any more. Its Since stays 0, or others would see a receive.
func (c *Conn) lastOp() *engine.Op {
	op := &c.recv
	if c.receiving && !c.recalling {
		op = &engine.Op{Desc: c.recv.Desc, To: c.side()}
	}
	op.Code, op.How = engine.Close, engine.NoLinger
	if c.exposed {
		op.How = 0
	}
	return op
}

// closed is the end: the kernel is done with everything that belonged to the connection.
func (c *Conn) closed() {
	c.failSends(net.ErrClosed)
	c.l.StopTimer(&c.timer)
	c.l.Remove(&c.member)
	c.home.conns.Add(-1)
	var err error
	if c.dropped {
		err = os.ErrDeadlineExceeded
	}
	c.closers.fail(err)
}
