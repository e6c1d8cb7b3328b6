package unio

import (
	"cmp"
	"context"
	"errors"
	"net"
	"sync/atomic"
	"time"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/loop"
)

// dialing connects to the first of some addresses that answers. After newDialing everything of it happens on its loop.
type dialing struct {
	p       *place
	ctx     context.Context
	opts    *DialOptions
	network string
	// The addresses of the first one's family are tried by primary, the others by fallback, which begins after a
	// delay. Without a fallback all are primary's.
	primary  racer
	fallback *racer
	delay    loop.Timer
	by       int64      // loop time at which the options end it; 0: they do not
	limit    loop.Timer // that it ends then
	deadline int64      // the earlier of by and the context's

	w      *loop.Waiter
	member loop.Member
	cause  error // why it was cancelled
	// overdue is the mail that the context is done, or that the caller has left. Nobody waits for its delivery, so it is not withdrawn
	// from a loop that is held.
	overdue loop.Node
	done    bool // w is finished
	conn    *Conn
	failed  net.Addr // whose error w got

	attempts [2]atomic.Pointer[attempt] // primary's and fallback's, for Runtime.Inflight
	caller   owner
}

// racer tries addresses one after the other.
type racer struct {
	a       *dialing
	addrs   []net.Addr
	tried   int
	op      engine.Op
	running bool
	timer   loop.Timer // of the attempt that is under way
	late    bool       // it has run out
	err     error      // of the first attempt that failed
	errAddr net.Addr
}

func newDialing(ctx context.Context, p *place, opts *DialOptions, network string, addrs []net.Addr, by int64) *dialing {
	a := &dialing{p: p, ctx: ctx, opts: opts, network: network, by: by, deadline: by}
	a.member.Of, a.delay.To, a.limit.To, a.overdue.Mail = a, a, (*dialLimit)(a), (*dialOverdue)(a)
	if d, ok := ctx.Deadline(); ok {
		a.deadline = earlier(by, loop.Time(d))
	}
	first, others := addrs, []net.Addr(nil)
	if network == "tcp" && opts.FallbackDelay >= 0 {
		first, others = partition(addrs)
	}
	a.primary.init(a, first)
	if len(others) > 0 {
		a.fallback = new(racer)
		a.fallback.init(a, others)
	}
	return a
}

// partition divides addresses by the family of the first.
func partition(addrs []net.Addr) (first, others []net.Addr) {
	if len(addrs) == 1 {
		return addrs, nil
	}
	isV4 := func(a net.Addr) bool { return a.(*net.TCPAddr).IP.To4() != nil }
	for _, a := range addrs {
		if isV4(a) == isV4(addrs[0]) {
			first = append(first, a)
		} else {
			others = append(others, a)
		}
	}
	return first, others
}

// connect performs it for a caller who may be anywhere. With an error comes the address that it is about, if any.
func (p *place) connect(a *dialing) (*Conn, net.Addr, error) {
	if err := a.ctx.Err(); err != nil {
		return nil, a.primary.addrs[0], dialCause(err)
	}
	if p.PassedOutside(a.by) {
		return nil, a.primary.addrs[0], errDialTimeout
	}
	stop := context.AfterFunc(a.ctx, func() { p.Post(&a.overdue) })
	defer stop()
	a.caller.note()
	var err error
	if t := p.Here(); t != nil {
		a.Serve(&t.Waiter)
		t.Wait()
		err, t.Waiter.Err = t.Waiter.Err, nil
	} else {
		w, notHere := p.Foreign()
		if notHere != nil {
			return nil, nil, notHere
		}
		w.To = a
		w.Await()
		err = w.Err
		if w.Withdrawn() { // what comes of the attempts is not for this caller to read
			if stop() {
				p.Post(&a.overdue)
			}
			return nil, nil, err
		}
		w.Free()
	}
	if err != nil {
		return nil, a.failed, err
	}
	return a.conn, nil, nil
}

// Serve starts on the loop.
func (a *dialing) Serve(w *loop.Waiter) {
	a.w = w
	switch {
	case a.p.Closing():
		a.finish(nil, net.ErrClosed)
		return
	case a.cause != nil:
		a.finish(nil, a.cause)
		return
	}
	a.p.Add(&a.member)
	if a.by != 0 {
		a.p.SetTimer(&a.limit, a.by)
	}
	if a.fallback != nil {
		d := a.opts.FallbackDelay
		if d == 0 {
			d = fallbackDelayDefault
		}
		a.p.SetTimer(&a.delay, a.p.In(d))
	}
	a.primary.run()
}

// Fire starts the fallback when the primary has had its head start.
func (a *dialing) Fire(*loop.Timer) { a.fallback.run() }

// dialLimit is a dialing whose options bound it.
type dialLimit dialing

// Fire ends the attempts.
func (m *dialLimit) Fire(*loop.Timer) { (*dialing)(m).cancel(errDialTimeout) }

