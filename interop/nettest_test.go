package interop

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"golang.org/x/net/nettest"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/internal/atonce"
	"github.com/unio-go/unio/uniotest"
)

// TestNettest is the conformance test that golang.org/x/net has for every net.Conn, with the calls from each place that
// may call: plain goroutines, tasks of the connection's own loop, and tasks of another loop.
func TestNettest(t *testing.T) {
	makers := []struct {
		name string
		make func(rt *unio.Runtime, ln *unio.Listener) (c1, c2 net.Conn, stop func(), err error)
	}{
		{"goroutines", goroutinePipe},
		{"own-loop", ownLoopPipe},
		{"other-loop", otherLoopPipe},
	}
	atonce.Run(t, append(uniotest.Engines(), unio.Sim), 2, func(t *testing.T, rt *unio.Runtime) {
		for _, network := range []string{"tcp", "unix"} {
			for _, m := range makers {
				t.Run(network+"/"+m.name, func(t *testing.T) {
					nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
						return pipe(t, rt, network, m.make)
					})
				})
			}
		}
		uniotest.Idle(t, rt)
	})
}

// pipe makes a connection of unio's with unio at both ends.
func pipe(
	t *testing.T, rt *unio.Runtime, network string,
	make func(*unio.Runtime, *unio.Listener) (c1, c2 net.Conn, stop func(), err error),
) (c1, c2 net.Conn, stop func(), err error) {
	ln, err := rt.Listen(network, freshAddr(t, network), nil)
	if err != nil {
		return nil, nil, nil, err
	}
	defer ln.Close()
	return make(rt, ln)
}

func goroutinePipe(rt *unio.Runtime, ln *unio.Listener) (c1, c2 net.Conn, stop func(), err error) {
	type accepted struct {
		c   net.Conn
		err error
	}
	got := make(chan accepted, 1)
	go func() {
		c, err := ln.Accept()
		got <- accepted{c, err}
	}()
	c1, err = rt.DialContext(context.Background(), ln.Addr().Network(), ln.Addr().String())
	if err != nil {
		return nil, nil, nil, err
	}
	a := <-got
	if a.err != nil {
		c1.Close()
		return nil, nil, nil, a.err
	}
	return c1, a.c, func() { c1.Close(); a.c.Close() }, nil
}

func ownLoopPipe(rt *unio.Runtime, ln *unio.Listener) (c1, c2 net.Conn, stop func(), err error) {
	h1, h2, err := hostedPair(rt, serveHosts(rt, ln))
	if err != nil {
		return nil, nil, nil, err
	}
	return &hostedConn{h1.c, h1}, &hostedConn{h2.c, h2}, func() { h1.end(); h2.end() }, nil
}

// otherLoopPipe has each end's calls made by tasks of the loop on which the other end lives.
func otherLoopPipe(rt *unio.Runtime, ln *unio.Listener) (c1, c2 net.Conn, stop func(), err error) {
	// Which loop has the fewest connections may change while the pair is made, by the end of an earlier one.
	hosts := serveHosts(rt, ln)
	for range 100 {
		h1, h2, err := hostedPair(rt, hosts)
		if err != nil {
			return nil, nil, nil, err
		}
		stop = func() { h1.end(); h2.end() }
		if h1.c.Loop() != h2.c.Loop() {
			return &hostedConn{h1.c, h2}, &hostedConn{h2.c, h1}, stop, nil
		}
		stop()
	}
	return nil, nil, nil, errors.New("both ends live on one loop, again and again")
}

// host runs calls in tasks of the loop on which its connection lives.
type host struct {
	rt    *unio.Runtime
	c     *unio.Conn
	calls chan func()
	quit  chan struct{}
	ended chan struct{}
}

func newHost(rt *unio.Runtime, c *unio.Conn) *host {
	return &host{rt, c, make(chan func()), make(chan struct{}), make(chan struct{})}
}

// run is a task of the connection's loop. It waits for calls without holding the loop, and starts a task for each, so
// that calls wait side by side.
func (h *host) run() {
	defer close(h.ended)
	defer h.c.Close()
	for {
		var call func()
		unio.Offload(func() {
			select {
			case call = <-h.calls:
			case <-h.quit:
			}
		})
		if call == nil {
			return
		}
		h.rt.Go(call)
	}
}

// do runs fn in a task and waits for it. When the host has ended, and the connection with it, fn runs where it is.
func (h *host) do(fn func()) {
	done := make(chan struct{})
	call := func() {
		defer close(done)
		fn()
	}
	select {
	case h.calls <- call:
		<-done
	case <-h.ended:
		fn()
	}
}

func (h *host) end() {
	close(h.quit)
	<-h.ended
}

// hostListener is a listener whose connections have hosts.
type hostListener struct {
	*unio.Listener
	hosts chan *host
}

func serveHosts(rt *unio.Runtime, ln *unio.Listener) hostListener {
	l := hostListener{ln, make(chan *host, 1)}
	go ln.Serve(func(c *unio.Conn) {
		h := newHost(rt, c)
		l.hosts <- h
		h.run()
	})
	return l
}

// hostedPair makes a connection with each end on a loop and a task there, most often on two loops: the first has a
// connection more than the other when the second end is accepted.
func hostedPair(rt *unio.Runtime, ln hostListener) (dialled, accepted *host, err error) {
	type result struct {
		h   *host
		err error
	}
	out := make(chan result, 1)
	rt.Go(func() {
		c, err := rt.Dial(context.Background(), ln.Addr().Network(), ln.Addr().String(), nil)
		if err != nil {
			out <- result{nil, err}
			return
		}
		h := newHost(rt, c)
		out <- result{h, nil}
		h.run()
	})
	r := <-out
	if r.err != nil {
		return nil, nil, r.err
	}
	select {
	case accepted = <-ln.hosts:
		return r.h, accepted, nil
	case <-time.After(bound):
		r.h.end()
		return nil, nil, errors.New("waited in vain for the handler")
	}
}

// hostedConn is a connection whose calls are made by the tasks of a host.
type hostedConn struct {
	c  *unio.Conn
	on *host
}

func (c *hostedConn) Read(p []byte) (n int, err error) {
	c.on.do(func() { n, err = c.c.Read(p) })
	return n, err
}

func (c *hostedConn) Write(p []byte) (n int, err error) {
	c.on.do(func() { n, err = c.c.Write(p) })
	return n, err
}

func (c *hostedConn) Close() (err error) {
	c.on.do(func() { err = c.c.Close() })
	return err
}

func (c *hostedConn) LocalAddr() (a net.Addr) {
	c.on.do(func() { a = c.c.LocalAddr() })
	return a
}

func (c *hostedConn) RemoteAddr() (a net.Addr) {
	c.on.do(func() { a = c.c.RemoteAddr() })
	return a
}

func (c *hostedConn) SetDeadline(d time.Time) (err error) {
	c.on.do(func() { err = c.c.SetDeadline(d) })
	return err
}

func (c *hostedConn) SetReadDeadline(d time.Time) (err error) {
	c.on.do(func() { err = c.c.SetReadDeadline(d) })
	return err
}

func (c *hostedConn) SetWriteDeadline(d time.Time) (err error) {
	c.on.do(func() { err = c.c.SetWriteDeadline(d) })
	return err
}

var _ net.Conn = (*hostedConn)(nil)
