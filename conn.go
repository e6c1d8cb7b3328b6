package unio

import (
	"net"
	"sync/atomic"
	"time"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/loop"
	"github.com/unio-go/unio/internal/planted"
	"github.com/unio-go/unio/mem"
)

// Conn is a stream connection: TCP or a Unix stream socket. It is a net.Conn, and everything of it may be called from
// any goroutine at the same time. From a task of the loop on which it lives a call is cheapest; a connection that a
// Serve handler gets lives on the handler's loop, one that Accept or Dial returns lives with the caller.
//
// A Conn ends with Close, or when the handler returns that it was given to (unless Keep was called). Calls that wait
// then fail with net.ErrClosed; what was written before is handed to the kernel first. One that is merely dropped is never
// collected, unlike package net's: to close it is its owner's duty.
type Conn struct {
	// What each message touches comes first and lies together: with a thousand busy connections it is memory, not
	// instructions, that a message costs here.

	l    *loop.Loop
	home *place

	// rest is what has arrived and is not yet taken, from off on.
	rest    *mem.Buf
	off     int
	readers waitQueue
	readErr error // sticky: io.EOF, a reset, net.ErrClosed
	met     error // the error that a call under sendLease has taken from the socket

	readDeadline  atomic.Int64 // loop time; 0: none. Set by whoever calls, see deadline.go
	writeDeadline atomic.Int64
	receiving     bool // recv is with the engine
	sending       bool // send is with the engine
	dirty         bool // Flush will be called
	closing       bool // Close has begun; the descriptor waits for what was written
	endWaits      bool // and now for a lease
	ending        bool // the operation Close is with the engine
	halfClosing   bool // CloseWrite has begun
	recalling     bool // receiving is said of recvLease, which a goroutine has
	endHeld       bool // the end of the stream has come, and waits for sendLease
	dropped       bool // closing has given up on the peer
	resets        bool // SetLinger(0): closing does not wait for the peer
	keep          bool
	isClosed      atomic.Bool  // for calls from outside
	strict        atomic.Bool  // they wait for the loop with every write
	heeded        atomic.Bool  // the loop has to hear of each new deadline
	calls         atomic.Int32 // calls from outside that wait for the loop
	recvLease     lease        // of goroutines, for receiving
	sendLease     lease        // and for sending
	queued        int          // bytes in out and with the kernel
	sendErr       error        // sticky
	outside       atomic.Pointer[outside]
	reader        owner // who waits last in Recv
	writer        owner // and in Send
	await         awaiting

	recv engine.Op // its Desc is the descriptor
	send engine.Op
	out  []*mem.Buf  // waits for the kernel
	tail *mem.Buf    // the last of out while Write may append to it
	room [2]*mem.Buf // what out and send.Bufs are at first

	lock    writeLock
	writers waitQueue

	// Of those who receive and send much.
	inTurn    allowance    // for RecvInto
	outTurn   allowance    // for SendFrom
	outBulk   engine.Bulk  // how much the socket is given at once
	recvWorth atomic.Int32 // whether recvLease is of use
	sendWorth atomic.Int32 // and sendLease

	member      loop.Member
	timer       loop.Timer
	halfClosers waitQueue
	closeBy     int64 // loop time at which Close waits no longer
	drainBy     int64 // and at which closing gives up on the peer
	closers     waitQueue
	addrs       atomic.Pointer[connAddrs]
	local       net.Addr  // if it is known without asking
	dialed      net.Addr  // what Dial has connected to
	exposed     bool      // somebody has had the socket and may have set SO_LINGER
	raw         *rawState // nil until SyscallConn
	starved     *starved  // nil until a Write finds the pool empty
}

// connAddrs are the two ends, read when first asked for.
type connAddrs struct{ local, remote net.Addr }

var (
	_ net.Conn         = (*Conn)(nil)
	_ engine.Completer = (*loopSide)(nil)
	_ loop.Server      = (*loopSide)(nil)
	_ loop.Flusher     = (*loopSide)(nil)
	_ loop.Job         = (*loopSide)(nil)
	_ loop.Firer       = (*loopSide)(nil)
	_ loop.Resource    = (*loopSide)(nil)
)

// loopSide is a Conn as its loop sees it: what the loop calls is no business of users.
type loopSide Conn

func (c *Conn) side() *loopSide { return (*loopSide)(c) }

