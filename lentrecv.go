package unio

import (
	"io"

	"github.com/unio-go/unio/internal/engine"
)

// This file is the lease for receiving. The loop lends it to a goroutine that waits for much, as soon as there is something, and that one
// leaves it for those who come later.

// readOutside is Read from outside the loop.
func (c *Conn) readOutside(p []byte) (n int, err error) {
	large := len(p) >= engine.LargeBytes && c.home.inline != nil
	for lent := false; ; {
		into := large && c.recvWorth.Load() > 0
		if lent || into && c.recvLease.take() {
			if n, err = c.recvLent(p); n > 0 {
				c.noteCall(n)
				return n, nil
			}
			if err != nil && err != io.EOF {
				return 0, c.opError("read", err)
			}
			into = into && err == nil // the engine knows whether an end is one, or what is left of a reset that a send has met
		}
		b, err := c.recvOutside(len(p), into)
		if lent = b == nil && err == nil; lent {
			continue
		}
		if n = moveTo(p, b); large {
			c.noteRead(n)
		}
		return n, err
	}
}

// recvLent receives into p by a call of the caller's, who has taken the lease, and gives that back. Without bytes and an error it is the
// loop's turn.
func (c *Conn) recvLent(p []byte) (n int, err error) {
	if !c.isClosed.Load() && !c.l.PassedOutside(c.readDeadline.Load()) {
		n, err = c.home.inline.RecvNow(c.recv.Desc, p[:min(len(p), engine.BulkBytes)])
	}
	switch {
	case err != nil && err != io.EOF:
		c.tellRecvFailed(err)
	case c.recvLease.put():
		c.mail((*Conn).recvLeaseBack)
	}
	return n, err
}

// tellRecvFailed has the loop know of an error that a call under the lease has taken from the socket, which tells it once.
func (c *Conn) tellRecvFailed(err error) {
	c.recvLease.tell()
	c.mail(func(c *Conn) {
		c.recvLease.end()
		if c.readErr == nil {
			c.readErr = err
		}
		c.serveReaders()
		c.recvLeaseBack()
	})
}

// leasePause is in how many reads the lease is not asked for after leasePatience calls that brought less than leaseBytes: a peer that waits
// for the answer to each message is better served by the loop. Conn.recvWorth is how many such calls there may be still, or, below zero,
// how many reads are to go by way of the loop.
const leasePause = 256

// noteRead follows a read of n bytes by way of the loop, for which there was room for much.
func (c *Conn) noteRead(n int) {
	switch left := c.recvWorth.Load(); {
	case left < 0:
		c.recvWorth.Store(left + 1)
	case left == 0 && n >= engine.LargeBytes:
		c.recvWorth.Store(leasePatience)
	}
}

// noteCall follows a call that brought n bytes.
func (c *Conn) noteCall(n int) {
	switch left := c.recvWorth.Load(); {
	case n >= leaseBytes:
		if left != leasePatience {
			c.recvWorth.Store(leasePatience)
		}
	case left == 1:
		c.recvWorth.Store(-leasePause)
	case left > 1:
		c.recvWorth.Store(left - 1)
	}
}

// recvLeaseBack follows when the lease that was wanted has come back. It may be late, and another has it.
func (c *Conn) recvLeaseBack() {
	if c.recalling && c.recvLease.recall() {
		c.recalling, c.receiving = false, false
		c.readyDone()
	}
	c.endLater()
}
