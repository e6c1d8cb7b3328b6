package unio

import (
	"context"
	"fmt"
	"net"
	"os"
	"syscall"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/loop"
	"github.com/unio-go/unio/internal/planted"
	"github.com/unio-go/unio/mem"
)

// aheadBytes is how far a writer may be ahead of the kernel: enough to gather the small writes of one turn into one
// send, little enough that a connection to a slow reader costs no more than that.
const aheadBytes = 64 << 10

// longBytes is the largest piece of a long Write. With what may be queued before it the writer is 256 KiB ahead at most.
const longBytes = 256<<10 - aheadBytes

// aheadScarce is how far while buffers are scarce. Many connections to slow readers may use up a pool together, which
// everybody else would then have to wait for.
const aheadScarce = mem.PageBytes

// full reports whether a writer has to wait.
func (c *Conn) full() bool {
	return c.queued >= aheadBytes || c.queued >= aheadScarce && c.home.rt.pool.Scarce()
}

// Send sends buffers in order. It takes them over always, also when it fails: the caller must not touch them
// afterwards. A build with -race or -tags uniodebug panics where that happens. In other builds a buffer that is released while it
// is being sent ends the process, or what is sent is somebody else's data. Send panics if it is given the same buffer twice.
//
// It returns when at most 64 KiB of what was given to the connection are not yet with the kernel, or at most 4 KiB while more
// than three quarters of the pool are in use. An error of the connection is reported by the first Send or Write after it
// happened, and by all later ones; after os.ErrDeadlineExceeded what had been taken before the wait is still sent, and after
// ErrStalled too.
func (c *Conn) Send(bufs ...*mem.Buf) error {
	if len(bufs) > 1 || debugBuild {
		bufs = takeOver(bufs)
	}
	t := c.l.Here()
	if t == nil {
		_, err := c.sendOutside(context.Background(), bufs)
		return err
	}
	_, err := c.sendTask(t, bufs)
	return err
}

// takeOver is called before anything else is done with the buffers of a caller.
func takeOver(bufs []*mem.Buf) []*mem.Buf {
	if err := checkHandles(bufs); err != nil {
		panic(fmt.Sprintf("unio: Conn.Send: %v", err))
	}
	return renewAll(bufs)
}

// renew gives a buffer that changes hands another handle, in debug builds: who has had it and still uses his panics where he
// does, and a leak names the call that gave the buffer out.
func renew(b *mem.Buf) *mem.Buf {
	if !debugBuild || b == nil {
		return b
	}
	own := b.Ref()
	b.Release()
	return own
}

// renewAll is renew for buffers that are taken over. The slice is the caller's and stays as it is.
func renewAll(bufs []*mem.Buf) []*mem.Buf {
	if !debugBuild {
		return bufs
	}
	own := make([]*mem.Buf, len(bufs))
	for i, b := range bufs {
		own[i] = renew(b)
	}
	return own
}

// sendTask is Send in a task. taken says whether the buffers will be sent, unless sending ends.
func (c *Conn) sendTask(t *loop.Task, bufs []*mem.Buf) (taken bool, err error) {
	c.takeOutside()
	if c.full() || c.lock.held || c.unwritable() {
		if err := c.awaitRoom(t); err != nil {
			release(bufs)
			return false, c.opError("write", err)
		}
	}
	c.enqueue(bufs)
	return true, c.opError("write", c.awaitTaken(t))
}

// awaitTaken parks the task until no more than aheadBytes of what was given are queued. What ends sending later is not its business.
func (c *Conn) awaitTaken(t *loop.Task) error {
	for c.queued > aheadBytes || c.queued > aheadScarce && c.home.rt.pool.Scarce() {
		if err := c.writeErr(); err != nil {
			return err
		}
		if err := c.waitInLine(t, &c.writers); err != nil {
			return err
		}
	}
	return nil
}

func release(bufs []*mem.Buf) {
	for _, b := range bufs {
		b.Release()
	}
}

// unwritable is the quick look before a send: whether writeErr has to be asked.
func (c *Conn) unwritable() bool {
	return c.sendErr != nil || c.closing || c.writeDeadline.Load() != 0
}

// writeErr says why nothing may be sent now.
func (c *Conn) writeErr() error {
	switch {
	case c.closing:
		return net.ErrClosed
	case c.sendErr != nil:
		return c.sendErr
	case c.l.Passed(c.writeDeadline.Load()):
		return os.ErrDeadlineExceeded
	}
	return nil
}

// enqueue takes buffers over and has them sent with the rest of the turn.
func (c *Conn) enqueue(bufs []*mem.Buf) {
	for _, b := range bufs {
		if b.Len() == 0 {
			b.Release()
			continue
		}
		c.queued += b.Len()
		c.out = append(c.out, b)
	}
	c.tail = nil
	c.markDirty()
}

// markDirty has Flush called before the loop waits. It follows each change of what is queued.
func (c *Conn) markDirty() {
	c.tellQueued()
	if !c.dirty && !c.sending && len(c.out) > 0 {
		c.dirty = true
		c.l.Dirty(c.side())
	}
}

