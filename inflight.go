package unio

import (
	"cmp"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/loop"
)

// Operation is something that the kernel, or package net, has been asked for and has not done yet.
type Operation struct {
	// Op is "recv", "send", "accept" or "connect".
	Op string
	// ID is what the kernel shows of it: the user_data of io_uring's trace events on uring (a multishot request keeps
	// it), the data of the descriptor in the epoll's /proc/PID/fdinfo on epoll, and 0 on the other engines.
	ID uint64
	// Age is how long it has been there, to a few milliseconds.
	Age time.Duration
	// FD is the file descriptor, -1 on the engines that have none.
	FD int
	// Loop is the loop that it belongs to, as Conn.Loop tells it.
	Loop int
	// Addr is where a connect goes to, where an accept listens, and the peer of a connection if anybody has asked for
	// it; else nil.
	Addr net.Addr
	// Owner is the stack of the task or goroutine that waits for it, in builds with -race or -tags uniodebug. It is
	// empty for what nobody waits for, such as a send of what Write has taken over.
	Owner string
}

// LogValue is the operation for package slog.
func (o Operation) LogValue() slog.Value {
	attrs := []slog.Attr{
		slog.String("op", o.Op), slog.String("id", "0x"+strconv.FormatUint(o.ID, 16)), slog.Duration("age", o.Age),
		slog.Int("fd", o.FD), slog.Int("loop", o.Loop),
	}
	if o.Addr != nil {
		attrs = append(attrs, slog.String("addr", o.Addr.String()))
	}
	if o.Owner != "" {
		attrs = append(attrs, slog.String("owner", o.Owner))
	}
	return slog.GroupValue(attrs...)
}

// Inflight lists the operations on sockets that are under way, the oldest first: what a connection that hangs waits for. Those
// on files are not among them; Stats().Files.Pending counts them. It asks no loop, so it also answers while a task holds one,
// may be called from anywhere, and waits for nothing but a short lock. The list is not of one moment: what begins or ends
// meanwhile may be in it or not. It costs time and memory for each connection.
func (rt *Runtime) Inflight() []Operation {
	var all []Operation
	for _, p := range rt.places() {
		p.Inspect(func(r loop.Resource) {
			if x, ok := r.(inspected); ok {
				x.inflight(func(o Operation) {
					o.Loop = p.index
					all = append(all, o)
				})
			}
		})
	}
	slices.SortStableFunc(all, func(a, b Operation) int { return cmp.Compare(b.Age, a.Age) })
	return all
}

// inspected is a resource with operations. The call comes from anywhere, while the resource is one of its loop.
type inspected interface{ inflight(add func(Operation)) }

// operation is what anybody may see of an operation whose Desc does not change. Its Code may. False: it is not with the engine.
func (p *place) operation(op *engine.Op, code engine.Code) (o Operation, ok bool) {
	age, ok := p.Age(op)
	if !ok {
		return o, false
	}
	o = Operation{Op: code.String(), Age: age, FD: -1}
	if d, ok := op.Desc.(engine.Traced); ok {
		o.FD, o.ID = d.Trace(code)
	}
	return o, true
}

func (s *loopSide) inflight(add func(Operation)) {
	c := (*Conn)(s)
	for _, x := range []struct {
		op   *engine.Op
		code engine.Code
		by   *owner
	}{{&c.recv, engine.Recv, &c.reader}, {&c.send, engine.Send, &c.writer}} {
		if o, ok := c.home.operation(x.op, x.code); ok {
			o.Owner = x.by.String()
			if a := c.addrs.Load(); a != nil {
				o.Addr = a.remote
			}
			add(o)
		}
	}
}

func (q *quietConn) inflight(add func(Operation)) {
	if o, ok := q.p.operation(&q.recv, engine.Recv); ok {
		add(o)
	}
}

func (a *acceptor) inflight(add func(Operation)) {
	if o, ok := a.p.operation(&a.op, engine.Accept); ok {
		o.Addr = a.ln.addr
		add(o)
	}
}

// attempt is a connect that is with the engine, as others may see it.
type attempt struct {
	since int64 // loop time
	fd    int
	id    uint64
	addr  net.Addr
}

// begun notes that the attempt of a racer is with the engine.
func (r *racer) begun() {
	t := &attempt{since: r.a.p.Now(), fd: -1, addr: r.op.Dial.Addr}
	if e, ok := r.a.p.Engine().(engine.ConnectTracer); ok {
		t.fd, t.id = e.TraceConnect(&r.op)
	}
	r.attempt().Store(t)
}

func (r *racer) attempt() *atomic.Pointer[attempt] {
	if r == &r.a.primary {
		return &r.a.attempts[0]
	}
	return &r.a.attempts[1]
}

func (a *dialing) inflight(add func(Operation)) {
	for i := range a.attempts {
		if t := a.attempts[i].Load(); t != nil {
			add(Operation{
				Op: engine.Connect.String(), ID: t.id, Age: a.p.Elapsed(t.since), FD: t.fd, Addr: t.addr, Owner: a.caller.String(),
			})
		}
	}
}
