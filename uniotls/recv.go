package uniotls

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"

	"github.com/unio-go/unio/mem"
)

// recordBytesMax is the most that one record holds, RFC 8446, 5.1.
const recordBytesMax = 16 << 10

// plaintext is what crypto/tls has opened and the user has not taken.
type plaintext struct {
	buf  *mem.Buf
	off  int
	more bool  // crypto/tls may have the rest of a record, for which a Read had no room
	err  error // how reading ended
}

func (g *plaintext) drop() {
	if g.buf != nil {
		g.buf.Release()
		g.buf, g.off = nil, 0
	}
}

// Read reads what the peer has written, at most one record. It performs the handshake if need be. At the end of the
// stream, which the peer has confirmed, the error is io.EOF; where the connection ends without that at the border of a
// record it is io.EOF too, as in crypto/tls: a protocol in which that matters has to tell lengths, or calls Recv.
func (c *Conn) Read(p []byte) (int, error) {
	if err := c.ready("read"); err != nil || len(p) == 0 {
		return 0, err
	}
	c.reading.wait()
	defer c.doneReading()
	if c.closed.Load() {
		return 0, c.why("read", net.ErrClosed)
	}
	if g := &c.got; g.buf != nil {
		n := copy(p, g.buf.Bytes()[g.off:])
		if g.off += n; g.off == g.buf.Len() {
			g.drop()
		}
		return n, nil
	}
	n, err := c.tls.Read(p)
	c.got.more = n == len(p)
	if _, again := err.(passing); err != nil && !again && c.wire.in.err == nil {
		c.got.err = err // nothing below would say it to Recv, which sees only what crypto/tls does not have
	}
	c.wire.kick()
	return n, c.why("read", err)
}

// Recv waits until something has arrived and returns it, the data of one record and never empty, in a buffer of the
// runtime's pool; the caller releases it. No buffer is held while nothing is there. It performs the handshake if need be.
//
// At the end of the stream, which the peer has confirmed, the error is io.EOF, bare. Where the connection ends without
// that, it is io.ErrUnexpectedEOF: somebody may have cut the stream short (RFC 8446, 6.1).
func (c *Conn) Recv() (*mem.Buf, error) {
	if err := c.ready("read"); err != nil {
		return nil, err
	}
	c.reading.wait()
	defer c.doneReading()
	for {
		if c.closed.Load() {
			return nil, c.why("read", net.ErrClosed)
		}
		b, err := c.take()
		c.wire.kick()
		if b != nil || err != nil {
			return b, c.why("read", err)
		}
		if err := c.wire.fill(); err != nil && c.wire.in.err == nil {
			return nil, c.why("read", err)
		}
	}
}

// Unread takes over a buffer with bytes that were received from the connection below before TLS begins on it, behind a
// header of another protocol: the handshake reads them first. It is called once, before the handshake, by whoever has made
// the connection.
func (c *Conn) Unread(b *mem.Buf) {
	c.wire.in.drop()
	if b.Len() == 0 {
		b.Release()
		return
	}
	c.wire.in.arrive(b)
}

