package simengine

import (
	"fmt"
	"net"
	"slices"
	"syscall"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/mem"
)

// desc is a socket that an engine has taken over.
type desc struct {
	e       *Engine
	number  uint64 // for an order that a seed decides
	c       *Conn
	l       *Listener
	in, out *call // without a result
	closing bool
	last    error // the end of receiving, which stays

	bulk       engine.Bulk
	ahead      bool // it reads ahead, once it has been asked to receive
	armed      bool
	stash      []*mem.Buf
	stashBytes int  // memory, not content
	later      bool // another part of the send is on its way

	pumping, again bool
}

// FD is -1: there is no descriptor.
func (d *desc) FD() int { return -1 }

// Socket is what was attached.
func (d *desc) Socket() engine.Socket {
	if d.l != nil {
		return engine.Socket{FD: -1, Listener: d.l}
	}
	return engine.Socket{FD: -1, Conn: d.c}
}

// Attach takes a socket of the world over.
func (e *Engine) Attach(s engine.Socket, kind engine.Kind) (engine.Desc, error) {
	e.w.mu.Lock()
	defer e.w.unlock()
	if e.closed {
		return nil, fmt.Errorf("engine sim: attach: %w", net.ErrClosed)
	}
	c, isConn := s.Conn.(*Conn)
	l, isListener := s.Listener.(*Listener)
	switch {
	case kind == engine.Stream && isConn && c.w == e.w:
		return e.attach(c), nil
	case kind == engine.Listener && isListener && l.w == e.w:
		d := e.add(&desc{l: l})
		l.desc = d
		return d, nil
	}
	return nil, fmt.Errorf("engine sim: attach: not a socket of this world: %w", syscall.EINVAL)
}

func (e *Engine) attach(c *Conn) *desc {
	d := e.add(&desc{c: c, ahead: e.w.chance(e.w.profile.Ahead)})
	c.desc = d
	return d
}

func (e *Engine) add(d *desc) *desc {
	e.w.seq++
	d.e, d.number = e, e.w.seq
	e.descs[d] = struct{}{}
	e.counters.Descs.Add(1)
	return d
}

// inOrder is the descriptors in the order in which they came.
func (e *Engine) inOrder() []*desc {
	var all []*desc
	for d := range e.descs {
		all = append(all, d)
	}
	slices.SortFunc(all, func(a, b *desc) int { return int(a.number) - int(b.number) })
	return all
}

// claim makes k the pending call of a direction. It begins at once, or when the loop polls.
func (d *desc) claim(place **call, k *call) {
	if *place != nil {
		panic("engine sim: a second " + k.code.String() + " on one descriptor")
	}
	*place = k
	w := d.e.w
	if w.chance(w.profile.Inline) {
		d.pump()
		return
	}
	w.at(w.clock(), d.pump)
}

// release takes a call out that gets its result.
func (d *desc) release(k *call) {
	switch k {
	case d.in:
		d.in = nil
	case d.out:
		d.out, d.later = nil, false
	}
}

// pump goes on with what is pending. What it does may concern the other end, whose progress may concern this one: that is
// seen to afterwards, not in the middle.
func (d *desc) pump() {
	d.again = true
	if d.pumping {
		return
	}
	d.pumping = true
	for d.again && !d.closing {
		d.again = false
		switch {
		case d.l != nil && d.in != nil:
			d.accept()
		case d.c != nil:
			d.receive()
			d.send(false)
		}
	}
	d.pumping = false
}
