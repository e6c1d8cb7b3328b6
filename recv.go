package unio

import (
	"io"
	"net"
	"os"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/loop"
	"github.com/unio-go/unio/internal/planted"
	"github.com/unio-go/unio/mem"
)

// Recv waits until something has arrived and returns it, never empty and up to 256 KiB; the caller releases the buffer,
// or passes it to Send. At the end of the stream the error is io.EOF, bare. With an error there is no buffer. An idle
// connection holds no buffer while it waits.
func (c *Conn) Recv() (*mem.Buf, error) {
	if t := c.l.Here(); t != nil {
		if c.rest == nil && !c.startRecv(0, false) {
			c.awaitData(t, 0, false)
			return given(c.recvResult(&t.Waiter))
		}
		return given(c.take(0))
	}
	return given(c.recvOutside(0, false))
}

// given is what Recv gives out.
func given(b *mem.Buf, err error) (*mem.Buf, error) { return renew(b), err }

// Read is Recv with a copy into p; where the stream brings much at once and p has room for 16 KiB it is received into p. It returns 0 and
// nil for an empty p, unless the connection is closed.
func (c *Conn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		if c.isClosed.Load() {
			return 0, c.opError("read", net.ErrClosed)
		}
		return 0, nil
	}
	t := c.l.Here()
	if t == nil {
		return c.readOutside(p)
	}
	into := len(p) >= engine.LargeBytes && c.home.inline != nil
	for woken := false; c.rest == nil; {
		if into && (woken || !c.receiving && c.readers.empty()) { // else others were before
			if n := c.recvInto(p); n > 0 {
				return n, nil
			}
		}
		if !c.startRecv(len(p), into) {
			c.awaitData(t, len(p), into)
			b, err := c.recvResult(&t.Waiter)
			if b != nil || err != nil {
				return moveTo(p, b), err
			}
			woken = true
		} else if !into || c.rest != nil || c.readable() != nil {
			break
		}
	}
	if c.rest == nil || c.closing || c.readDeadline.Load() != 0 {
		if err := c.ready(); err != nil {
			return 0, c.opError("read", err)
		}
	}
	return c.copyOut(p), nil
}

// moveTo copies a buffer into p and releases it.
func moveTo(p []byte, b *mem.Buf) (n int) {
	if b != nil {
		n = copy(p, b.Bytes())
		b.Release()
	}
	return n
}

// copyOut moves what is there into p.
func (c *Conn) copyOut(p []byte) int {
	b := c.rest.Bytes()
	n := copy(p, b[c.off:])
	c.off += n
	if c.off == len(b) {
		c.rest.Release()
		c.rest, c.off = nil, 0
	}
	return n
}

// readable says why nothing may be taken now, although something may be there.
func (c *Conn) readable() error {
	switch {
	case c.closing:
		return net.ErrClosed
	case c.l.Passed(c.readDeadline.Load()):
		return os.ErrDeadlineExceeded
	case c.rest == nil:
		return c.readErr
	}
	return nil
}

// ready is readable for one who need not wait, as startRecv has said. Where nothing is there and nothing speaks against taking it,
// startRecv has found the deadline passed, and somebody has moved it since: the call has met a deadline that had passed.
func (c *Conn) ready() error {
	err := c.readable()
	if err == nil && c.rest == nil {
		err = os.ErrDeadlineExceeded
	}
	return err
}

// take gives up to limit bytes of what is there, all of it for 0.
func (c *Conn) take(limit int) (*mem.Buf, error) {
	if c.closing || c.readDeadline.Load() != 0 || c.rest == nil {
		if err := c.ready(); err != nil {
			return nil, c.opError("read", err)
		}
	}
	return c.cut(limit), nil
}

func (c *Conn) cut(limit int) *mem.Buf {
	b, left := c.rest, c.rest.Len()-c.off
	if c.off == 0 && (limit == 0 || left <= limit) {
		c.rest = nil
		return b
	}
	if limit == 0 || left <= limit {
		limit = left
	}
	piece := b.Slice(c.off, c.off+limit)
	if c.off += limit; limit == left || planted.Bug == planted.EarlyFree {
		b.Release()
		if limit == left {
			c.rest, c.off = nil, 0
		}
	}
	return piece
}

