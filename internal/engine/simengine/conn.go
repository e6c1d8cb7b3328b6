package simengine

import (
	"io"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/unio-go/unio/internal/planted"
)

// Conn is one end of a simulated connection. As long as no engine has attached it, it is a net.Conn for goroutines.
type Conn struct {
	w             *World
	local, remote net.Addr
	peer          *Conn
	desc          *desc      // what has attached it
	changed       *sync.Cond // for goroutines in its calls

	rx      fifo
	rxBytes int   // bound of rx and under
	txBytes int   // what its own side may have on the way beyond that
	under   int   // bytes on their way here
	last    int64 // when the last of them arrives

	fin     bool   // the peer's end has arrived behind the bytes
	failure error  // a reset has arrived; it stays
	told    bool   // to a send, as a socket tells its error once
	held    []byte // sent, and waits for the end that follows (engine.SendLast)
	noRead  bool   // shut down
	noWrite bool
	closed  bool
	abrupt  bool // SetLinger(0): Close resets

	readBy, writeBy       time.Time
	readAlarm, writeAlarm *time.Timer
}

// fifo is bytes that have arrived, as the segments in which they came.
type fifo struct {
	segs [][]byte
	off  int // in the first
	n    int
}

func (f *fifo) push(p []byte) {
	f.segs = append(f.segs, p)
	f.n += len(p)
}

// read moves bytes out.
func (f *fifo) read(p []byte) (n int) {
	for n < len(p) && f.n > 0 {
		m := copy(p[n:], f.segs[0][f.off:])
		n += m
		f.off += m
		f.n -= m
		if f.off == len(f.segs[0]) {
			f.segs[0] = nil
			f.segs, f.off = f.segs[1:], 0
		}
	}
	return n
}

// connect makes two ends that know each other.
func (w *World) connect(client, server net.Addr) (*Conn, *Conn) {
	end := func(local, remote net.Addr) *Conn {
		return &Conn{
			w: w, local: local, remote: remote, changed: sync.NewCond(&w.mu),
			rxBytes: w.profile.WindowBytes, txBytes: w.profile.WindowBytes,
		}
	}
	a, b := end(client, server), end(server, client)
	a.peer, b.peer = b, a
	return a, b
}

// notify tells whoever waits for the connection that it has changed.
func (c *Conn) notify() {
	c.changed.Broadcast()
	if c.desc != nil {
		c.desc.pump()
	}
}

// space is how much may be sent now.
func (c *Conn) space() int {
	p := c.peer
	return max(c.txBytes+p.rxBytes-p.under-p.rx.n, 0)
}

// arrive plans what reaches this end, behind what is under way.
func (c *Conn) arrive(do func()) {
	c.last = max(c.w.clock()+c.w.delay(), c.last)
	c.w.at(c.last, do)
}

// transmit sends p, which fits into space. The bytes are copied.
func (c *Conn) transmit(p []byte) {
	seg := p
	if planted.Bug != planted.EarlyCompletion {
		seg = append([]byte(nil), p...)
	}
	to := c.peer
	to.under += len(seg)
	to.arrive(func() {
		to.under -= len(seg)
		switch {
		case to.closed:
			c.arrive(func() { c.fail() }) // nobody is there: a reset answers
		case to.failure == nil:
			to.rx.push(seg)
			to.notify()
		}
	})
	if c.w.chance(c.w.profile.Reset) {
		c.breakOff()
	}
}

// hold keeps p, which fits into space, for the end that follows. The bytes are copied.
func (c *Conn) hold(p []byte) {
	c.held = append([]byte(nil), p...)
	c.peer.under += len(p)
}

// unhold sends what is held.
func (c *Conn) unhold() {
	p := c.held
	c.held = nil
	c.peer.under -= len(p)
	if len(p) > 0 && c.failure == nil && !c.closed {
		c.transmit(p)
	}
}

// breakOff has the network reset the connection, at some time for each end. What is under way may be lost.
func (c *Conn) breakOff() {
	for _, end := range []*Conn{c, c.peer} {
		c.w.at(c.w.clock()+c.w.delay(), end.fail)
	}
}

// timeOut has this end give the connection up, because nothing is acknowledged. The other end hears of it by a reset.
func (c *Conn) timeOut() {
	c.failure = syscall.ETIMEDOUT
	c.w.at(c.w.clock()+c.w.delay(), c.peer.fail)
	c.notify()
}

// fail is the arrival of a reset.
func (c *Conn) fail() {
	if c.failure == nil && !c.closed {
		c.failure = syscall.ECONNRESET
		c.notify()
		c.peer.notify() // it has room for what will be lost
	}
}

// endWrite sends the end behind the bytes.
func (c *Conn) endWrite() {
	if c.noWrite {
		return
	}
	c.unhold()
	c.noWrite = true
	to := c.peer
	to.arrive(func() {
		if planted.Bug == planted.DroppedEnd && to.rx.n > 4096 {
			return
		}
		to.fin = true
		to.notify()
	})
	c.notify()
}

// read takes what has arrived, into p: n is 0 and err nil where there is nothing yet.
func (c *Conn) read(p []byte) (n int, err error) {
	if c.rx.n > 0 {
		n = c.rx.read(p)
		c.peer.notify()
		return n, nil
	}
	return 0, c.readEnd()
}

// readEnd says why nothing more will come, nil if it may.
func (c *Conn) readEnd() error {
	switch {
	case c.closed:
		return net.ErrClosed
	case c.rx.n > 0:
		return nil
	case c.failure != nil:
		return c.failure
	case c.fin || c.noRead:
		return io.EOF
	}
	return nil
}

// writeEnd says why nothing can be sent, nil if something can.
func (c *Conn) writeEnd() error {
	switch {
	case c.closed:
		return net.ErrClosed
	case c.failure != nil && !c.told:
		c.told = true
		return c.failure
	case c.failure != nil || c.noWrite:
		return syscall.EPIPE
	}
	return nil
}

// closeEnd closes: with what was sent before and an end, or, where something is unread or SetLinger(0) was called, with a
// reset, as TCP does.
func (c *Conn) closeEnd() {
	if c.closed {
		return
	}
	switch {
	case c.failure != nil: // there is no connection any more that could end
	case c.rx.n > 0 || c.abrupt:
		to := c.peer
		to.arrive(to.fail)
	default:
		c.endWrite()
	}
	c.closed, c.noWrite = true, true
	c.rx = fifo{}
	c.desc = nil
	c.notify()
	c.peer.notify()
}
