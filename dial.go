package unio

import (
	"context"
	"errors"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/loop"
)

// DialOptions are the settings of one Dial. nil is good.
type DialOptions struct {
	// Timeout bounds the whole attempt, names included. 0 means none beyond the context's.
	Timeout time.Duration
	// LocalAddr is the address to connect from; nil lets the kernel choose.
	LocalAddr net.Addr
	// Control is called with the descriptor before the connection is made.
	Control func(fd uintptr) error
}

// Dial connects to an address: tcp, tcp4, tcp6 or unix, written as for net.Dial. A host name's addresses are tried in
// order. It parks a task and blocks a goroutine until the connection stands, fails, or ctx is done, and the connection
// lives with the caller.
func (rt *Runtime) Dial(ctx context.Context, network, addr string, o *DialOptions) (*Conn, error) {
	var opts DialOptions
	if o != nil {
		opts = *o
	}
	if opts.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, opts.Timeout)
		defer cancel()
	}
	fail := func(a net.Addr, err error) (*Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: network, Source: opts.LocalAddr, Addr: a, Err: err}
	}
	addrs, err := resolve(ctx, network, addr)
	if err != nil {
		return fail(nil, err)
	}
	p, err := rt.callerPlace()
	if err != nil {
		return fail(nil, err)
	}
	for i, a := range addrs {
		c, err := p.connect(ctx, &engine.Dial{
			Network: network, Addr: a, Local: opts.LocalAddr, Control: opts.Control,
		})
		if err == nil {
			return c, nil
		}
		if i == len(addrs)-1 || ctx.Err() != nil {
			return fail(a, sysError("connect", err))
		}
	}
	return fail(nil, errors.New("no address"))
}

// DialContext is Dial without options, in the form that http.Transport takes.
func (rt *Runtime) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	c, err := rt.Dial(ctx, network, addr, nil)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// resolve turns an address into those to try. Literal addresses need no resolver; a name is looked up on a goroutine.
func resolve(ctx context.Context, network, addr string) ([]net.Addr, error) {
	switch network {
	case "unix":
		return []net.Addr{&net.UnixAddr{Name: addr, Net: "unix"}}, nil
	case "tcp", "tcp4", "tcp6":
	default:
		return nil, net.UnknownNetworkError(network)
	}
	host, service, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	port, err := strconv.Atoi(service)
	if ip := net.ParseIP(host); err == nil && ip != nil && 0 <= port && port <= 65535 {
		return []net.Addr{&net.TCPAddr{IP: ip, Port: port}}, nil
	}
	var addrs []net.Addr
	Offload(func() { addrs, err = lookup(ctx, network, host, service) })
	return addrs, err
}

func lookup(ctx context.Context, network, host, service string) ([]net.Addr, error) {
	port, err := net.DefaultResolver.LookupPort(ctx, network, service)
	if err != nil {
		return nil, err
	}
	if host == "" {
		host = "localhost"
	}
	ips, err := net.DefaultResolver.LookupIPAddr(ctx, host)
	if err != nil {
		return nil, err
	}
	var addrs []net.Addr
	for _, ip := range ips {
		if v4 := ip.IP.To4() != nil; network == "tcp" || v4 == (network == "tcp4") {
			addrs = append(addrs, &net.TCPAddr{IP: ip.IP, Port: port, Zone: ip.Zone})
		}
	}
	if len(addrs) == 0 {
		return nil, &net.AddrError{Err: "no suitable address found", Addr: host}
	}
	return addrs, nil
}

// dialing is one connection attempt on a loop.
type dialing struct {
	p      *place
	op     engine.Op
	w      *loop.Waiter
	member loop.Member
	cause  error // why it was cancelled
	done   bool
	conn   *Conn
}

// connect makes one attempt from wherever the caller is.
func (p *place) connect(ctx context.Context, d *engine.Dial) (*Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, dialCause(err)
	}
	a := &dialing{p: p, op: engine.Op{Code: engine.Connect, Dial: d}}
	a.op.To, a.member.Of = a, a
	stop := context.AfterFunc(ctx, func() {
		p.run(func() error { a.cancel(dialCause(ctx.Err())); return nil })
	})
	defer stop()
	if t := p.Here(); t != nil {
		a.Serve(&t.Waiter)
		t.Wait()
		err := t.Waiter.Err
		t.Waiter.Err = nil
		return a.conn, err
	}
	w, err := p.Foreign()
	if err != nil {
		return nil, err
	}
	w.To = a
	w.Await()
	err = w.Err
	w.Free()
	if err != nil {
		return nil, err
	}
	return a.conn, nil
}

// dialCause gives a context's end the error that package net gives it.
func dialCause(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return errDialTimeout
	}
	return err
}

// errDialTimeout is what errors.Is finds as context.DeadlineExceeded, as from net.Dialer, and as os.ErrDeadlineExceeded.
var errDialTimeout = &timeoutError{}

type timeoutError struct{}

func (*timeoutError) Error() string   { return "i/o timeout" }
func (*timeoutError) Timeout() bool   { return true }
func (*timeoutError) Temporary() bool { return true }
func (*timeoutError) Is(err error) bool {
	return err == context.DeadlineExceeded || err == os.ErrDeadlineExceeded
}

// Serve starts the attempt on the loop.
func (a *dialing) Serve(w *loop.Waiter) {
	a.w = w
	switch {
	case a.p.Closing():
		a.done = true
		finish(w, net.ErrClosed)
		return
	case a.cause != nil:
		a.done = true
		finish(w, a.cause)
		return
	}
	a.p.Add(&a.member)
	if a.p.Engine().Submit(&a.op) {
		a.Complete(&a.op)
	}
}

// cancel ends the attempt for a cause.
func (a *dialing) cancel(cause error) {
	if a.cause == nil {
		a.cause = cause
	}
	if a.w != nil && !a.done {
		a.p.Engine().Cancel(&a.op)
	}
}

// Abort ends the attempt because its loop ends.
func (a *dialing) Abort() { a.cancel(net.ErrClosed) }

// Complete takes the result. A connection that nobody wants any more is closed.
func (a *dialing) Complete(op *engine.Op) {
	if op.Code == engine.Close {
		return
	}
	a.done = true
	a.p.Remove(&a.member)
	if op.Err != nil {
		err := op.Err
		if a.cause != nil && err == engine.ErrCanceled {
			err = a.cause
		}
		finish(a.w, err)
		return
	}
	setDialed(op.Desc.Socket())
	c := newConn(a.p, op.Desc)
	if a.cause != nil || !a.w.Claim() {
		c.shut(nil)
		finish(a.w, a.cause)
		return
	}
	a.conn = c
	a.w.Finish()
}
