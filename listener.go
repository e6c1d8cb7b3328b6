package unio

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/loop"
)

// ListenOptions are the settings of a [Listener]. nil is good.
type ListenOptions struct {
	// OnFirstByte starts a Serve handler when the first bytes have arrived instead of at accept. Until then a
	// connection costs less than a kilobyte. It is wrong for protocols in which the server speaks first.
	OnFirstByte bool

	// FirstByteLimit closes a connection that has sent nothing for so long. 0 means 30 s. It is an error without
	// OnFirstByte.
	FirstByteLimit time.Duration

	// Control is called with the descriptor before it is bound, as in net.ListenConfig, on a goroutine of its own. A panic
	// is raised in the caller of Listen.
	Control func(network, address string, c syscall.RawConn) error

	// KeepAlive is how long an accepted connection is idle before the kernel probes the peer. 0 means 15 s, negative
	// means no probes. It does not count where KeepAliveConfig.Enable is set.
	KeepAlive time.Duration

	// KeepAliveConfig says all of it, as in net.ListenConfig.
	KeepAliveConfig net.KeepAliveConfig
}

const firstByteLimitDefault = 30 * time.Second

// Listener accepts stream connections. It is a net.Listener; a program either calls Accept or AcceptConn, or gives a
// handler to Serve.
//
// A Listener ends with Close, which leaves the connections that it has given out alone, or with its Runtime.
type Listener struct {
	rt    *Runtime
	sock  engine.Socket
	addr  net.Addr
	given net.Addr // the local address of what is accepted, if that is always the same
	opts  ListenOptions
	// exposed: somebody has had the socket. What is accepted inherits the SO_LINGER that he may have set, and with IP_TRANSPARENT has
	// the address that its peer has sent to.
	exposed  atomic.Bool
	keepPath atomic.Bool // of a Unix socket
	unlinked atomic.Bool // that is removed
	owned    atomic.Bool // the socket belongs to a loop, or is closed

	mu     sync.Mutex
	acc    *acceptor // made by the first Accept or Serve, on the loop that they choose
	mode   string    // what uses it; empty after a Serve that could not begin
	closed bool
	gone   bool // the loop closes the socket, and its number may be somebody else's
	// deadline is that of Accept, in loop time; 0: none.
	deadline int64
}

var _ net.Listener = (*Listener)(nil)

// Listen opens a listener. Networks and addresses are those of net.Listen: tcp, tcp4, tcp6 and unix.
func (rt *Runtime) Listen(network, addr string, o *ListenOptions) (*Listener, error) {
	opts, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	switch network {
	case "tcp", "tcp4", "tcp6", "unix":
	default:
		return nil, &net.OpError{Op: "listen", Net: network, Err: net.UnknownNetworkError(network)}
	}
	if err := rt.usable(); err != nil {
		return nil, &net.OpError{Op: "listen", Net: network, Err: err}
	}
	inner, err := rt.listen(network, addr, &opts)
	if thrown, ok := errors.AsType[*controlPanic](err); ok {
		panic(thrown.value)
	}
	if err != nil {
		return nil, err
	}
	ln := &Listener{rt: rt, addr: inner.Addr(), opts: opts}
	ln.exposed.Store(opts.Control != nil)
	if a, ok := ln.addr.(*net.TCPAddr); !ok || !a.IP.IsUnspecified() {
		ln.given = ln.addr
	}
	if ln.sock, err = rt.takeListener(inner, opts.KeepAliveConfig); err != nil {
		inner.Close() // with the path of a Unix socket
		return nil, &net.OpError{Op: "listen", Net: network, Addr: ln.addr, Err: err}
	}
	if u, ok := inner.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false) // that is ours to do
	}
	rt.mu.Lock()
	rt.listeners[ln] = struct{}{}
	closing := rt.closing.Load()
	rt.mu.Unlock()
	if closing { // since we looked above; Close may have missed this one
		ln.abandon()
		return nil, &net.OpError{Op: "listen", Net: network, Err: net.ErrClosed}
	}
	return ln, nil
}

// listen makes the listening socket.
func (rt *Runtime) listen(network, addr string, o *ListenOptions) (ln net.Listener, err error) {
	if listen := rt.choice.listen; listen != nil {
		if o.Control != nil {
			return nil, fmt.Errorf("unio: ListenOptions.Control needs a descriptor, and the engine %s has none: %w",
				rt.choice.name, errors.ErrUnsupported)
		}
		return listen(network, addr)
	}
	lc := net.ListenConfig{KeepAliveConfig: o.KeepAliveConfig}
	if o.Control != nil { // which would leave the socket open if it did not return to package net
		lc.Control = func(network, address string, c syscall.RawConn) error {
			return aside(func() error { return o.Control(network, address, c) })
		}
	}
	if !o.KeepAliveConfig.Enable {
		lc.KeepAlive = -1
	}
	lc.SetMultipathTCP(false) // its sockets are no TCP sockets to the kernel's fast paths
	// It may resolve a name.
	Offload(func() { ln, err = lc.Listen(context.Background(), network, addr) })
	return ln, err
}

