package stream_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/internal/waitfor"
	"github.com/unio-go/unio/tinygate/internal/certs/certtest"
	"github.com/unio-go/unio/tinygate/internal/stream"
	"github.com/unio-go/unio/uniotest"
)

// bound is how long anything in these tests may take before it counts as hanging.
const bound = 20 * time.Second

const name = "www.example.com"

// configs are the two sides of TLS.
func configs(t testing.TB) (server, client *tls.Config) {
	t.Helper()
	a := certtest.New(t)
	server = &tls.Config{Certificates: []tls.Certificate{a.ECDSA(t, name).TLS(t)}, NextProtos: []string{"http/1.1"}}
	client = &tls.Config{RootCAs: a.Pool, ServerName: name, NextProtos: []string{"http/1.1"}}
	return server, client
}

// serve runs a handler on loopback, with TLS unless cfg is nil.
func serve(t testing.TB, rt *unio.Runtime, cfg *tls.Config, handler func(stream.Conn)) string {
	t.Helper()
	ln, err := rt.Listen("tcp", "127.0.0.1:0", &unio.ListenOptions{OnFirstByte: true})
	if err != nil {
		t.Fatal(err)
	}
	var served sync.WaitGroup
	served.Go(func() { ln.Serve(func(c *unio.Conn) { stream.Serve(c, cfg, handler) }) })
	t.Cleanup(func() {
		ln.Close()
		served.Wait()
	})
	return ln.Addr().String()
}

// shaken is a handler behind a handshake that has to succeed.
func shaken(t testing.TB, handler func(stream.Conn)) func(stream.Conn) {
	return func(c stream.Conn) {
		if err := c.Handshake(bound); err != nil {
			t.Error(err)
			return
		}
		handler(c)
	}
}

// dial is a plain client of package net.
func dial(t testing.TB, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(bound))
	return c
}

// dialTLS is a client of crypto/tls, or a plain one where cfg is nil.
func dialTLS(t testing.TB, addr string, cfg *tls.Config) net.Conn {
	t.Helper()
	p := dial(t, addr)
	if cfg == nil {
		return p
	}
	c := tls.Client(p, cfg)
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	return c
}

// await waits for a channel to give something.
func await[T any](t testing.TB, c <-chan T, what string) T {
	t.Helper()
	return waitfor.Value(t, c, bound, what)
}

// exchange sends a message to an echo and wants it back.
func exchange(t testing.TB, c net.Conn, p []byte) {
	t.Helper()
	got := make([]byte, len(p))
	if _, err := c.Write(p); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, got); err != nil || string(got) != string(p) {
		t.Fatalf("%q came back, %v", got, err)
	}
}

func wantIs(t testing.TB, what string, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Errorf("%s: error %v, want %v", what, err, target)
	}
}

// both runs a test on each engine, plain and with TLS, whose configurations are nil otherwise.
func both(t *testing.T, fn func(t *testing.T, rt *unio.Runtime, server, client *tls.Config)) {
	t.Helper()
	s, c := configs(t)
	for kind, cfg := range map[string][2]*tls.Config{"plain": {}, "tls": {s, c}} {
		t.Run(kind, func(t *testing.T) {
			uniotest.EachEngineWith(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
				fn(t, rt, cfg[0], cfg[1])
			})
		})
	}
}

// echo answers in a task for each piece, as the gate answers requests.
type echo struct {
	t    testing.TB
	c    stream.Conn
	next func(*unio.Conn, error)
	ends chan error // how the connection ended; nil: nobody asks
}

func echoes(t testing.TB, ends chan error) func(stream.Conn) {
	return func(c stream.Conn) {
		e := &echo{t: t, c: c, ends: ends}
		e.next = e.woken
		if err := c.Handshake(bound); err != nil {
			e.end(err)
			return
		}
		e.wait()
	}
}

func (e *echo) end(err error) {
	if e.ends != nil {
		e.ends <- err
	}
}

func (e *echo) wait() {
	if err := e.c.Await(bound, e.next); err != nil {
		e.end(err)
	}
}

func (e *echo) woken(_ *unio.Conn, err error) {
	if err == nil {
		err = e.pass()
	}
	if err != nil {
		e.end(err)
		return
	}
	e.wait()
}

func (e *echo) pass() error {
	by := time.Now().Add(bound)
	e.c.SetReadDeadline(by)
	b, err := e.c.Recv()
	if err != nil {
		return err
	}
	e.c.SetWriteDeadline(by)
	return e.c.Send(b)
}
