package simengine

import (
	"syscall"

	"github.com/unio-go/unio/internal/engine"
)

// send goes on with the pending Send. Its buffers are read when there is room, not before: one that is released too early
// shows by what arrives. A part may be all that is taken at once; the next then comes later.
func (d *desc) send(next bool) {
	k, w := d.out, d.e.w
	if k == nil || d.later && !next {
		return
	}
	d.later = false
	if w.script[Reset][k.code] > 0 {
		w.script[Reset][k.code]--
		d.c.breakOff()
	}
	if err := d.c.writeEnd(); err != nil {
		if d.c.failure == syscall.ECONNRESET {
			w.counts[Reset][k.code]++
		}
		d.endSend(k, err)
		return
	}
	if w.strikes(Failed, k.code, w.profile.Failed) {
		d.c.told = true
		d.endSend(k, syscall.ETIMEDOUT)
		d.c.timeOut()
		return
	}
	d.c.unhold()
	left := length(k.op) - k.sent
	for left > 0 {
		n := min(d.c.space(), left, len(rest(k)))
		if n == 0 {
			return
		}
		short := n > 1 && w.strikes(Short, k.code, w.profile.Short)
		if short {
			n = 1 + w.rnd.IntN(n-1)
		}
		if n == left && k.op.How == engine.SendLast {
			d.c.hold(rest(k)[:n])
		} else {
			d.c.transmit(rest(k)[:n])
		}
		k.sent += n
		left -= n
		if short && left > 0 {
			d.later = true
			w.at(w.clock()+1+w.delay(), func() {
				if d.out == k {
					d.send(true)
				}
			})
			k.op.N = k.sent
			return
		}
		k.op.N = k.sent
	}
	d.endSend(k, nil)
}

func (d *desc) endSend(k *call, err error) {
	k.op.N = k.sent
	d.release(k)
	d.e.finish(k, err)
}

// length is how many bytes a Send is.
func length(op *engine.Op) (n int) {
	for _, b := range op.Bufs {
		n += b.Len()
	}
	return n
}

// rest is what is left of the piece at which a Send has arrived.
func rest(k *call) []byte {
	at := k.sent
	for _, b := range k.op.Bufs {
		if at < b.Len() {
			return b.Bytes()[at:]
		}
		at -= b.Len()
	}
	return nil
}
