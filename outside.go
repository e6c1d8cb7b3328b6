package unio

import (
	"net"
	"os"
	"sync"
	"sync/atomic"

	"github.com/unio-go/unio/internal/loop"
	"github.com/unio-go/unio/internal/planted"
	"github.com/unio-go/unio/mem"
)

// outside is what goroutines, and tasks of other loops, have written to a connection and its loop has not taken over yet.
// Who writes does not wait for the loop while the connection is no more than aheadBytes ahead of the kernel: it puts a
// parcel down, and the loop takes all that are there by one mail. Waiting would cost a goroutine two switches for each
// Write, and most often the next thing that it does is to wait for an answer.
//
// The loop, and its tasks before they write themselves, take parcels in the order in which they were put down, so that
// bytes keep the order of the calls even where callers synchronise by something that no loop sees.
type outside struct {
	loop.Node
	c      *Conn
	head   atomic.Pointer[parcel] // the last one; parcelsEnded when none is taken any more
	told   atomic.Bool            // the mail is on its way
	bytes  atomic.Int64           // in parcels
	queued atomic.Int64           // Conn.queued as last told
}

// parcel is one Write or Send.
type parcel struct {
	next *parcel
	n    int
	bufs []*mem.Buf
	one  [1]*mem.Buf // the memory of bufs, most often
}

var (
	parcels      = sync.Pool{New: func() any { return new(parcel) }}
	parcelsEnded = new(parcel)
)

// handOver puts buffers of n bytes down for the loop. Not done: the caller has to wait for the loop, because of too much
// that the kernel has not taken or of something that the loop must decide.
func (c *Conn) handOver(bufs []*mem.Buf, n int) (done bool, err error) {
	if c.strict.Load() || c.isClosed.Load() {
		return false, nil
	}
	if c.l.PassedOutside(c.writeDeadline.Load()) {
		release(bufs)
		return true, c.opError("write", os.ErrDeadlineExceeded)
	}
	o := c.outside.Load()
	if o == nil {
		o = &outside{c: c}
		o.Mail = o
		o.queued.Store(closedToOthers) // until the loop has told
		if !c.outside.CompareAndSwap(nil, o) {
			o = c.outside.Load()
		}
	}
	if o.bytes.Add(int64(n))+o.queued.Load() > aheadBytes {
		o.bytes.Add(int64(-n))
		return false, nil
	}
	p := parcels.Get().(*parcel)
	p.n, p.bufs = n, append(p.one[:0], bufs...)
	if !o.push(p) {
		clear(p.bufs)
		p.bufs = nil
		parcels.Put(p)
		o.bytes.Add(int64(-n))
		return false, nil // the loop knows why
	}
	if !o.told.Swap(true) && !c.l.Post(&o.Node) {
		for p := o.head.Swap(parcelsEnded); p != nil && p != parcelsEnded; p = p.next {
			release(p.bufs)
		}
		return true, c.opError("write", net.ErrClosed)
	}
	return true, nil
}

func (o *outside) push(p *parcel) bool {
	for {
		old := o.head.Load()
		if old == parcelsEnded {
			return false
		}
		p.next = old
		if o.head.CompareAndSwap(old, p) {
			return true
		}
	}
}

// Deliver is the mail.
func (o *outside) Deliver(*loop.Loop) {
	o.told.Store(false)
	o.c.takeOutside()
}

// take has everything sent behind what is queued.
func (o *outside) take() {
	last := o.head.Load()
	for last != nil && last != parcelsEnded && !o.head.CompareAndSwap(last, nil) {
		last = o.head.Load()
	}
	if last == parcelsEnded {
		return
	}
	var p *parcel // the first one
	for last != nil && planted.Bug != planted.ParcelOrder {
		next := last.next
		last.next, p = p, last
		last = next
	}
	if planted.Bug == planted.ParcelOrder {
		p = last
	}
	c := o.c
	for p != nil {
		if c.closing || c.sendErr != nil {
			release(p.bufs)
		} else {
			c.enqueue(p.bufs)
		}
		// The bytes are counted twice for a moment rather than not at all.
		c.tellQueued()
		o.bytes.Add(int64(-p.n))
		next := p.next
		clear(p.bufs)
		p.next, p.bufs = nil, nil
		parcels.Put(p)
		p = next
	}
}

// takeOutside takes what others have written before the caller, a task of the connection's loop or the loop itself, does
// what must come after it. A long Write is not interrupted: its end takes what has come meanwhile.
func (c *Conn) takeOutside() {
	c.recallSend()
	if !c.lock.held || c.closing || c.sendErr != nil {
		c.takeAllOutside()
	}
}

// takeAllOutside is takeOutside for the end of sending, which ends a long Write too.
func (c *Conn) takeAllOutside() {
	if o := c.outside.Load(); o != nil && o.head.Load() != nil {
		o.take()
	}
}

// endOutside takes what others have written, for the last time: a parcel that nobody will take any more would be lost with
// its writer none the wiser. Later writes wait for the loop, which knows whether sending has ended.
func (c *Conn) endOutside() {
	if c.outside.CompareAndSwap(nil, outsideEnded) {
		return
	}
	o := c.outside.Load()
	for !o.head.CompareAndSwap(nil, parcelsEnded) && o.head.Load() != parcelsEnded {
		o.take()
	}
}

// outsideEnded is what has ended before anybody has written, for all connections.
var outsideEnded = func() *outside {
	o := new(outside)
	o.head.Store(parcelsEnded)
	return o
}()

// closedToOthers as outside.queued has every write wait for the loop.
const closedToOthers = aheadBytes + 1

// tellQueued lets those outside know how far the connection is ahead of the kernel. During a long Write, and while others
// wait for room, they have to wait behind these.
func (c *Conn) tellQueued() {
	o := c.outside.Load()
	switch {
	case o == nil:
	case c.lock.held || !c.writers.empty():
		o.queued.Store(closedToOthers)
	default:
		o.queued.Store(int64(c.queued))
	}
}
