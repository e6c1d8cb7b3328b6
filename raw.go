package unio

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/loop"
)

// rawState is what SyscallConn has given out of a connection. The loop owns it.
type rawState struct {
	conn syscall.RawConn
	// file is the second descriptor, which Go's network poller watches; nil where package net has the socket anyway.
	file     *os.File
	flushers waitQueue // wait until the kernel has what was written
}

// rawConn is a connection for those who make system calls of their own.
type rawConn struct {
	c    *Conn
	conn syscall.RawConn
}

// SyscallConn gives access to the socket, as that of *net.TCPConn does. The functions get a second descriptor of the same
// socket, which is closed with the connection: options that are set are the connection's, but a number that is kept says
// nothing. Read waits for what was not received yet: it fails where the runtime has received something that nobody has
// taken by Read or Recv. Write comes after all that was written before. Both run on the caller's goroutine, those of a
// task on another one while the task is parked, and keep to the connection's deadlines (on Linux). In a coroutine that a
// task made they fail with ErrCoroutine.
func (c *Conn) SyscallConn() (syscall.RawConn, error) {
	var raw syscall.RawConn
	err := c.onLoop(func() error {
		if c.raw == nil {
			r, err := openRaw(c.recv.Desc.Socket(), c.name())
			if err != nil {
				return err
			}
			c.raw = r
			c.heed()
			r.setDeadlines(c.readDeadline.Load(), c.writeDeadline.Load())
		}
		raw = c.raw.conn
		return nil
	})
	if err != nil {
		return nil, c.opError("raw", err)
	}
	return &rawConn{c, raw}, nil
}

// File gives a new file of the same socket, for another process most often; it is the caller's to close, and neither
// closing affects the other. What the runtime has received already does not come out of the file: a connection that is
// to be passed on should be read from by one side only.
func (c *Conn) File() (*os.File, error) {
	var f *os.File
	err := c.onLoop(func() (err error) {
		f, err = fileOf(c.recv.Desc.Socket(), c.name())
		return err
	})
	if err != nil {
		return nil, c.opError("file", bare(err))
	}
	return f, nil
}

// onLoop runs fn, which wants the socket, on the loop while the descriptor is open.
func (c *Conn) onLoop(fn func() error) error {
	if c.isClosed.Load() {
		return net.ErrClosed
	}
	return c.home.run(func() error {
		if c.closing {
			return net.ErrClosed
		}
		c.readAddrs()
		c.exposed = true
		return fn()
	})
}

// name is how package net names a connection's file.
func (c *Conn) name() string {
	a := c.addrs.Load()
	return fmt.Sprintf("%s:%v->%v", a.local.Network(), a.local, a.remote)
}

// Control calls f with the descriptor, on the caller's goroutine.
func (r *rawConn) Control(f func(fd uintptr)) error {
	return r.opError("raw-control", r.conn.Control(f))
}

// Read calls f until it returns true, waiting before each further call until something can be received.
func (r *rawConn) Read(f func(fd uintptr) bool) error {
	return r.opError("raw-read", elsewhere(func() error {
		if err := r.c.holdRecv(); err != nil {
			return err
		}
		return r.conn.Read(f)
	}))
}

// Write calls f until it returns true, waiting before each further call until something can be sent.
func (r *rawConn) Write(f func(fd uintptr) bool) error {
	return r.opError("raw-write", elsewhere(func() error {
		if err := r.c.flushed(); err != nil {
			return err
		}
		return r.conn.Write(f)
	}))
}

// elsewhere is Offload for a call that may wait. It refuses a coroutine that a task made, which has the task's thread but
// cannot park the task.
func elsewhere(call func() error) (err error) {
	if _, err := loop.Caller(); err != nil {
		return err
	}
	Offload(func() { err = call() })
	return err
}

func (r *rawConn) opError(op string, err error) error {
	if err != nil && r.c.isClosed.Load() {
		err = net.ErrClosed
	}
	return r.c.localError(op, bare(err))
}

// holdRecv sees to it that the engine receives nothing until somebody asks again, so that what comes is for a raw Read.
func (c *Conn) holdRecv() error {
	for {
		held := true
		err := c.onLoop(func() error {
			if !c.readers.empty() || c.await.fn != nil {
				return errors.New("somebody waits in Read or Recv; a raw Read cannot share the stream with them")
			}
			if held = !c.receiving; !held { // for somebody who has given up
				c.l.Engine().Cancel(&c.recv)
				return nil
			}
			if held = c.recvLease.recall(); !held {
				return nil
			}
			unread := 0
			if h, ok := c.l.Engine().(engine.Holder); ok {
				unread, held = h.Hold(c.recv.Desc)
			}
			if c.rest != nil {
				unread += c.rest.Len() - c.off
			}
			if unread > 0 {
				return fmt.Errorf("%d bytes have been received already; take them by Read or Recv first", unread)
			}
			return nil
		})
		if held || err != nil {
			return err
		}
	}
}

// flushed waits until the kernel has everything that was written.
func (c *Conn) flushed() error { return c.call(callFlush) }

// serveFlush is flushed, on the loop.
func (c *Conn) serveFlush(w *loop.Waiter) {
	c.takeOutside()
	err := c.writeErr()
	if err != nil || c.queued == 0 || c.raw == nil {
		finish(w, err)
		return
	}
	c.raw.flushers.push(w)
	if d := c.writeDeadline.Load(); d != 0 {
		c.arm(d)
	}
}

// setDeadlines passes loop times on to Go's poller; 0 is none.
func (r *rawState) setDeadlines(read, write int64) {
	if r.file == nil {
		return
	}
	r.file.SetReadDeadline(wallTime(read))
	r.file.SetWriteDeadline(wallTime(write))
}

func wallTime(when int64) time.Time {
	if when == 0 {
		return time.Time{}
	}
	return loop.WallTime(when)
}

// waiting reports whether a raw Write waits for what was written before it.
func (r *rawState) waiting() bool { return r != nil && !r.flushers.empty() }

// flush ends that wait, with an error or with nil when the kernel has everything.
func (r *rawState) flush(err error) {
	if r != nil {
		r.flushers.fail(err)
	}
}

// end ends the raw calls of a connection that closes.
func (r *rawState) end() {
	r.flush(net.ErrClosed)
	if r != nil && r.file != nil {
		r.file.Close()
	}
}
