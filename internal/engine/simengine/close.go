package simengine

import "syscall"

// close performs a Close: what is pending ends first, and its completions come in any order with this one.
func (d *desc) close(k *call) {
	w := d.e.w
	d.end()
	var err error
	if w.strikes(Failed, k.code, w.profile.Failed) {
		err = syscall.EIO // close(2): the descriptor is gone all the same
	}
	d.e.finish(k, err)
}

// end closes the socket and everything that belongs to it.
func (d *desc) end() {
	if d.closing {
		return
	}
	e := d.e
	for _, k := range []*call{d.in, d.out} {
		if k != nil {
			e.cancel(k)
		}
	}
	for _, k := range e.calls {
		if k.d == d && k.over {
			e.cancel(k) // which counts that it comes too late
		}
	}
	d.closing = true
	if d.c != nil {
		d.c.unhold()
		if len(d.stash) > 0 {
			d.c.abrupt = true // unread, as far as the peer is concerned
		}
		d.c.closeEnd()
	} else {
		d.l.closeEnd()
	}
	e.w.garbage = append(e.w.garbage, d.stash...)
	d.stash, d.stashBytes = nil, 0
	delete(e.descs, d)
	e.counters.Descs.Add(-1)
}
