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
	n = b.Len() // before it is sent and released
	t, taken := c.l.Here(), false
	if t == nil {
		taken, err = c.sendOutside(ctx, []*mem.Buf{b})
	} else {
		taken, err = c.passTask(ctx, t, b)
	}
	if !taken {
		n = 0
	}
	return n, err
}

func (c *Conn) passTask(ctx context.Context, t *loop.Task, b *mem.Buf) (taken bool, err error) {
	if ctx.Done() != nil {
		m := &passLeave{c: c, w: &t.Waiter}
		m.Mail = m
		defer m.end()
		defer context.AfterFunc(ctx, func() { m.err = ctx.Err(); c.l.Post(&m.Node) })()
	}
	return c.sendTask(t, []*mem.Buf{b})
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