// Flush hands what is queued to the engine: one operation at a time, so that bytes cannot overtake each other.
func (s *loopSide) Flush() {
	c := (*Conn)(s)
	c.dirty = false
	if c.sending || len(c.out) == 0 || !c.recallSend() {
		return
	}
	c.outBulk.Got(c.queued, false)
	c.send.Bufs, c.out = c.out, c.send.Bufs[:0]
	if planted.Bug != planted.TailReuse {
		c.tail = nil
	}
	if c.endsWithBytes() {
		c.send.How = engine.SendLast
	}
	if c.l.Submit(&c.send) {
		c.sendDone()
		return
	}
	c.sending = true
}

// endsWithBytes reports whether what is queued is the last, and the end of the stream can go in the segment of the last bytes. Where
// Close would not shut the stream down by itself, it has to be one with segments.
func (c *Conn) endsWithBytes() bool {
	if !c.closing {
		return c.halfClosing
	}
	a := c.addrs.Load()
	if a == nil {
		return false
	}
	_, ok := a.local.(*net.TCPAddr)
	return ok
}

// sendDone releases what was sent and goes on with what was queued meanwhile.
func (c *Conn) sendDone() {
	c.sending = false
	for i, b := range c.send.Bufs {
		c.queued -= b.Len()
		b.Release()
		c.send.Bufs[i] = nil
	}
	c.send.Bufs = c.send.Bufs[:0]
	if err := c.send.Err; err != nil {
		c.send.Err = nil
		c.failSends(err)
	}
	if c.queued < aheadBytes && !c.writers.empty() {
		c.resumeWriters(&c.writers)
	}
	c.markDirty()
	if c.queued == 0 {
		c.drained()
		c.lendSend()
	}
}

// resumeWriters lets those go on who waited for room or for the lock: a task looks again itself, a call from outside
// is served again.
func (c *Conn) resumeWriters(q *waitQueue) {
	waiting := *q
	*q = waitQueue{}
	for w := waiting.pop(); w != nil; w = waiting.pop() {
		switch {
		case w.Own():
			finish(w, nil)
		case w.Code == callLock:
			c.serveLock(w)
		default:
			c.serveSend(w)
		}
	}
}

// failSends ends sending for good.
func (c *Conn) failSends(err error) {
	if c.sendErr == nil {
		c.sendErr = err
	}
	for i, b := range c.out {
		c.queued -= b.Len()
		if planted.Bug != planted.Leak {
			b.Release()
		}
		c.out[i] = nil
	}
	c.out, c.tail = c.out[:0], nil
	c.strict.Store(true)
	c.starved.fail(c.sendErr)
	c.writers.fail(c.sendErr)
	c.lock.queue.fail(c.sendErr)
}

// awaitRoom parks the task until it is its turn to write and at most aheadBytes are queued.
func (c *Conn) awaitRoom(t *loop.Task) error {
	for {
		c.recallSend() // which may have been lent since somebody woke this one
		if err := c.writeErr(); err != nil {
			return err
		}
		q := &c.writers
		switch {
		case c.halfClosing && c.lock.owner == t:
			return syscall.EPIPE // as in serveSend
		case c.lock.held && c.lock.owner != t:
			q = &c.lock.queue
		case !c.full():
			return nil
		}
		if err := c.waitInLine(t, q); err != nil {
			return err
		}
	}
}

// waitInLine parks the task among those who write, until it is to look again.
func (c *Conn) waitInLine(t *loop.Task, q *waitQueue) error {
	w := &t.Waiter
	q.push(w)
	c.heed()
	if d := c.writeDeadline.Load(); d != 0 {
		c.arm(d)
	}
	c.writer.note()
	t.Wait()
	c.writer.gone()
	err := w.Err
	w.Err = nil
	return err
}

// Write sends p. It returns when p has been taken over: at most 64 KiB of it are not yet with the kernel, 256 KiB where a Write of
// more than 64 KiB fails. Concurrent Writes do not mix their bytes.
func (c *Conn) Write(p []byte) (int, error) {
	t := c.l.Here()
	if t == nil {
		return c.writeOutside(p)
	}
	c.takeOutside()
	if len(p) > aheadBytes-c.queued || c.lock.held || c.unwritable() || c.mayWriteInline(len(p)) {
		return c.writeLong(t, p)
	}
	if !c.appendOut(p) {
		return c.writeLong(t, p) // nobody may come between while it waits for a buffer
	}
	return len(p), nil
}

// TryWrite is Write where that need not wait: it reports whether all of p has been taken over, and takes nothing
// otherwise. Only a task of the connection's loop gets true; why not, Write says. It is for those who must not wait where
// they have bytes, because they hold something that others want.
func (c *Conn) TryWrite(p []byte) bool {
	if c.l.Here() == nil {
		return false
	}
	c.takeOutside()
	if len(p) > aheadBytes-c.queued || c.lock.held || !c.writers.empty() || c.unwritable() && c.writeErr() != nil {
		return false
	}
	return len(p) == 0 || c.appendOut(p)
}

