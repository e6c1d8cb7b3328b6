package simengine

import (
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
)

// The ports that the world chooses itself.
const (
	portFirst = 32768
	portLast  = 65535
)

// Listener is a simulated listening socket. As long as no engine has attached it, goroutines may accept from it.
type Listener struct {
	w       *World
	addr    net.Addr
	key     string
	backlog []*Conn
	closed  bool
	desc    *desc
	changed *sync.Cond
}

var _ net.Listener = (*Listener)(nil)

// key is an address as the world knows it.
func key(a net.Addr) string {
	switch a := a.(type) {
	case *net.TCPAddr:
		if unspecified(a) {
			return allAddresses(a.Port)
		}
		return fmt.Sprintf("tcp:%s:%d", a.IP, a.Port)
	case *net.UnixAddr:
		return "unix:" + a.Name
	}
	return ""
}

// allAddresses is the key of a listener that is found at each address.
func allAddresses(port int) string { return fmt.Sprintf("tcp:*:%d", port) }

func unspecified(a *net.TCPAddr) bool { return len(a.IP) == 0 || a.IP.IsUnspecified() }

// listener is who listens at an address, if anybody does. Who dials none in particular means this machine.
func (w *World) listener(at net.Addr) *Listener {
	t, ok := at.(*net.TCPAddr)
	if !ok {
		return w.listeners[key(at)]
	}
	if unspecified(t) {
		t = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: t.Port}
	}
	if l := w.listeners[key(t)]; l != nil {
		return l
	}
	return w.listeners[allAddresses(t.Port)]
}

// taken reports whether somebody listens at an address, or at one of all of them.
func (w *World) taken(a net.Addr) bool {
	t, ok := a.(*net.TCPAddr)
	if !ok || !unspecified(t) {
		return w.listener(a) != nil
	}
	for _, l := range w.listeners {
		if other, ok := l.addr.(*net.TCPAddr); ok && other.Port == t.Port {
			return true
		}
	}
	return false
}

// parse is an address from its text.
func parse(network, addr string) (net.Addr, error) {
	if network == "unix" {
		return net.ResolveUnixAddr(network, addr)
	}
	return net.ResolveTCPAddr(network, addr)
}

// Listen makes a listener: tcp, tcp4 or tcp6 at an address without names, or unix at a path. Port 0 is one that is free.
func (w *World) Listen(network, addr string) (net.Listener, error) {
	a, err := parse(network, addr)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.unlock()
	if t, ok := a.(*net.TCPAddr); ok && t.Port == 0 {
		t.Port = w.freePort()
	}
	l := &Listener{w: w, addr: a, key: key(a), changed: sync.NewCond(&w.mu)}
	if w.taken(a) {
		return nil, &net.OpError{
			Op: "listen", Net: network, Addr: a, Err: os.NewSyscallError("bind", syscall.EADDRINUSE),
		}
	}
	w.listeners[l.key] = l
	return l, nil
}

// freePort is the port at which nobody listens that was chosen longest ago.
func (w *World) freePort() int {
	for {
		if w.ports++; w.ports > portLast {
			w.ports = portFirst
		}
		if !w.taken(&net.TCPAddr{Port: w.ports}) {
			return w.ports
		}
	}
}

// Dial connects a goroutine.
func (w *World) Dial(network, addr string) (net.Conn, error) {
	a, err := parse(network, addr)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.unlock()
	c, err := w.dial(a, nil)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Addr: a, Err: os.NewSyscallError("connect", err)}
	}
	return c, nil
}

// dial connects to whoever listens at an address now.
func (w *World) dial(to, local net.Addr) (*Conn, error) {
	l := w.listener(to)
	switch {
	case l != nil:
	case to.Network() == "unix":
		return nil, syscall.ENOENT
	default:
		return nil, syscall.ECONNREFUSED
	}
	client, server := w.connect(w.bind(to, local), to)
	l.backlog = append(l.backlog, server)
	l.notify()
	return client, nil
}

// bind is the address of a client.
func (w *World) bind(to, local net.Addr) net.Addr {
	t, ok := to.(*net.TCPAddr)
	if !ok {
		if local != nil {
			return local
		}
		return &net.UnixAddr{Net: "unix"}
	}
	own := &net.TCPAddr{IP: t.IP}
	if l, ok := local.(*net.TCPAddr); ok {
		*own = *l
	}
	if own.IP == nil {
		own.IP = t.IP
	}
	if own.Port == 0 {
		own.Port = w.freePort()
	}
	return own
}

func (l *Listener) notify() {
	l.changed.Broadcast()
	if l.desc != nil {
		l.desc.pump()
	}
}

// take is the oldest connection that waits.
func (l *Listener) take() *Conn {
	c := l.backlog[0]
	l.backlog = append(l.backlog[:0], l.backlog[1:]...)
	return c
}

// Accept blocks until somebody has connected.
func (l *Listener) Accept() (net.Conn, error) {
	l.w.mu.Lock()
	defer l.w.unlock()
	for len(l.backlog) == 0 && !l.closed {
		l.changed.Wait()
	}
	if l.closed {
		return nil, &net.OpError{Op: "accept", Net: l.addr.Network(), Addr: l.addr, Err: net.ErrClosed}
	}
	return l.take(), nil
}

// Close stops listening and resets who waits.
func (l *Listener) Close() error {
	l.w.mu.Lock()
	defer l.w.unlock()
	if l.closed {
		return &net.OpError{Op: "close", Net: l.addr.Network(), Addr: l.addr, Err: net.ErrClosed}
	}
	l.closeEnd()
	return nil
}

func (l *Listener) closeEnd() {
	if l.closed {
		return
	}
	l.closed = true
	l.desc = nil
	delete(l.w.listeners, l.key)
	for _, c := range l.backlog {
		c.abrupt = true
		c.closeEnd()
	}
	l.backlog = nil
	l.notify()
}

// Addr is what it is bound to.
func (l *Listener) Addr() net.Addr { return l.addr }

// LackFiles has every accept fail with EMFILE, as if the process had no descriptor left, until it is called with false.
func (w *World) LackFiles(lack bool) {
	w.mu.Lock()
	defer w.unlock()
	w.lackFiles = lack
	for _, l := range w.listeners {
		if !lack {
			l.notify()
		}
	}
}