// dialOverdue is a dialing whose context is done, or whose caller has left.
type dialOverdue dialing

// Deliver ends the attempts.
func (o *dialOverdue) Deliver(*loop.Loop) {
	(*dialing)(o).cancel(dialCause(cmp.Or(o.ctx.Err(), net.ErrClosed)))
}

// cancel ends the attempts for a cause.
func (a *dialing) cancel(cause error) {
	if a.cause == nil {
		a.cause = cause
	}
	a.stop()
}

// stop ends what is under way; what has a connection by then closes it.
func (a *dialing) stop() {
	a.p.StopTimer(&a.delay)
	a.primary.stop()
	if a.fallback != nil {
		a.fallback.stop()
	}
}

// Abort ends the attempts because the loop ends.
func (a *dialing) Abort() { a.cancel(net.ErrClosed) }

// finish ends the wait, once. With an error there is no connection.
func (a *dialing) finish(failed net.Addr, err error) {
	if !a.done {
		a.done = true
		a.failed = failed
		finish(a.w, err)
	}
}

// over is told that a racer has no more to try, or has won.
func (a *dialing) over(r *racer) {
	f := a.fallback
	if !a.done && a.cause == nil && r == &a.primary && f != nil && f.tried == 0 {
		a.p.StopTimer(&a.delay) // there is nothing to wait for
		f.run()
		return
	}
	if a.primary.running || f != nil && f.running {
		return
	}
	a.p.Remove(&a.member)
	a.p.StopTimer(&a.limit)
	if err := a.primary.err; err != nil {
		a.finish(a.primary.errAddr, err)
	} else {
		a.finish(nil, a.cause) // which came when the connection stood
	}
}

// won takes a connection. One that nobody wants any more is closed.
func (a *dialing) won(d engine.Desc, addr net.Addr) {
	if a.network != "unix" {
		setDialed(d.Socket(), keepAlive(a.opts.KeepAlive, a.opts.KeepAliveConfig))
	}
	c := newConn(a.p, d, nil)
	c.dialed = addr
	c.exposed = a.opts.Control != nil || a.opts.ControlContext != nil
	if a.done || a.cause != nil || !a.w.Claim() {
		c.shut(nil)
		return
	}
	a.done = true
	a.conn = c
	a.stop()
	a.w.Finish()
}

func (r *racer) init(a *dialing, addrs []net.Addr) {
	r.a, r.addrs, r.timer.To = a, addrs, r
}

// run tries the addresses that are left until one has to be waited for.
func (r *racer) run() {
	r.running = true
	for r.tried < len(r.addrs) && !r.a.done && r.a.cause == nil {
		addr := r.addrs[r.tried]
		r.tried++
		r.late = false
		r.op = engine.Op{Code: engine.Connect, Dial: r.a.opts.request(r.a.ctx, r.a.network, addr), To: r}
		r.setLimit()
		if !r.a.p.Submit(&r.op) {
			r.begun()
			return
		}
		r.result()
	}
	r.running = false
	r.a.over(r)
}

// shareLeast is the least time that an address gets, as with package net. A test makes it shorter.
var shareLeast = 2 * time.Second

// setLimit gives an attempt its share of the time that is left, as package net does: equal parts for the addresses, but
// no less than shareLeast.
func (r *racer) setLimit() {
	if r.a.deadline == 0 || r.tried == len(r.addrs) {
		return
	}
	now := r.a.p.FreshNow()
	left := r.a.deadline - now
	r.a.p.SetTimer(&r.timer, now+max(left/int64(len(r.addrs)-r.tried+1), min(left, int64(shareLeast))))
}

// Fire ends an attempt that has used up its share.
func (r *racer) Fire(*loop.Timer) {
	r.late = true
	r.a.p.Engine().Cancel(&r.op)
}

// Complete takes the result of an attempt that had to be waited for, and goes on.
func (r *racer) Complete(*engine.Op) {
	r.attempt().Store(nil)
	r.result()
	r.run()
}

// result takes what an attempt has come to.
func (r *racer) result() {
	r.a.p.StopTimer(&r.timer)
	err := r.op.Err
	switch {
	case err == nil:
		r.a.won(r.op.Desc, r.op.Dial.Addr)
		return
	case err == engine.ErrCanceled && r.a.cause != nil:
		err = r.a.cause
	case err == engine.ErrCanceled && r.late:
		err = errDialTimeout
	}
	if _, ok := errors.AsType[*controlPanic](err); ok { // whatever failed before, and whatever might still succeed
		r.a.primary.err, r.a.primary.errAddr = err, r.op.Dial.Addr
		r.a.cancel(err)
		return
	}
	if r.err == nil {
		r.err, r.errAddr = err, r.op.Dial.Addr
	}
}

// stop ends the attempt that is under way. Its result still comes.
func (r *racer) stop() {
	if r.running {
		r.a.p.Engine().Cancel(&r.op)
	}
}