func (o *ListenOptions) withDefaults() (ListenOptions, error) {
	var out ListenOptions
	if o != nil {
		out = *o
	}
	switch {
	case out.FirstByteLimit != 0 && !out.OnFirstByte:
		return out, errors.New("unio: ListenOptions.FirstByteLimit is set without OnFirstByte, where it has no effect")
	case out.FirstByteLimit < 0:
		return out, fmt.Errorf("unio: ListenOptions.FirstByteLimit is %v: it must be positive", out.FirstByteLimit)
	case out.FirstByteLimit == 0:
		out.FirstByteLimit = firstByteLimitDefault
	}
	out.KeepAliveConfig = keepAlive(out.KeepAlive, out.KeepAliveConfig)
	return out, nil
}

// Addr is the address that the listener is bound to.
func (ln *Listener) Addr() net.Addr { return ln.addr }

// SetDeadline is the time after which Accept fails with os.ErrDeadlineExceeded, for calls that wait and for later ones; the
// zero time means never. Serve knows no deadline.
func (ln *Listener) SetDeadline(t time.Time) error {
	var when int64
	if !t.IsZero() {
		when = loop.Time(t)
	}
	ln.mu.Lock()
	closed, a := ln.closed, ln.acc
	ln.deadline = when
	ln.mu.Unlock()
	switch {
	case closed:
		return ln.dress("set", net.ErrClosed)
	case a == nil:
		return nil // the acceptor is made with it
	}
	return ln.dress("set", a.p.run(func() error { a.setDeadline(when); return nil }))
}

// SetUnlinkOnClose says whether Close removes the path of a Unix socket. It does unless told otherwise; for other networks
// there is nothing to remove.
func (ln *Listener) SetUnlinkOnClose(unlink bool) { ln.keepPath.Store(!unlink) }

// File gives a new file of the same listening socket, for another process most often; it is the caller's to close, and
// neither closing affects the other.
func (ln *Listener) File() (f *os.File, err error) {
	err = ln.withSocket(func(s engine.Socket) error {
		f, err = fileOf(s, ln.addr.Network()+":"+ln.addr.String()+"->")
		return err
	})
	return f, ln.dress("file", bare(err))
}

// SyscallConn gives access to the socket's options by Control, which gets a second descriptor of it for the time of the
// call. There is nothing to read or write.
func (ln *Listener) SyscallConn() (syscall.RawConn, error) {
	if err := ln.withSocket(func(engine.Socket) error { return nil }); err != nil {
		return nil, ln.dress("raw", err)
	}
	return rawListener{ln}, nil
}

// withSocket calls fn while the socket is open.
func (ln *Listener) withSocket(fn func(engine.Socket) error) error {
	ln.exposed.Store(true)
	ln.mu.Lock()
	defer ln.mu.Unlock()
	if ln.closed || ln.gone {
		return net.ErrClosed
	}
	return fn(ln.sock)
}

// rawListener is a listener for those who set options of their own.
type rawListener struct{ ln *Listener }

// Control calls f with the descriptor, on the caller's goroutine.
func (r rawListener) Control(f func(fd uintptr)) error {
	file, err := r.ln.File()
	if err != nil {
		return err
	}
	defer file.Close()
	raw, err := file.SyscallConn()
	if err == nil {
		err = raw.Control(f)
	}
	return err
}

// Read is refused as by package net.
func (r rawListener) Read(func(uintptr) bool) error { return r.ln.dress("raw-read", syscall.EINVAL) }

// Write is refused as by package net.
func (r rawListener) Write(func(uintptr) bool) error { return r.ln.dress("raw-write", syscall.EINVAL) }

// Accept waits for the next connection; the Conn is a *Conn.
func (ln *Listener) Accept() (net.Conn, error) {
	c, err := ln.AcceptConn()
	if err != nil {
		return nil, err
	}
	return c, nil
}

// AcceptConn waits for the next connection. It lives with the caller: on its loop when a task calls. When descriptors
// run out the error is EMFILE or ENFILE inside a net.OpError, which is Temporary; the connection stays in the backlog.
func (ln *Listener) AcceptConn() (*Conn, error) {
	p, err := ln.rt.callerPlace()
	if err != nil {
		return nil, ln.opError(err)
	}
	a, err := ln.acceptor("Accept", func() (*place, error) { return p, nil })
	if err != nil {
		return nil, ln.opError(err)
	}
	sock, err := a.next()
	if err != nil {
		return nil, ln.opError(err)
	}
	c, err := p.adopt(sock, ln)
	if err != nil {
		return nil, ln.opError(err)
	}
	return c, nil
}

