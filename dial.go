package unio

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/loop"
)

// DialOptions are the settings of one Dial, by the names and with the defaults of net.Dialer. nil is good.
type DialOptions struct {
	// Timeout bounds the whole attempt, names included. 0 means none beyond the context's.
	Timeout time.Duration

	// Deadline does the same as a point in time. The zero value means none.
	Deadline time.Time

	// LocalAddr is the address to connect from; nil lets the kernel choose.
	LocalAddr net.Addr

	// FallbackDelay is how long the addresses of the other family wait when a name has addresses of both (RFC 6555,
	// "Happy Eyeballs"). 0 means 300 ms, negative means that all addresses are tried one after the other.
	FallbackDelay time.Duration

	// KeepAlive is how long a connection is idle before the kernel probes the peer. 0 means 15 s, negative means
	// no probes. It does not count where KeepAliveConfig.Enable is set.
	KeepAlive time.Duration

	// KeepAliveConfig says all of it.
	KeepAliveConfig net.KeepAliveConfig

	// Resolver looks names up; nil means net.DefaultResolver.
	Resolver *net.Resolver

	// Control is called with each socket before it is bound and connected, on a goroutine of its own, for which the loop of the connection
	// waits. Of the RawConn only Control works. A panic is raised in the caller of Dial.
	Control func(network, address string, c syscall.RawConn) error

	// ControlContext is the same with the context of Dial. It counts instead of Control.
	ControlContext func(ctx context.Context, network, address string, c syscall.RawConn) error
}

// fallbackDelayDefault is that of net.Dialer.
const fallbackDelayDefault = 300 * time.Millisecond

// Dial connects to an address: tcp, tcp4, tcp6 or unix, written as for net.Dial. A host name's addresses are tried as
// net.Dialer does. It parks a task and blocks a goroutine until the connection stands, fails, or ctx is done, and the
// connection lives with the caller.
func (rt *Runtime) Dial(ctx context.Context, network, addr string, o *DialOptions) (*Conn, error) {
	var opts DialOptions
	if o != nil {
		opts = *o
	}
	fail := func(a net.Addr, err error) (*Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: network, Source: opts.LocalAddr, Addr: a, Err: err}
	}
	if err := rt.usable(); err != nil {
		return fail(nil, err)
	}
	p, err := rt.callerPlace()
	if err != nil {
		return fail(nil, err)
	}
	by := opts.by(p)
	addrs, err := opts.resolve(ctx, p, network, addr, by)
	if err != nil {
		return fail(nil, err)
	}
	c, a, err := p.connect(newDialing(ctx, p, &opts, network, addrs, by))
	if thrown, ok := errors.AsType[*controlPanic](err); ok {
		panic(thrown.value)
	}
	if err != nil {
		return fail(a, sysError("connect", err))
	}
	return c, nil
}

// by is the loop time at which the options have the attempt end; 0: they do not.
func (o *DialOptions) by(p *place) (by int64) {
	if !o.Deadline.IsZero() {
		by = loop.Time(o.Deadline)
	}
	if o.Timeout != 0 {
		by = earlier(by, p.In(o.Timeout))
	}
	return by
}

// earlier is the earlier of two loop times, of which 0 is none.
func earlier(a, b int64) int64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// DialContext is Dial without options, in the form that http.Transport takes.
func (rt *Runtime) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	c, err := rt.Dial(ctx, network, addr, nil)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// request is what the engine is asked for to connect to one address.
func (o *DialOptions) request(ctx context.Context, network string, a net.Addr) *engine.Dial {
	d := &engine.Dial{Network: network, Addr: a}
	if !unbound(o.LocalAddr) {
		d.Local = o.LocalAddr
	}
	if o.Control == nil && o.ControlContext == nil {
		return d
	}
	if t, ok := a.(*net.TCPAddr); ok && network == "tcp" { // the hook hears of the family, as from package net
		network = "tcp6"
		if t.IP.To4() != nil {
			network = "tcp4"
		}
	}
	d.Control = func(fd uintptr) error {
		return aside(func() error {
			if o.ControlContext != nil {
				return o.ControlContext(ctx, network, a.String(), freshSocket(fd))
			}
			return o.Control(network, a.String(), freshSocket(fd))
		})
	}
	return d
}

// controlPanic is a panic of a Control function on its way to the caller of Dial or Listen.
type controlPanic struct{ value any }

func (p *controlPanic) Error() string {
	return fmt.Sprintf("unio: Control panicked: %v", p.value)
}

var errControlExit = errors.New("unio: Control ended by runtime.Goexit")

// aside calls a Control function where it can end nobody but itself: who asks is an engine, on its loop's goroutine, or
// package net, which closes its socket after an error.
func aside(fn func() error) error {
	result := make(chan error, 1)
	go func() {
		err := errControlExit
		defer func() {
			if v := recover(); v != nil {
				err = &controlPanic{v}
			}
			result <- err
		}()
		err = fn()
	}()
	return <-result
}

// unbound reports whether a local address is none, also as a nil pointer of its type, or one that says nothing.
func unbound(local net.Addr) bool {
	switch a := local.(type) {
	case *net.TCPAddr:
		return a == nil
	case *net.UnixAddr:
		return a == nil || a.Name == ""
	}
	return local == nil
}

// keepAlive gives the two ways to wish for probes one form.
func keepAlive(idle time.Duration, k net.KeepAliveConfig) net.KeepAliveConfig {
	if k.Enable {
		return k
	}
	return net.KeepAliveConfig{Enable: idle >= 0, Idle: idle}
}

// setKeepAlive gives a connection of package net its probes.
func setKeepAlive(c net.Conn, k net.KeepAliveConfig) {
	if t, ok := c.(*net.TCPConn); ok {
		t.SetKeepAliveConfig(k)
	}
}

// freshSocket is a socket that is not connected yet.
type freshSocket uintptr

// Control calls f.
func (fd freshSocket) Control(f func(uintptr)) error { f(uintptr(fd)); return nil }

// Read is refused: there is nothing to read yet.
func (freshSocket) Read(func(uintptr) bool) error { return errors.ErrUnsupported }

// Write is refused.
func (freshSocket) Write(func(uintptr) bool) error { return errors.ErrUnsupported }

// dialCause gives a context's end the error that package net gives it.
func dialCause(err error) error {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return errDialTimeout
	case err == context.Canceled:
		return errDialCanceled
	}
	return err
}

// errDialCanceled is what errors.Is finds as context.Canceled, with the text that it has from net.Dialer.
var errDialCanceled = canceledError{}

type canceledError struct{}

func (canceledError) Error() string     { return "operation was canceled" }
func (canceledError) Is(err error) bool { return err == context.Canceled }

// errDialTimeout is what errors.Is finds as context.DeadlineExceeded, as from net.Dialer, and as os.ErrDeadlineExceeded.
var errDialTimeout = &timeoutError{}

type timeoutError struct{}

func (*timeoutError) Error() string   { return "i/o timeout" }
func (*timeoutError) Timeout() bool   { return true }
func (*timeoutError) Temporary() bool { return true }
func (*timeoutError) Is(err error) bool {
	return err == context.DeadlineExceeded || err == os.ErrDeadlineExceeded
}
