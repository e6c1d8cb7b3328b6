package simengine

import (
	"math"
	"slices"
	"syscall"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/planted"
	"github.com/unio-go/unio/mem"
)

// receive goes on with receiving: for the call that is pending, and ahead of the next.
func (d *desc) receive() {
	w := d.e.w
	if k := d.in; k != nil {
		d.armed = d.ahead
		if w.strikesOnce(d, k) {
			return
		}
		if d.give(k) {
			return
		}
	}
	bound := d.e.unread
	if planted.Bug == planted.Unbounded {
		bound = math.MaxInt
	}
	for d.armed && d.in == nil && d.c.rx.n > 0 && d.stashBytes < bound && !w.chance(w.profile.Short) {
		b := d.piece(nil)
		if b == nil {
			return // the socket keeps it
		}
		d.hold(b)
	}
}

func (d *desc) hold(b *mem.Buf) {
	d.stash = append(d.stash, b)
	d.stashBytes += b.Cap()
}

// strikesOnce fails a receive, or has the network reset the connection, as chance or script has it.
func (w *World) strikesOnce(d *desc, k *call) bool {
	switch {
	case d.last == nil && d.c.readEnd() == nil && w.strikes(Failed, k.code, w.profile.Failed):
		d.last = syscall.ETIMEDOUT // tcp(7): the other end did not acknowledge, and the connection is over
		d.endReceive(k, d.last)
		d.c.timeOut()
		return true
	case w.script[Reset][k.code] > 0:
		w.script[Reset][k.code]--
		d.c.breakOff()
	}
	return false
}

// give ends a receive if there is something to end it with.
func (d *desc) give(k *call) bool {
	w := d.e.w
	if len(d.stash) > 0 {
		b := d.stash[0]
		d.stash = slices.Delete(d.stash, 0, 1)
		d.stashBytes -= b.Cap()
		k.op.Buf = b
		d.endReceive(k, nil)
		return true
	}
	if d.last == nil {
		if d.isReady(k.op) {
			d.armed = false // its caller receives, and nothing goes before that
			d.endReceive(k, nil)
			return true
		}
		if d.c.rx.n > 0 {
			b := d.piece(k.op)
			if b == nil {
				return false
			}
			k.op.Buf = b
			d.endReceive(k, nil)
			return true
		}
		if d.last = d.c.readEnd(); d.last == nil {
			return false
		}
	}
	if d.last == syscall.ECONNRESET {
		w.counts[Reset][k.code]++
	}
	d.endReceive(k, d.last)
	return true
}

func (d *desc) endReceive(k *call, err error) {
	d.release(k)
	d.e.finish(k, err)
}

// piece takes some of what has arrived into a buffer, nil if there is none. With op, of somebody who waits, the receive is tried
// again when a buffer comes free.
func (d *desc) piece(op *engine.Op) *mem.Buf {
	w, e := d.e.w, d.e
	wait := op != nil
	most := engine.RecvUsual(e.pool)
	if wait {
		most = d.bulk.Offer(e.pool, op)
	}
	n := min(d.c.rx.n, most)
	if n > 1 && w.strikes(Short, engine.Recv, w.profile.Short) {
		n = 1 + w.rnd.IntN(n-1)
	}
	if wait && w.strikes(NoBuffer, engine.Recv, w.profile.NoBuffer) {
		e.counters.NoBuffers.Add(1)
		w.at(w.clock()+1+w.delay(), d.pump)
		return nil
	}
	b, ok := e.pool.TryGetUpTo(n)
	if !ok {
		if wait {
			w.counts[NoBuffer][engine.Recv]++
			d.starve()
		}
		return nil
	}
	n, _ = d.c.read(b.Bytes()[:min(n, b.Len())])
	b.SetLen(n)
	d.bulk.Got(n, false)
	return b
}

// starve has the receive tried again when a buffer comes free.
func (d *desc) starve() {
	e := d.e
	if !slices.Contains(e.starving, d) {
		e.starving = append(e.starving, d)
		e.counters.NoBuffers.Add(1)
	}
	if e.withdraw == nil {
		e.withdraw = e.pool.Notify(min(mem.PageBytes, e.pool.MaxLen()), func() {
			e.freed.Store(true)
			e.Wake()
		})
	}
}

// feed tries again for those who waited for a buffer, in turn.
func (e *Engine) feed() {
	if e.withdraw != nil {
		e.withdraw()
		e.withdraw = nil
	}
	waiting := e.starving
	e.starving = nil
	for _, d := range waiting {
		d.pump()
	}
}