// writeLong writes what does not fit at once, holding other writers off meanwhile.
func (c *Conn) writeLong(t *loop.Task, p []byte) (n int, err error) {
	if err := c.awaitRoom(t); err != nil {
		return 0, c.opError("write", err)
	}
	if planted.Bug != planted.Interleaved {
		c.hold(t)
		defer c.unlock()
	}
	for n < len(p) {
		if err := c.awaitRoom(t); err != nil {
			return n, c.opError("write", err)
		}
		if c.mayWriteInline(len(p) - n) {
			m, err := c.sendFrom(p[n:])
			if n += m; err != nil {
				return n, c.opError("write", err)
			}
			if n == len(p) {
				break
			}
		}
		// The last aheadBytes wait until they make nobody further ahead than any other Write.
		left := len(p) - n
		m := max(min(left, aheadBytes-c.queued, c.pieceMax()), min(left-aheadBytes, c.longMax()))
		for !c.appendOut(p[n : n+m]) {
			b, err := c.alloc(t, m)
			if err != nil {
				return n, c.opError("write", err)
			}
			if err := c.writeErr(); err != nil { // it was a long wait
				b.Release()
				return n, c.opError("write", err)
			}
			b.SetLen(0)
			c.out, c.tail = append(c.out, b), b
		}
		n += m
	}
	return n, nil
}

// appendOut copies p behind what is queued. False: there was no buffer, and nothing was copied.
func (c *Conn) appendOut(p []byte) bool {
	room := 0
	if c.tail != nil {
		room = min(c.tail.Cap()-c.tail.Len(), len(p))
	}
	var more *mem.Buf
	if room < len(p) {
		var ok bool
		if more, ok = c.home.rt.pool.TryGet(len(p) - room); !ok {
			return false
		}
	}
	if room > 0 {
		old := c.tail.Len()
		c.tail.SetLen(old + room)
		copy(c.tail.Bytes()[old:], p)
	}
	if more != nil {
		copy(more.Bytes(), p[room:])
		c.out, c.tail = append(c.out, more), more
	}
	c.queued += len(p)
	c.markDirty()
	return true
}

// Writev sends all of v, consuming it as net.Buffers.WriteTo does. Up to 64 KiB go as one, which no concurrent Write comes
// between; of more each piece is a Write.
func (c *Conn) Writev(v *net.Buffers) (n int64, err error) {
	total := 0
	for _, p := range *v {
		total += len(p)
	}
	if len(*v) > 1 && 0 < total && total <= c.pieceMax() {
		return c.writeGathered(v, total)
	}
	for len(*v) > 0 {
		m, err := c.Write((*v)[0])
		n += int64(m)
		if err != nil {
			(*v)[0] = (*v)[0][m:]
			return n, err
		}
		(*v)[0] = nil
		*v = (*v)[1:]
	}
	return n, nil
}

// writeGathered sends pieces as one.
func (c *Conn) writeGathered(v *net.Buffers, total int) (int64, error) {
	t := c.l.Here()
	b, err := c.alloc(t, total)
	if err != nil {
		return 0, c.opError("write", err)
	}
	at := 0
	for _, p := range *v {
		at += copy(b.Bytes()[at:], p)
	}
	n := 0
	if t == nil {
		n, err = c.writeBuf(b, false)
	} else {
		n, err = c.writeBufTask(t, b)
	}
	consume(v, n)
	return int64(n), err
}

// writeBufTask writes a buffer in a task, and takes it over.
func (c *Conn) writeBufTask(t *loop.Task, b *mem.Buf) (int, error) {
	c.takeOutside()
	n := b.Len()
	if n > aheadBytes-c.queued || c.lock.held || c.unwritable() {
		defer b.Release()
		return c.writeLong(t, b.Bytes())
	}
	c.enqueue([]*mem.Buf{b})
	return n, nil
}

// consume takes n bytes off the front, and empty pieces behind them.
func consume(v *net.Buffers, n int) {
	for len(*v) > 0 && n >= len((*v)[0]) {
		n -= len((*v)[0])
		(*v)[0] = nil
		*v = (*v)[1:]
	}
	if n > 0 {
		(*v)[0] = (*v)[0][n:]
	}
}

// writeLock keeps the pieces of a long Write together.
type writeLock struct {
	held  bool
	owner *loop.Task // nil when somebody outside holds it
	queue waitQueue
}

func (k *writeLock) waiting() bool { return !k.queue.empty() }

// hold begins a long Write, of a task or of somebody outside.
func (c *Conn) hold(owner *loop.Task) {
	c.lock.held, c.lock.owner = true, owner
	c.tellQueued()
}

// unlock lets other writers go on.
func (c *Conn) unlock() {
	c.lock.held, c.lock.owner = false, nil
	c.tellQueued()
	c.takeOutside()
	c.resumeWriters(&c.lock.queue)
}
