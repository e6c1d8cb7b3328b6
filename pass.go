package unio

import (
	"context"

	"github.com/unio-go/unio/internal/loop"
	"github.com/unio-go/unio/mem"
)

// This file is how copies give a connection their buffers. They have to tell how far they have come, so that their caller can go on
// there: what Send has taken over before it fails is still sent after a deadline, and to send it again would be to send it twice.

// pass is Send of one buffer that ends with ctx too, and tells how much was taken over, all or nothing, also with an error.
func (c *Conn) pass(ctx context.Context, b *mem.Buf) (n int, err error) {
	t := c.l.Here()
	if t == nil {
		return c.passOutside(ctx, b)
	}
	if ctx.Done() != nil {
		m := &passLeave{c: c, w: &t.Waiter}
		m.Mail = m
		defer m.end()
		defer context.AfterFunc(ctx, func() { m.err = ctx.Err(); c.l.Post(&m.Node) })()
	}
	c.takeOutside()
	if c.full() || c.lock.held || c.unwritable() {
		if err := c.awaitRoom(t); err != nil {
			b.Release()
			return 0, c.opError("write", err)
		}
	}
	n = b.Len() // before it is sent and released
	c.enqueue([]*mem.Buf{b})
	return n, c.opError("write", c.awaitTaken(t))
}

// passLeave has a task of the connection's loop leave pass, because a context is done.
type passLeave struct {
	loop.Node
	c   *Conn
	w   *loop.Waiter // nil: it has left
	err error
}

// end is called on the loop, as Deliver is.
func (m *passLeave) end() { m.w = nil }

// Deliver ends the wait. A task that is between two of them is met in the second.
func (m *passLeave) Deliver(l *loop.Loop) {
	waits := func(w *loop.Waiter) bool { return w == m.w }
	switch {
	case m.w == nil:
	case m.c.writers.remove(waits) || m.c.lock.queue.remove(waits):
		finish(m.w, m.err)
	default:
		l.Post(&m.Node)
	}
}

// passOutside is pass from outside.
func (c *Conn) passOutside(ctx context.Context, b *mem.Buf) (n int, err error) {
	n = b.Len()
	bufs := []*mem.Buf{b}
	taken, err := c.handOver(bufs, n)
	switch {
	case !taken:
		taken, err = c.passForeign(ctx, bufs)
	case err != nil:
		taken = false // they have been released
	}
	if !taken {
		n = 0
	}
	return n, err
}

// passForeign is sendForeign that ends with ctx too.
func (c *Conn) passForeign(ctx context.Context, bufs []*mem.Buf) (taken bool, err error) {
	w, err := c.l.Foreign()
	if err != nil {
		err = c.sendInside(bufs, err)
		return err == nil, err
	}
	w.To, w.Code, w.Bufs = c.side(), callSend, bufs
	c.writer.note()
	c.calls.Add(1)
	w.AwaitContext(ctx)
	c.calls.Add(-1)
	c.writer.gone()
	taken, err = true, w.Err
	if err != nil {
		left := w.TakeBufs()
		release(left)
		taken = left == nil
	}
	if w.Withdrawn() {
		c.mail((*Conn).forgetWithdrawn, 0)
	}
	w.Free()
	return taken, c.opError("write", err)
}

// forgetWithdrawn lets go of writers who have left. Their places would be kept until the peer reads, and it may never do so.
func (c *Conn) forgetWithdrawn(int64) {
	c.writers.remove((*loop.Waiter).Withdrawn)
	c.lock.queue.remove((*loop.Waiter).Withdrawn)
	c.tellQueued()
}