// newConn makes the connection of an attached descriptor, which a listener has accepted if ln is not nil. It runs on the loop.
func newConn(p *place, d engine.Desc, ln *Listener) *Conn {
	c := &Conn{l: p.Loop, home: p}
	if ln != nil {
		if c.exposed = ln.exposed.Load(); !c.exposed {
			c.local = ln.given
		}
	}
	c.recv = engine.Op{Code: engine.Recv, Desc: d, To: c.side()}
	c.send = engine.Op{Code: engine.Send, Desc: d, To: c.side(), Bufs: c.room[1:1:2]}
	c.out = c.room[:0:1]
	c.timer.To = c.side()
	c.member.Of = c.side()
	c.l.Add(&c.member)
	p.conns.Add(1)
	return c
}

// closeSocket closes a socket that no engine has taken over.
func closeSocket(s engine.Socket) {
	switch {
	case s.Conn != nil:
		s.Conn.Close()
	case s.Listener != nil:
		s.Listener.Close()
	default:
		closeFD(s.FD)
	}
}

// Calls from outside the loop, by the code that they have in a Waiter.
const (
	callRecv uint8 = iota
	callSend
	callSendLocked // by the holder of the write lock
	callLock
	callCloseWrite
	callCloseRead
	callClose
	callAddrs
	callFlush
	callAlloc
	callKeepLock
)

// Serve performs a call from outside, on the loop.
func (s *loopSide) Serve(w *loop.Waiter) {
	c := (*Conn)(s)
	switch w.Code {
	case callRecv:
		c.serveRecv(w)
	case callSend, callSendLocked:
		c.serveSend(w)
	case callLock:
		c.serveLock(w)
	case callCloseWrite:
		c.shutWrite(w)
	case callCloseRead:
		finish(w, c.shutRead())
	case callClose:
		c.shut(w)
	case callAddrs:
		c.readAddrs()
		finish(w, nil)
	case callFlush:
		c.serveFlush(w)
	case callAlloc:
		c.serveAlloc(w)
	case callKeepLock:
		c.serveKeepLock(w)
	}
}

// Complete takes a completion from the loop.
func (s *loopSide) Complete(op *engine.Op) {
	c := (*Conn)(s)
	switch {
	case op.Code == engine.Recv:
		c.receiving = false
		if op.Buf == nil && op.Err == nil {
			c.readyDone()
			return
		}
		if w := c.readers.head; w != nil && w.Next == nil && w.Own() && w.N == 0 && op.Err == nil {
			// By far the most frequent: one task waits, for whatever comes.
			c.readers = waitQueue{}
			w.Buf, op.Buf = op.Buf, nil
			w.Finish()
			return
		}
		if planted.Bug == planted.DroppedData && c.readers.empty() && c.await.fn == nil && op.Buf != nil {
			op.Buf.Release()
			return
		}
		c.recvDone()
		c.received()
	case op.Code == engine.Close:
		c.closed()
	default:
		c.sendDone()
	}
}

// Keep lets the connection outlive the handler that it was given to; whoever keeps it closes it.
func (c *Conn) Keep() {
	if c.l.Here() != nil {
		c.keep = true
		return
	}
	c.mail(func(c *Conn) { c.keep = true })
}

// connMail is a change to a connection from outside that nobody waits for.
type connMail struct {
	loop.Node
	c  *Conn
	do func(*Conn)
}

// mail has do called on the loop. False: the loop has ended.
func (c *Conn) mail(do func(*Conn)) bool {
	m := &connMail{c: c, do: do}
	m.Mail = m
	return c.l.Post(&m.Node)
}

// Deliver makes the change.
func (m *connMail) Deliver(*loop.Loop) { m.do(m.c) }

// SetDeadline sets both deadlines, as net.Conn has it: they are absolute, hold for pending and later calls, leave the
// connection usable, and the zero time means none.
func (c *Conn) SetDeadline(t time.Time) error { return c.setDeadline(t, true, true) }

// SetReadDeadline sets the time at which receiving fails with os.ErrDeadlineExceeded.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.setDeadline(t, true, false) }

// SetWriteDeadline sets the time at which sending fails with os.ErrDeadlineExceeded. What was taken over before is still
// sent, in order, unless the connection is closed.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.setDeadline(t, false, true) }

// Loop is the number of the loop on which the connection lives, from 0 to Options.Loops-1, or -1 for one that belongs to
// goroutines. Tasks of connections with the same number never run at the same time, so what they share by that number
// needs no lock.
func (c *Conn) Loop() int { return c.home.index }

// Runtime is the runtime that the connection belongs to.
func (c *Conn) Runtime() *Runtime { return c.home.rt }
