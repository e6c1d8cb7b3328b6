package unio

import (
	"context"
	"net"
	"os"
	"syscall"

	"github.com/unio-go/unio/internal/loop"
	"github.com/unio-go/unio/mem"
)

// This file is a connection's calls from outside its loop: what the caller does, and what the loop does for it.

// call performs a request without data.
func (c *Conn) call(code uint8) error {
	w, err := c.l.Foreign()
	if err != nil {
		return err
	}
	w.To, w.Code = c.side(), code
	c.ask(w)
	err = w.Err
	w.Free()
	return err
}

// ask has the loop answer, and new deadlines reach it meanwhile.
func (c *Conn) ask(w *loop.Waiter) { c.askUntil(context.Background(), w) }

// askUntil is ask that ends with ctx too.
func (c *Conn) askUntil(ctx context.Context, w *loop.Waiter) {
	c.calls.Add(1)
	w.AwaitContext(ctx)
	c.calls.Add(-1)
}

// recvOutside is Recv from outside: the request goes to the loop by mail, the buffer comes back.
func (c *Conn) recvOutside(limit int, into bool) (*mem.Buf, error) {
	if c.isClosed.Load() {
		return nil, c.opError("read", net.ErrClosed)
	}
	w, err := c.l.Foreign()
	if err != nil {
		return c.recvInside(limit, err)
	}
	w.To, w.Code, w.N, w.Into = c.side(), callRecv, limit, into && w.Goroutine() // another loop may be held, and its task keep what it is lent
	c.calls.Add(1)
	if c.l.PassedOutside(c.readDeadline.Load()) {
		err = os.ErrDeadlineExceeded // without asking the loop
	} else {
		c.reader.note()
		w.Await()
		c.reader.gone()
		err = w.Err
	}
	c.calls.Add(-1)
	b := w.Buf
	w.Free()
	if err != nil {
		return nil, c.opError("read", err)
	}
	return b, nil
}

// recvInside is Recv in a coroutine of a task: the loop stands still, so what is there may be taken, but nothing may be
// waited for.
func (c *Conn) recvInside(limit int, cannot error) (*mem.Buf, error) {
	if !c.l.OnThread() || c.rest == nil && !c.startRecv(limit, false) {
		return nil, c.opError("read", cannot)
	}
	return c.take(limit)
}

func (c *Conn) serveRecv(w *loop.Waiter) {
	// One look decides: others move the deadline meanwhile, and no waiter may end with neither a buffer nor an error.
	if err := c.readable(); err != nil {
		finish(w, err)
		return
	}
	c.readers.push(w)
	if d := c.readDeadline.Load(); d != 0 {
		c.arm(d)
	}
	c.serveReaders()
}

