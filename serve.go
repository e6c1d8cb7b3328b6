package unio

import (
	"net"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/loop"
)

// serve sets the handler and waits for the end of the acceptor.
func (a *acceptor) serve(handler func(*Conn)) error {
	err := a.p.run(func() error {
		if err := a.open(); err != nil {
			return err
		}
		a.handler = func(c *Conn, _ error) { handler(c) }
		a.want()
		return nil
	})
	if err != nil {
		a.ln.unused()
		return err
	}
	Offload(func() { <-a.ended })
	return net.ErrClosed
}

// start begins serving a socket on p, which may be another loop.
func (a *acceptor) start(p *place, sock engine.Socket) {
	if p == a.p {
		a.begin(p, sock)
		return
	}
	a.under.Add(1)
	m := &sockMail{a: a, p: p, sock: sock}
	m.Mail = m
	if !p.Post(&m.Node) {
		a.under.Add(-1)
		closeSocket(sock)
	}
}

// sockMail brings an accepted socket to the loop that will serve it.
type sockMail struct {
	loop.Node
	a    *acceptor
	p    *place
	sock engine.Socket
}

// Deliver begins to serve the socket, and has the acceptor go on that had stopped because too many were under way.
func (m *sockMail) Deliver(*loop.Loop) {
	if m.a.under.Add(-1) == underWayMax-1 {
		w := &wantMail{a: m.a}
		w.Mail = w
		m.a.p.Post(&w.Node)
	}
	m.a.begin(m.p, m.sock)
}

// wantMail asks an acceptor to look again.
type wantMail struct {
	loop.Node
	a *acceptor
}

// Deliver has the acceptor look again.
func (m *wantMail) Deliver(*loop.Loop) { m.a.want() }

// begin serves a socket on its loop: at once, or when the first bytes arrive.
func (a *acceptor) begin(p *place, sock engine.Socket) {
	if a.ln.opts.OnFirstByte {
		a.await(p, sock)
		return
	}
	c, err := p.attach(sock, a.ln)
	if err != nil {
		a.ln.rt.log.Warn("unio: an accepted connection was dropped", "error", err)
		return
	}
	c.handle(a.handler)
}

// quietConn is a connection that has sent nothing yet: a descriptor with a pending receive.
type quietConn struct {
	a      *acceptor
	p      *place
	recv   engine.Op
	timer  loop.Timer
	member loop.Member
	ending bool
}

// await waits for the first bytes of a socket without a task.
func (a *acceptor) await(p *place, sock engine.Socket) {
	if p.Closing() {
		closeSocket(sock)
		return
	}
	d, err := p.Engine().Attach(sock, engine.Stream)
	if err != nil {
		closeSocket(sock)
		a.ln.rt.log.Warn("unio: an accepted connection was dropped", "error", err)
		return
	}
	q := p.takeQuiet()
	q.a, q.p, q.recv = a, p, engine.Op{Code: engine.Recv, Desc: d, To: q}
	p.Add(&q.member)
	p.conns.Add(1)
	p.SetTimer(&q.timer, p.Within(a.ln.opts.FirstByteLimit))
	if p.Submit(&q.recv) {
		q.arrived()
	}
}

// quietSpareMax bounds what is kept for use again. The last is used first: with a connection for each request, memory that is not
// in the caches is a good part of what a connection costs.
const quietSpareMax = 256

// takeQuiet gives one that stands in no list.
func (p *place) takeQuiet() *quietConn {
	if n := len(p.quiet) - 1; n >= 0 {
		q := p.quiet[n]
		p.quiet[n], p.quiet = nil, p.quiet[:n]
		return q
	}
	q := new(quietConn)
	q.timer.To, q.member.Of = q, q
	return q
}

// giveQuiet takes one back that neither the engine nor the loop has any more.
func (p *place) giveQuiet(q *quietConn) {
	if len(p.quiet) < quietSpareMax {
		q.a, q.recv = nil, engine.Op{}
		p.quiet = append(p.quiet, q)
	}
}

// Complete takes the first bytes, or the end.
func (q *quietConn) Complete(op *engine.Op) {
	switch {
	case op.Code == engine.Close:
		q.p.Remove(&q.member)
		q.p.conns.Add(-1)
	case !q.ending:
		q.arrived()
	case op.Buf != nil:
		op.Buf.Release()
	}
}

// arrived makes a connection of it.
func (q *quietConn) arrived() {
	q.p.StopTimer(&q.timer)
	if q.recv.Err != nil {
		q.Abort()
		return
	}
	q.p.Remove(&q.member)
	q.p.conns.Add(-1)
	c := newConn(q.p, q.recv.Desc, q.a.ln)
	c.rest = q.recv.Buf
	handler := q.a.handler
	q.p.giveQuiet(q)
	c.handle(handler)
}

// Fire closes a connection that has been silent for too long.
func (q *quietConn) Fire(*loop.Timer) { q.Abort() }

// Abort closes the connection.
func (q *quietConn) Abort() {
	if q.ending {
		return
	}
	q.ending = true
	q.p.StopTimer(&q.timer)
	op := &engine.Op{Code: engine.Close, Desc: q.recv.Desc, To: q}
	if q.p.Submit(op) {
		q.Complete(op)
	}
}