// take gives what can be had without waiting for the peer. Without anything, and without an error, all that has arrived
// is with crypto/tls and is not a whole record. It is called by the holder of reading.
func (c *Conn) take() (*mem.Buf, error) {
	g, in := &c.got, &c.wire.in
	if b := g.buf; b != nil {
		if g.off > 0 {
			b = b.Slice(g.off, b.Len())
			g.buf.Release()
		}
		g.buf, g.off = nil, 0
		return b, nil
	}
	for g.err == nil && (g.more || len(in.data) > 0 || in.err != nil) {
		b, err := c.open(c.room())
		if b != nil {
			return b, nil
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, g.err
}

// room is the space for the data of what crypto/tls opens next, 0 where that is no whole record.
func (c *Conn) room() int {
	if c.got.more {
		return recordBytesMax
	}
	if size, ok := c.wire.in.whole(); ok {
		return min(max(size-c.sealBytes, 1), recordBytesMax)
	}
	return 0
}

// open has crypto/tls take what has arrived, one record at most, whose data has the given room. There is no buffer where
// it has no data, and none is taken for a record that is not whole.
func (c *Conn) open(room int) (b *mem.Buf, err error) {
	g, in := &c.got, &c.wire.in
	p := c.wire.none[:]
	if room > 0 {
		if b, err = c.alloc(room); err != nil {
			return nil, err
		}
		p = b.Bytes()
	}
	in.now, in.ended = true, false
	n, err := c.tls.Read(p)
	in.now, g.more = false, false
	if n > 0 {
		b.SetLen(n) // an error behind data stays with crypto/tls
		return b, nil
	}
	if b != nil {
		b.Release()
	}
	switch {
	case err == nil || err == errNotYet:
		return nil, nil
	case err == io.EOF && in.err != nil:
		err = io.ErrUnexpectedEOF
	}
	in.drop()
	g.err = err
	return nil, err
}

// alloc is a buffer for the data of a record. The wait for it ends as that for the peer does. Who waits holds none: where every
// buffer is some connection's that has received and waits for another, nobody would go on.
func (c *Conn) alloc(room int) (*mem.Buf, error) {
	rt := c.conn.Runtime()
	if b, ok := rt.Pool().TryGet(room); ok {
		return b, nil
	}
	c.wire.in.yield()
	for {
		ctx := c.wire.starve()
		if c.closed.Load() { // since before it could be woken
			c.wire.wake()
		}
		b, err := rt.Alloc(ctx, room)
		c.wire.wake()
		switch {
		case err == nil:
			return b, nil
		case c.closed.Load():
			return nil, net.ErrClosed
		case errors.Is(err, context.DeadlineExceeded):
			return nil, opError(c.conn, "read", os.ErrDeadlineExceeded)
		case !errors.Is(err, context.Canceled):
			return nil, err
		} // else the deadline has been moved
	}
}

// sealBytes is the least by which the payload of a record is longer than its data: the tag, and in TLS 1.3 the type.
func sealBytes(version uint16) int {
	if version == tls.VersionTLS13 {
		return 17
	}
	return 16
}

// doneReading lets the next one read.
func (c *Conn) doneReading() {
	c.reading.Unlock()
	if c.closed.Load() {
		c.dropUnread()
	}
}

// dropUnread gives up what a closed connection has not read. Whoever reads or holds the handshake will do it, and so calls
// this too when done.
func (c *Conn) dropUnread() {
	if !c.shaken.Load() && c.shaking.TryLock() {
		if !c.shaken.Load() {
			c.wire.in.drop()
		}
		c.shaking.Unlock()
	}
	if c.shaken.Load() && c.reading.TryLock() {
		c.wire.in.drop()
		c.got.drop()
		c.reading.Unlock()
	}
}

// Read gives crypto/tls what has arrived, and waits for it unless it must not. What the reader owes goes before the wait:
// in a handshake by the caller, since no other will send it, and later beside it, since the peer may want to be read
// before it reads.
func (w *wire) Read(p []byte) (int, error) {
	in := &w.in
	switch {
	case in.now && in.ended:
		return 0, errNotYet
	case len(in.data) > 0:
		return in.give(p), nil
	case in.now && in.err == nil:
		return 0, errNotYet
	case w.early.Load():
		if err := w.flush(); err != nil {
			return 0, err
		}
	default:
		w.kick()
	}
	if err := w.fill(); err != nil {
		return 0, err
	}
	return in.give(p), nil
}

// errNotYet has crypto/tls go on with the record when it is called again.
var errNotYet error = passing{errors.New("uniotls: no whole record is there")}

// fill waits for what comes next. Nothing may be there.
func (w *wire) fill() error {
	if w.in.err != nil {
		return w.in.err
	}
	b, err := w.conn.Recv()
	switch {
	case err == nil:
		w.in.arrive(b)
	case isRetryable(err):
		return passing{err}
	default:
		w.in.err = err
	}
	return err
}