// Serve accepts connections until the listener is closed and runs handler as a task for each, spread over the loops. It
// blocks, as http.Server.Serve does, and returns net.ErrClosed after Close; handlers that run then go on. The
// connection is closed when its handler returns or panics, unless the handler has called Keep.
func (ln *Listener) Serve(handler func(*Conn)) error {
	if handler == nil {
		return errors.New("unio: Serve needs a handler")
	}
	if _, err := loop.Caller(); err != nil {
		return ln.opError(err)
	}
	a, err := ln.acceptor("Serve", func() (*place, error) { return ln.rt.taskPlace(), nil })
	if err != nil {
		return ln.opError(err)
	}
	return ln.opError(a.serve(handler))
}

// unused lets the listener be used anew.
func (ln *Listener) unused() {
	ln.mu.Lock()
	ln.mode = ""
	ln.mu.Unlock()
}

// acceptor returns what accepts for this listener, made at first use for the loop that home chooses. It waits for no
// loop, since it holds the mutex.
func (ln *Listener) acceptor(mode string, home func() (*place, error)) (*acceptor, error) {
	ln.mu.Lock()
	defer ln.mu.Unlock()
	if ln.closed {
		return nil, net.ErrClosed
	}
	if ln.acc != nil {
		if ln.mode != "" && (ln.mode != mode || mode == "Serve") {
			return nil, fmt.Errorf("the listener is in use by %s", ln.mode)
		}
		ln.mode = mode
		return ln.acc, nil
	}
	p, err := home()
	if err != nil {
		return nil, err
	}
	ln.acc, ln.mode = &acceptor{ln: ln, p: p, ended: make(chan struct{}), deadline: ln.deadline}, mode
	ln.acc.due.To = (*acceptDue)(ln.acc)
	return ln.acc, nil
}

// Close stops accepting. Calls that wait in Accept or Serve return net.ErrClosed. Connections that were accepted and not
// yet given out are closed; those in the kernel's backlog are reset by the kernel. With OnFirstByte those that have sent nothing stay
// for the rest of their limit, and the handler gets one that sends something in that time.
func (ln *Listener) Close() error {
	ln.mu.Lock()
	closed, a := ln.closed, ln.acc
	ln.closed = closed || a == nil
	ln.mu.Unlock()
	if closed {
		return ln.dress("close", net.ErrClosed)
	}
	if a != nil {
		err := a.p.run(a.close)
		if errors.Is(err, net.ErrClosed) {
			ln.abandon() // the loop has ended, unless somebody else was first
		}
		if err != nil {
			return ln.dress("close", err)
		}
		if t := a.p.Here(); t != nil {
			a.awaitEnd(t)
		} else if !a.p.OnThread() {
			Offload(func() { <-a.ended })
		}
	}
	ln.unlink()
	ln.forget()
	return nil
}

// forget takes the listener off its runtime's list, and closes a socket that no loop owns.
func (ln *Listener) forget() {
	ln.rt.mu.Lock()
	delete(ln.rt.listeners, ln)
	ln.rt.mu.Unlock()
	if ln.owned.CompareAndSwap(false, true) {
		closeSocket(ln.sock)
	}
}

// disown gives the socket back that a loop could not take.
func (ln *Listener) disown() {
	ln.owned.Store(false)
	ln.mu.Lock()
	closed := ln.closed
	ln.mu.Unlock()
	if closed {
		ln.forget()
	}
}

// abandon is Close for a runtime that ends: its loops have closed what they own, and are not asked again.
func (ln *Listener) abandon() {
	ln.mu.Lock()
	closed := ln.closed
	ln.closed = true
	ln.mu.Unlock()
	if !closed {
		ln.unlink()
		ln.forget()
	}
}

// unlink removes the path of a Unix socket, once and before the socket is closed: who finds nobody behind a path may take it. An
// address with @ is abstract and has none, unix(7).
func (ln *Listener) unlink() {
	u, ok := ln.addr.(*net.UnixAddr)
	if ok && u.Name != "" && u.Name[0] != '@' && !ln.keepPath.Load() && !ln.unlinked.Swap(true) {
		os.Remove(u.Name)
	}
}

func (ln *Listener) opError(err error) error { return ln.dress("accept", err) }

// dress makes an error one of package net's.
func (ln *Listener) dress(op string, err error) error {
	if err == nil {
		return nil
	}
	return &net.OpError{Op: op, Net: ln.addr.Network(), Addr: ln.addr, Err: sysError(op, err)}
}
