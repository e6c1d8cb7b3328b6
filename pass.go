package unio

import (
	"github.com/unio-go/unio/mem"
)

// This file is how copies give a connection their buffers. They have to tell how far they have come, so that their caller can go on
// there: what Send has taken over before it fails is still sent after a deadline, and to send it again would be to send it twice.

// pass is Send of one buffer that tells how much was taken over, all or nothing, also with an error.
func (c *Conn) pass(b *mem.Buf) (n int, err error) {
	t := c.l.Here()
	if t == nil {
		return c.passOutside(b)
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

// passOutside is pass from outside.
func (c *Conn) passOutside(b *mem.Buf) (n int, err error) {
	n = b.Len()
	bufs := []*mem.Buf{b}
	taken, err := c.handOver(bufs, n)
	switch {
	case !taken:
		taken, err = c.sendForeign(bufs, 0, false)
	case err != nil:
		taken = false // they have been released
	}
	if !taken {
		n = 0
	}
	return n, err
}
