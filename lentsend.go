package unio

import (
	"io"
	"net"
	"syscall"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/loop"
)

// This file is the lease for sending, which is the write lock, lent in advance. The loop lends it where nothing is queued and nothing is
// with the kernel; when it wants it back from one who makes a call, the lock counts as held by him, and those who write meanwhile wait for
// that as for the end of any long Write.

// worthSending reports whether n bytes of a goroutine are worth a call of its own. Where the loop gathers sends, as on uring, twice as many
// are: 16 KiB one by one on 50 connections cost 1.07 of net's by way of the loop, and 1.15 otherwise.
func (c *Conn) worthSending(n int) bool {
	return c.home.inline != nil && (n >= leaseBytes || n >= engine.LargeBytes && c.l.Caps().SendsInline)
}

// noteWrite notes whether a goroutine's Write was worth it. Conn.sendWorth is how many in a row may be that were not.
func (c *Conn) noteWrite(worth bool) {
	switch left := c.sendWorth.Load(); {
	case worth:
		if left != leasePatience {
			c.sendWorth.Store(leasePatience)
		}
	case left > 0:
		c.sendWorth.Store(left - 1)
	}
}

// lendSend lends the lease, if it is of use and nothing is under way. It runs on the loop.
func (c *Conn) lendSend() {
	idle := c.queued == 0 && !c.sending && !c.dirty && !c.lock.held && c.writers.empty()
	ended := c.sendErr != nil || c.closing || c.halfClosing
	if idle && !ended && c.sendWorth.Load() > 0 && c.outside.Load() != nil && c.sendLease.recall() {
		c.sendLease.lend()
	}
}

// recallSend is for the loop, before anything else is sent, and reports whether it has the lease. Otherwise the one who has it has the
// write lock too.
func (c *Conn) recallSend() bool {
	if c.sendLease.recall() {
		return true
	}
	if !c.lock.held {
		c.hold(nil)
	}
	return false
}

// writeLent writes from p by calls of the caller's, who has taken the lease. locked says that part of it is left, for which the caller
// holds the write lock from now on.
func (c *Conn) writeLent(p []byte) (n int, locked bool, err error) {
	// In this order: what others have written counts until the loop has taken it, which at the end of sending does so without the lease.
	if c.outside.Load().bytes.Load() == 0 && !c.strict.Load() && !c.isClosed.Load() && !c.l.PassedOutside(c.writeDeadline.Load()) {
		n, err = c.sendAll(p)
	}
	switch {
	case err != nil:
		c.tellSendFailed(err)
		return n, false, c.opError("write", err)
	case 0 < n && n < len(p):
		c.sendLease.tell()
		if err = c.call(callKeepLock); err == nil {
			return n, true, nil
		}
	}
	if c.sendLease.put() {
		c.mail((*Conn).sendLeaseBack)
	}
	return n, false, c.opError("write", err)
}

// tellSendFailed has the loop know of an error that a call under the lease has taken from the socket.
func (c *Conn) tellSendFailed(err error) {
	c.sendLease.tell()
	c.mail(func(c *Conn) {
		c.sendLease.end()
		if err != syscall.EPIPE {
			c.met = err
		}
		if !c.closing {
			c.home.inline.SendFailed(c.send.Desc, err)
			c.failSends(err)
		}
		c.sendLeaseBack()
	})
}

// sendAll sends what the socket takes of p.
func (c *Conn) sendAll(p []byte) (n int, err error) {
	for n < len(p) {
		most := min(len(p)-n, engine.BulkBytes)
		m, err := c.home.inline.SendNow(c.send.Desc, p[n:n+most])
		if n += m; err != nil || m < most {
			return n, err
		}
	}
	return n, nil
}

// serveKeepLock turns the caller's lease into the write lock, so that nothing that others have written comes between.
func (c *Conn) serveKeepLock(w *loop.Waiter) {
	if c.closing {
		finish(w, net.ErrClosed) // which puts the lease back, and that is waited for
		return
	}
	if !w.Claim() {
		return
	}
	c.sendLease.end()
	if !c.lock.held {
		c.hold(nil)
	}
	c.sendHome()
	w.Finish()
}

// sendLeaseBack follows when the lease has come back.
func (c *Conn) sendLeaseBack() {
	c.unlock()
	c.sendHome()
	c.endLater()
}

// sendHome goes on with what has waited for the lease: the end of the stream for readers, what was queued at the end of sending, and that
// end.
func (c *Conn) sendHome() {
	if c.endHeld {
		c.endHeld = false
		c.recvEnded(io.EOF)
		c.received()
	}
	c.markDirty()
	if c.halfClosing && c.queued == 0 {
		c.drained()
	}
}
