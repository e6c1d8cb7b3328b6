package gate

import (
	"errors"
	"fmt"
	"net"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/tinygate/internal/certs"
	"github.com/unio-go/unio/tinygate/internal/config"
	"github.com/unio-go/unio/tinygate/internal/sockfile"
)

// listener is a place where clients connect. It lives as long as its address stands in the configuration; how its
// connections begin changes with a reload.
type listener struct {
	address  string
	ln       *unio.Listener
	settings atomic.Pointer[settings]
	unix     bool
	defers   bool          // TCP_DEFER_ACCEPT is set
	file     sockfile.File // of a Unix socket
	gone     atomic.Bool   // not in the configuration any more
	// expelled says that its connections were closed; those that were on their way to their loops are closed there.
	expelled atomic.Bool
}

// settings is how connections begin, as the configuration has it.
type settings struct {
	*config.Listener
	certs *certs.Server // nil: plain
}

// Addrs is where the gate listens, in the order of the configuration.
func (g *Gate) Addrs() (all []net.Addr) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, l := range g.listeners {
		all = append(all, l.ln.Addr())
	}
	return all
}

// URLs is what clients reach the listeners by.
func (g *Gate) URLs() (all []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, l := range g.listeners {
		scheme, host := "http://", l.ln.Addr().String()
		if l.settings.Load().certs != nil {
			scheme = "https://"
		}
		if l.ln.Addr().Network() == "unix" {
			host = "unix:" + host + ":"
		}
		all = append(all, scheme+host+"/")
	}
	return all
}

// listenerAt finds a listener, but none of those that are taken: an address with port 0 can be there more than once.
func (g *Gate) listenerAt(address string, taken []*listener) *listener {
	for _, l := range g.listeners {
		if l.address == address && !slices.Contains(taken, l) {
			return l
		}
	}
	return nil
}

// open opens a listener. The file of a Unix socket that a process has left
// when it was killed is replaced; an abstract socket has none.
func (g *Gate) open(address string) (*listener, error) {
	network, addr := "tcp", address
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		network, addr = "unix", path
		if path[0] != '@' {
			if err := sockfile.Clear(path); err != nil {
				return nil, fmt.Errorf("listener %s: %w", address, err)
			}
		}
	}
	ln, err := g.rt.Listen(network, addr, nil)
	if err != nil {
		return nil, fmt.Errorf("listener %s: %w", address, err)
	}
	l := &listener{address: address, ln: ln, unix: network == "unix"}
	if l.unix {
		ln.SetUnlinkOnClose(false)
		l.file = sockfile.Of(addr)
	}
	return l, nil
}

// cure says what can be done about an address that could not be opened.
func (g *Gate) cure(address string, err error) error {
	for _, l := range g.listeners {
		// It has to serve until the new one is open, so the configuration cannot be taken in one step.
		if errors.Is(err, syscall.EADDRINUSE) && overlap(address, l.ln.Addr().String()) {
			return fmt.Errorf("%w: the listener %s has the port until it is closed: first take a configuration with neither of the two, or restart",
				err, l.address)
		}
	}
	onDisk := strings.HasPrefix(address, "unix:")
	for _, c := range listenCures {
		if c.onDisk == onDisk && errors.Is(err, c.errno) {
			return fmt.Errorf("%w (%s)", err, c.cure)
		}
	}
	return err
}

// listenCures are for the errors of bind(2), as those of ip(7) and unix(7).
var listenCures = []struct {
	errno  syscall.Errno
	onDisk bool // of a Unix socket
	cure   string
}{
	{syscall.EADDRINUSE, false, "a process listens there: end it, or take another address"},
	{syscall.EADDRNOTAVAIL, false, "this machine does not have the address: take one that it has, or no host for all"},
	{syscall.EACCES, false, "a port below 1024 needs CAP_NET_BIND_SERVICE, as AmbientCapabilities of systemd gives it, or take another"},
	{syscall.ENOENT, true, "its folder has to be there"},
	{syscall.EACCES, true, "this process has to be allowed to write in its folder"},
}