// writeOutside is Write from outside. The caller copies, so that copying does not hold the loop.
func (c *Conn) writeOutside(p []byte) (n int, err error) {
	if c.isClosed.Load() {
		return 0, c.opError("write", net.ErrClosed)
	}
	if len(p) == 0 {
		return 0, c.opError("write", c.mayWrite())
	}
	worth, locked := c.worthSending(len(p)), false
	c.noteWrite(worth)
	if worth && c.sendLease.take() {
		if n, locked, err = c.writeLent(p); err != nil || n == len(p) {
			return n, err
		}
	}
	most := c.pieceMax()
	long := locked || len(p)-n > most
	if long {
		if !locked {
			if err := c.call(callLock); err != nil {
				return n, c.opError("write", err)
			}
		}
		defer c.mail((*Conn).unlock)
	}
	for n < len(p) {
		m := min(len(p)-n, max(most, c.longMax()))
		b, err := c.alloc(nil, m)
		if err != nil {
			return n, c.opError("write", err)
		}
		copy(b.Bytes(), p[n:])
		m, err = c.writeBuf(b, long)
		n += m
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// mayWrite says from outside why nothing may be written now.
func (c *Conn) mayWrite() error {
	switch {
	case c.strict.Load():
		return c.flushed() // sending has failed, and the loop knows why
	case c.l.PassedOutside(c.writeDeadline.Load()):
		return os.ErrDeadlineExceeded
	}
	return nil
}

// writeBuf writes a buffer from outside, and takes it over; locked says that the caller holds the write lock. It tells how
// much was taken, all or nothing, also with an error.
func (c *Conn) writeBuf(b *mem.Buf, locked bool) (int, error) {
	n := b.Len()
	if !locked {
		done, err := c.handOver([]*mem.Buf{b}, n)
		if err != nil {
			return 0, err
		}
		if done {
			return n, nil
		}
	}
	room := n
	if n > aheadBytes { // of a long Write
		room = 0
	}
	taken, err := c.askSend(context.Background(), []*mem.Buf{b}, room, locked)
	if !taken {
		n = 0
	}
	return n, err
}

// sendOutside is sendTask from outside, which ends with ctx too.
func (c *Conn) sendOutside(ctx context.Context, bufs []*mem.Buf) (taken bool, err error) {
	n := 0
	for _, b := range bufs {
		n += b.Len()
	}
	if done, err := c.handOver(bufs, n); done {
		return err == nil, err
	}
	return c.askSend(ctx, append([]*mem.Buf(nil), bufs...), 0, false)
}

// askSend is sendOutside by asking the loop; locked says that the caller holds the write lock. room, if it is not 0, is
// the size of the buffers: they are taken only when they make nobody more than aheadBytes ahead, as Write promises also where
// it fails. The buffers may have been taken also where there is an error: the wait for the kernel comes after that.
func (c *Conn) askSend(ctx context.Context, bufs []*mem.Buf, room int, locked bool) (taken bool, err error) {
	w, err := c.l.Foreign()
	if err != nil {
		err = c.sendInside(bufs, err)
		return err == nil, err
	}
	w.To, w.Code, w.Bufs, w.N = c.side(), callSend, bufs, room
	if locked {
		w.Code = callSendLocked
	}
	c.writer.note()
	c.askUntil(ctx, w)
	c.writer.gone()
	taken, err = true, w.Err
	if err != nil {
		left := w.TakeBufs()
		release(left)
		taken = left == nil
	}
	if w.Withdrawn() {
		c.mail((*Conn).forgetWithdrawn)
	}
	w.Free()
	return taken, c.opError("write", err)
}

// forgetWithdrawn lets go of writers who have left. Their places would be kept until the peer reads, and it may never do so.
func (c *Conn) forgetWithdrawn() {
	c.writers.remove((*loop.Waiter).Withdrawn)
	c.lock.queue.remove((*loop.Waiter).Withdrawn)
	c.tellQueued()
}

// sendInside is Send in a coroutine of a task.
func (c *Conn) sendInside(bufs []*mem.Buf, cannot error) error {
	err := cannot
	if c.l.OnThread() {
		c.takeOutside()
		if err = c.writeErr(); err == nil && (c.lock.held || c.queued >= aheadBytes) {
			err = cannot
		}
	}
	if err != nil {
		release(bufs)
		return c.opError("write", err)
	}
	c.enqueue(bufs)
	return nil
}

// serveSend takes the buffers when there is room, and ends the call when no more than aheadBytes are queued. A call that
// has to wait is served again.
func (c *Conn) serveSend(w *loop.Waiter) {
	c.takeOutside() // also what its caller has put down, the mail of which may be late
	err := c.writeErr()
	if err == nil && c.halfClosing && w.Code == callSendLocked && !w.Taken() {
		err = syscall.EPIPE // a long Write ends here: what was written beside it goes before the end
	}
	if err != nil {
		finish(w, err)
		return
	}
	if !w.Taken() {
		switch {
		case c.lock.held && w.Code != callSendLocked:
			c.waitWriting(&c.lock.queue, w)
			return
		case c.queued >= aheadBytes || c.queued+w.N > aheadBytes || !c.writers.empty():
			c.waitWriting(&c.writers, w)
			return
		}
		c.enqueue(w.TakeBufs())
	}
	if c.queued > aheadBytes {
		c.waitWriting(&c.writers, w)
		return
	}
	finish(w, nil)
}

func (c *Conn) waitWriting(q *waitQueue, w *loop.Waiter) {
	q.push(w)
	c.tellQueued()
	if d := c.writeDeadline.Load(); d != 0 {
		c.arm(d)
	}
}

// serveLock gives the write lock to somebody outside, who gives it back by mail.
func (c *Conn) serveLock(w *loop.Waiter) {
	c.takeOutside()
	if err := c.writeErr(); err != nil {
		finish(w, err)
		return
	}
	if c.lock.held {
		c.waitWriting(&c.lock.queue, w)
		return
	}
	if w.Claim() {
		c.hold(nil)
		w.Finish()
	}
}
