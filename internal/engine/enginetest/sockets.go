package enginetest

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/unio-go/unio/internal/engine"
)

// Sockets is where the kit gets sockets and peers for an engine.
type Sockets interface {
	// Listen makes a listener, at an address that nobody has.
	Listen(network, addr string) (net.Listener, error)
	// Dial makes a connection. What it and Accept give has the methods of *net.TCPConn that peer names.
	Dial(network, addr string) (net.Conn, error)
	// Take makes of a connection or a listener what the engine attaches.
	Take(net.Conn) (engine.Socket, error)
	TakeListener(net.Listener) (engine.Socket, error)
	// LackFiles has every descriptor that could be had be in use, until restore is called.
	LackFiles() (restore func(), err error)
}

// kernel is the sockets of package net, for the engines that perform operations on them.
type kernel struct{ name engine.Name }

func (kernel) Listen(network, addr string) (net.Listener, error) { return net.Listen(network, addr) }
func (kernel) Dial(network, addr string) (net.Conn, error)       { return net.Dial(network, addr) }
func (kernel) LackFiles() (func(), error)                        { return lackFiles() }

func (k kernel) Take(c net.Conn) (engine.Socket, error) {
	if k.name == engine.Std {
		return engine.Socket{Conn: c}, nil
	}
	fd, err := takeConn(c)
	return engine.Socket{FD: fd}, err
}

func (k kernel) TakeListener(l net.Listener) (engine.Socket, error) {
	if k.name == engine.Std {
		return engine.Socket{Listener: l}, nil
	}
	fd, err := takeListener(l)
	return engine.Socket{FD: fd}, err
}

// warmUp makes what the runtime makes once, so that it does not count as a leak.
func warmUp(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Skipf("this machine has no loopback: %v", err)
	}
	l.Close()
}

// listen makes a listener for goroutines.
func (r *rig) listen() net.Listener {
	r.Helper()
	addr := "127.0.0.1:0"
	if r.network == "unix" {
		dir, err := os.MkdirTemp("", "unio")
		if err != nil {
			r.Fatal(err)
		}
		r.cleanup(func() { os.RemoveAll(dir) })
		addr = filepath.Join(dir, "s")
	}
	l, err := r.sockets.Listen(r.network, addr)
	if err != nil {
		r.Fatal(err)
	}
	return l
}

// listener attaches a listener and tells where to dial.
func (r *rig) listener() (engine.Desc, net.Addr) {
	r.Helper()
	l := r.listen()
	addr := l.Addr()
	s, err := r.sockets.TakeListener(l)
	if err != nil {
		r.Fatal(err)
	}
	return r.attach(s, engine.Listener), addr
}

func (r *rig) attach(s engine.Socket, kind engine.Kind) engine.Desc {
	r.Helper()
	d, err := r.e.Attach(s, kind)
	if err != nil {
		closeSocket(s)
		r.Fatalf("Attach: %v", err)
	}
	return d
}

// peer is the other end of a connection, for goroutines.
type peer interface {
	net.Conn
	CloseWrite() error
	CloseRead() error
	SetReadBuffer(int) error
	SetWriteBuffer(int) error
}

// pair makes a connection, one end attached and the other one plain.
func (r *rig) pair() (engine.Desc, peer) {
	r.Helper()
	s, p := r.ends()
	return r.attach(s, engine.Stream), p
}

// dial makes a connection for goroutines.
func (r *rig) dial(addr net.Addr) (net.Conn, error) {
	return r.sockets.Dial(addr.Network(), addr.String())
}

// ends makes a connection, one end ready to be attached.
func (r *rig) ends() (engine.Socket, peer) {
	r.Helper()
	l := r.listen()
	defer l.Close()
	type result struct {
		c   net.Conn
		err error
	}
	dialed := make(chan result, 1)
	go func() {
		c, err := r.dial(l.Addr())
		dialed <- result{c, err}
	}()
	c, err := l.Accept()
	if err != nil {
		r.Fatal(err)
	}
	other := <-dialed
	if other.err != nil {
		r.Fatal(other.err)
	}
	r.cleanup(func() { other.c.Close() })
	s, err := r.sockets.Take(c)
	if err != nil {
		r.Fatal(err)
	}
	return s, other.c.(peer)
}

// linger sets SO_LINGER.
func linger(s engine.Socket, sec int) error {
	if s.Conn == nil {
		return lingerFD(s.FD, sec)
	}
	if c, ok := s.Conn.(interface{ SetLinger(int) error }); ok {
		return c.SetLinger(sec)
	}
	return errors.ErrUnsupported
}

func closeSocket(s engine.Socket) {
	switch {
	case s.Conn != nil:
		s.Conn.Close()
	case s.Listener != nil:
		s.Listener.Close()
	default:
		closeFD(s.FD)
	}
}

// fill writes what a stream has from off on. Streams differ by seed, and no part of one is like another part.
func fill(p []byte, seed byte, off int) {
	for i := range p {
		at := uint32(off+i) * 2654435761
		p[i] = byte(at>>24) ^ byte(at>>13) ^ seed
	}
}

// check compares p with what a stream has from off on.
func check(p []byte, seed byte, off int) error {
	want := make([]byte, len(p))
	fill(want, seed, off)
	for i := range p {
		if p[i] != want[i] {
			return fmt.Errorf("byte %d of the stream is %#x, want %#x", off+i, p[i], want[i])
		}
	}
	return nil
}

// pattern is the first n bytes of a stream.
func pattern(n int, seed byte) []byte {
	p := make([]byte, n)
	fill(p, seed, 0)
	return p
}