// overlap reports whether of two addresses with one port one is all of the machine's, which the kernel gives to one listener.
func overlap(a, b string) bool {
	hostA, portA, errA := net.SplitHostPort(config.Everywhere(a))
	hostB, portB, errB := net.SplitHostPort(config.Everywhere(b))
	return errA == nil && errB == nil && portA == portB && (hostA == "" || hostB == "")
}

// deferAccept switches TCP_DEFER_ACCEPT on or off: the kernel keeps connections back until their first bytes are there. It is
// called with mu held. A socket that is already as it should be is left alone: once it was given out by SyscallConn, unio has
// to ask each connection that it accepts for SO_LINGER at its end.
func (l *listener) deferAccept(on bool) error {
	if l.unix || on == l.defers {
		return nil
	}
	if err := setDeferAccept(l.ln, on); err != nil {
		return fmt.Errorf("listener %s: defer_accept: %w", l.address, err)
	}
	l.defers = on
	return nil
}

// settingsOf prepares how connections of a listener begin, l where there is one already. Certificates of settings that stay the
// same stay as they are, and with them the keys of session tickets.
func (g *Gate) settingsOf(l *listener, c *config.Listener) (*settings, error) {
	set := &settings{Listener: c}
	if c.TLS == nil {
		return set, nil
	}
	if l != nil {
		if old := l.settings.Load(); old.certs != nil && reflect.DeepEqual(old.TLS, c.TLS) {
			set.certs = old.certs
			set.certs.Poll() // who has put new files there and reloads does not expect the old ones
			return set, nil
		}
	}
	var err error
	if set.certs, err = certs.NewServer(c.TLS, g.ticketsFor(c), g.log); err != nil {
		return nil, fmt.Errorf("listener %s: %w", c.Address, err)
	}
	return set, nil
}

// ticketsFor is the ring of keys for session tickets of a listener: it stays over reloads, so that sessions can be resumed
// when a certificate was added. It is called with mu held.
func (g *Gate) ticketsFor(c *config.Listener) *certs.Tickets {
	if c.TLS.TicketTime <= 0 {
		return nil
	}
	key := tickets{c.Address, c.TLS.TicketTime}
	if g.tickets[key] == nil {
		if g.tickets == nil {
			g.tickets = map[tickets]*certs.Tickets{}
		}
		g.tickets[key] = certs.NewTickets(c.TLS.TicketTime)
	}
	return g.tickets[key]
}

// tickets names a ring of keys.
type tickets struct {
	address string
	every   time.Duration
}

// dropTickets ends the rings that no listener uses any more.
func (g *Gate) dropTickets() {
	used := map[tickets]bool{}
	for _, l := range g.listeners {
		if set := l.settings.Load(); set.TLS != nil {
			used[tickets{l.address, set.TLS.TicketTime}] = true
		}
	}
	for key, ring := range g.tickets {
		if !used[key] {
			ring.Close()
			delete(g.tickets, key)
		}
	}
}

// serve serves the clients of a listener until it is closed.
func (l *listener) serve(g *Gate) {
	err := l.ln.Serve(func(c *unio.Conn) { g.accept(l, c) })
	if err != nil && !errors.Is(err, net.ErrClosed) {
		select {
		case g.broken <- fmt.Errorf("listener %s: %w", l.address, err):
		default: // one is enough to end the program
		}
	}
}

// retire closes the listener. Its connections go on. Where the loop that accepts is held by a task, the listener is closed
// when that ends, and is not waited for.
func (l *listener) retire() {
	l.gone.Store(true)
	l.file.Remove()
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		l.ln.Close()
	}()
	select {
	case <-closed:
	case <-time.After(askLimit):
	}
	if set := l.settings.Load(); set.certs != nil {
		set.certs.Close()
	}
}