// startRecv asks the engine for data, of which the caller takes up to limit bytes, all for 0, unless that is under way or there is
// nothing to come; into says that it would receive into its own memory. False: the caller has to wait.
func (c *Conn) startRecv(limit int, into bool) (ready bool) {
	if c.readErr != nil || c.closing {
		return true
	}
	if c.l.Passed(c.readDeadline.Load()) {
		return true
	}
	if c.receiving || c.endHeld || !c.readers.empty() {
		return false
	}
	return c.submitRecv(limit, into)
}

// submitRecv is startRecv where nothing is under way.
func (c *Conn) submitRecv(limit int, into bool) (done bool) {
	if !c.recvLease.recall() {
		c.receiving, c.recalling = true, true
		return false
	}
	switch c.recv.How = 0; {
	case into:
		c.recv.How = engine.RecvReady
	case limit == 0, limit >= engine.BulkBytes:
		c.recv.How = engine.RecvWhole
	}
	if c.l.Submit(&c.recv) {
		c.recvDone()
		return !c.endHeld
	}
	c.receiving = true
	return false
}

// recvDone takes the result of a receive: bytes into rest, an error to stay, or nothing where something can be received.
func (c *Conn) recvDone() {
	b, err := c.recv.Buf, c.recv.Err
	c.recv.Buf, c.recv.Err = nil, nil
	switch {
	case err == engine.ErrCanceled && !c.closing: // by holdRecv, for which nothing has ended
	case err == engine.ErrCanceled:
		c.recvEnded(net.ErrClosed)
	case err != nil:
		c.recvEnded(err)
	case b == nil:
	case c.closing:
		b.Release()
	default:
		c.rest, c.off = b, 0
	}
}

// recvEnded ends receiving. Where a call under sendLease has taken a reset from the socket, what is left of it is an end, so that one
// waits for the lease.
func (c *Conn) recvEnded(err error) {
	switch {
	case c.readErr != nil:
	case err == io.EOF && !c.closing && !c.recallSend():
		c.endHeld = true
	case err == io.EOF && c.met != nil:
		c.readErr = c.met
	default:
		c.readErr = err
		c.readAddrs() // once this side has ended too, the socket does not know its peer any more
	}
}

// received goes on with those for whom it was received.
func (c *Conn) received() {
	switch {
	case c.endHeld:
	case c.closing:
		c.discard()
	case c.await.fn != nil:
		c.awaited(nil)
	default:
		c.serveReaders()
	}
}

// awaitData parks the task as a reader of up to limit bytes until the loop has served it, with into perhaps by nothing but the word
// that there is something.
func (c *Conn) awaitData(t *loop.Task, limit int, into bool) {
	w := &t.Waiter
	w.N, w.Into = limit, into
	c.readers.push(w)
	c.heed()
	if d := c.readDeadline.Load(); d != 0 {
		c.arm(d)
	}
	c.reader.note()
	t.Wait()
	c.reader.gone()
}

func (c *Conn) recvResult(w *loop.Waiter) (*mem.Buf, error) {
	b, err := w.Buf, w.Err
	w.Buf, w.Err = nil, nil
	if err != nil {
		return nil, c.opError("read", err)
	}
	return b, nil
}

// serveReaders gives what is there to those who wait, in order, and asks for more if somebody is left.
func (c *Conn) serveReaders() {
	for !c.readers.empty() {
		if c.rest == nil && !c.startRecvFor(c.readers.head.N, c.readers.head.Into) {
			return
		}
		c.serveReader(c.readers.pop())
	}
}

// serveReader gives a reader what is there: bytes, an end, or the word that there is something to be received by himself.
func (c *Conn) serveReader(w *loop.Waiter) {
	if !w.Claim() {
		return
	}
	switch {
	case c.rest != nil:
		w.Buf = c.cut(w.N)
	case c.readErr != nil:
		w.Err = c.readErr
	case w.Into && !w.Own():
		c.recvLease.lendTo()
	}
	w.Finish()
}

// startRecvFor is startRecv for those who wait already.
func (c *Conn) startRecvFor(limit int, into bool) (ready bool) {
	switch {
	case c.readErr != nil:
		return true
	case c.receiving, c.endHeld:
		return false
	}
	return c.submitRecv(limit, into)
}

// readyDone follows when there is something that nobody has received: the first who wants it into his own memory receives it, and
// for the others a receive is begun again.
func (c *Conn) readyDone() {
	switch w := c.readers.head; {
	case c.closing:
		c.discard()
	case c.await.fn != nil:
		if c.startRecvFor(1, false) {
			c.awaited(nil)
		}
	case w != nil && w.Into:
		c.serveReader(c.readers.pop())
		c.serveReaders()
	default:
		c.serveReaders()
	}
}
