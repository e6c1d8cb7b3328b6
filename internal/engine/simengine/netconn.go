package simengine

import (
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// This file is a Conn as goroutines use it: the methods of net.Conn and those of *net.TCPConn that peers in tests need.

var _ net.Conn = (*Conn)(nil)

// opError dresses an error as package net does.
func (c *Conn) opError(op string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	if errno, ok := err.(syscall.Errno); ok {
		err = os.NewSyscallError(op, errno)
	}
	return &net.OpError{Op: op, Net: c.local.Network(), Source: c.local, Addr: c.remote, Err: err}
}

// passed reports whether a deadline is over.
func (w *World) passed(by time.Time) bool {
	return !by.IsZero() && by.Sub(w.start) <= time.Duration(w.clock())
}

// Read blocks until something has arrived.
func (c *Conn) Read(p []byte) (int, error) {
	c.w.mu.Lock()
	defer c.w.unlock()
	for {
		if c.w.passed(c.readBy) {
			return 0, c.opError("read", os.ErrDeadlineExceeded)
		}
		if n, err := c.read(p); n > 0 || err != nil || len(p) == 0 {
			return n, c.opError("read", err)
		}
		c.changed.Wait()
	}
}

// Write blocks until everything is on its way.
func (c *Conn) Write(p []byte) (n int, err error) {
	c.w.mu.Lock()
	defer c.w.unlock()
	for {
		if c.w.passed(c.writeBy) {
			return n, c.opError("write", os.ErrDeadlineExceeded)
		}
		if err := c.writeEnd(); err != nil {
			return n, c.opError("write", err)
		}
		if m := min(c.space(), len(p)-n); m > 0 {
			c.transmit(p[n : n+m])
			n += m
		}
		if n == len(p) {
			return n, nil
		}
		c.changed.Wait()
	}
}

// Close ends the connection.
func (c *Conn) Close() error {
	c.w.mu.Lock()
	defer c.w.unlock()
	if c.closed {
		return c.opError("close", net.ErrClosed)
	}
	for _, alarm := range []*time.Timer{c.readAlarm, c.writeAlarm} {
		if alarm != nil {
			alarm.Stop()
		}
	}
	c.closeEnd()
	return nil
}

// CloseWrite ends the sending side.
func (c *Conn) CloseWrite() error {
	c.w.mu.Lock()
	defer c.w.unlock()
	if err := c.shutdownEnd(); err != nil {
		return c.opError("shutdown", err)
	}
	c.endWrite()
	return nil
}

// CloseRead ends the receiving side.
func (c *Conn) CloseRead() error {
	c.w.mu.Lock()
	defer c.w.unlock()
	if err := c.shutdownEnd(); err != nil {
		return c.opError("shutdown", err)
	}
	c.noRead = true
	c.notify()
	return nil
}

// shutdownEnd says why no direction can be shut down.
func (c *Conn) shutdownEnd() error {
	switch {
	case c.closed:
		return net.ErrClosed
	case c.failure != nil:
		return syscall.ENOTCONN
	}
	return nil
}

// LocalAddr is this end.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr is the other end.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline sets both deadlines.
func (c *Conn) SetDeadline(t time.Time) error {
	c.SetReadDeadline(t)
	return c.SetWriteDeadline(t)
}

// SetReadDeadline sets when Read fails.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.setDeadline(&c.readBy, &c.readAlarm, t) }

// SetWriteDeadline sets when Write fails.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	return c.setDeadline(&c.writeBy, &c.writeAlarm, t)
}

func (c *Conn) setDeadline(by *time.Time, alarm **time.Timer, t time.Time) error {
	c.w.mu.Lock()
	defer c.w.unlock()
	if c.closed {
		return c.opError("set", net.ErrClosed)
	}
	*by = t
	if *alarm != nil {
		(*alarm).Stop()
	}
	ring := func() {
		c.w.mu.Lock()
		c.changed.Broadcast()
		c.w.unlock()
	}
	switch {
	case t.IsZero():
	case c.w.virtual:
		c.w.at(int64(t.Sub(c.w.start)), c.changed.Broadcast)
	default:
		*alarm = time.AfterFunc(time.Until(t), ring)
	}
	c.changed.Broadcast()
	return nil
}

// SetReadBuffer bounds what this end holds unread.
func (c *Conn) SetReadBuffer(n int) error { return c.setBytes(&c.rxBytes, n) }

// SetWriteBuffer bounds what this end has on the way beyond that.
func (c *Conn) SetWriteBuffer(n int) error { return c.setBytes(&c.txBytes, n) }

func (c *Conn) setBytes(field *int, n int) error {
	c.w.mu.Lock()
	defer c.w.unlock()
	*field = n
	c.peer.notify()
	return nil
}

// SetLinger has Close reset the connection for 0; nothing else makes a difference here.
func (c *Conn) SetLinger(sec int) error {
	c.w.mu.Lock()
	defer c.w.unlock()
	c.abrupt = sec == 0
	return nil
}
