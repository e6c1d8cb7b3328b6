package unio

import (
	"net"
	"os"
	"syscall"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/loop"
	"github.com/unio-go/unio/internal/planted"
)

// CloseWrite ends the sending side after everything that was written: the peer reads the end of the stream. Receiving
// goes on. It waits until what was written is with the kernel; after os.ErrDeadlineExceeded that still goes on, and the
// end follows it, and after ErrStalled too if the loop had begun.
func (c *Conn) CloseWrite() error {
	if t := c.l.Here(); t != nil {
		c.heed()
		c.shutWrite(&t.Waiter)
		t.Wait()
		err := t.Waiter.Err
		t.Waiter.Err = nil
		return c.opError("close", err)
	}
	return c.opError("close", c.call(callCloseWrite))
}

// CloseRead ends the receiving side: Recv and Read return io.EOF when what has arrived is taken.
func (c *Conn) CloseRead() error {
	if c.l.Here() != nil {
		return c.opError("close", c.shutRead())
	}
	return c.opError("close", c.call(callCloseRead))
}

// shutWrite begins the end of sending for w: it is done when what was written is with the kernel.
func (c *Conn) shutWrite(w *loop.Waiter) {
	c.strict.Store(true)
	c.recallSend()
	c.takeAllOutside()
	err := c.writeErr()
	if err == os.ErrDeadlineExceeded && c.queued == 0 {
		err = nil // there is nothing to wait for
	}
	if err == os.ErrDeadlineExceeded {
		c.halfClosing = true // the end follows all the same
	}
	if c.closing || err != nil && c.sendErr != syscall.EPIPE {
		finish(w, err)
		return
	}
	c.halfClosing = true
	c.waitWriting(&c.halfClosers, w)
	if c.queued == 0 || planted.Bug == planted.EarlyEnd {
		c.drained()
	}
}

// halfClose shuts the sending side down after the last byte.
func (c *Conn) halfClose() {
	c.halfClosing = false
	err := c.sendErr
	if err == nil || err == syscall.EPIPE { // a second call says what the kernel says to it, as with package net
		err = c.shutdown(engine.ShutWrite)
		c.failSends(syscall.EPIPE)
	}
	c.halfClosers.fail(err)
}

// shutRead shuts the receiving side down. Those who wait and those who come later hear of the end by the engine, behind what has
// arrived.
func (c *Conn) shutRead() error {
	if c.closing {
		return net.ErrClosed
	}
	return c.shutdown(engine.ShutRead)
}

// shutdown ends one direction at once.
func (c *Conn) shutdown(how uint8) error {
	op := engine.Op{Code: engine.Shutdown, How: how, Desc: c.recv.Desc}
	c.l.Submit(&op)
	return sysError("shutdown", op.Err) // the call that package net names
}
