package uniotls_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
	"github.com/unio-go/unio/uniotls"
)

// awaitEcho sends back what comes, in a task for each piece, and says how each wait has ended.
func awaitEcho(t *testing.T, limit time.Duration, ends chan<- error) func(*uniotls.Conn) {
	var next func(c *uniotls.Conn, err error)
	next = func(c *uniotls.Conn, err error) {
		if err == nil {
			// It does not wait, so a deadline that passes at once is met.
			b, e := c.Recv()
			if err = e; err == nil {
				err = c.Send(b)
			}
		}
		ends <- err
		if err == nil {
			wantIs(t, "Await", c.Await(limit, next), nil)
		}
	}
	return func(c *uniotls.Conn) {
		if err := c.Handshake(); err != nil {
			t.Error(err)
			return
		}
		if c.Await(limit, nil) == nil || c.Await(-1, next) == nil {
			t.Error("Await without a function or with a negative limit: no error")
		}
		wantIs(t, "Await", c.Await(limit, next), nil)
		err := c.Await(limit, next)
		if err == nil {
			t.Error("two wait for a connection")
		}
	}
}

func TestAwaitWaitsForData(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			each(t, func(t *testing.T, rt *unio.Runtime) {
				ends := make(chan error, 1000)
				addr := serve(t, rt, serverConfig(), awaitEcho(t, 0, ends))
				cfg := clientConfig()
				cfg.MaxVersion = version
				c := dialTLS(t, addr, cfg)
				for range 20 {
					exchange(t, c)
					wantIs(t, "a wait", await(t, ends, "a piece"), nil)
				}
				c.CloseWrite()
				wantIs(t, "the end", await(t, ends, "the end"), io.EOF)
				if n, err := c.Read(make([]byte, 1)); n != 0 || err != io.EOF {
					t.Errorf("the connection was not closed in order: %d, %v", n, err)
				}
			})
		})
	}
}

// The failure: what has come with the record before is with crypto/tls, and nothing more will arrive to wake anybody.
func TestAwaitSeesWhatHasComeBefore(t *testing.T) {
	each(t, func(t *testing.T, rt *unio.Runtime) {
		ends := make(chan error, 1000)
		addr := serve(t, rt, serverConfig(), awaitEcho(t, 0, ends))
		u := dialUpdater(t, addr)
		var b []byte
		for i := range 100 {
			b = u.seal(b, recordApplication, fmt.Appendf(nil, "%02d", i))
		}
		u.Write(b)
		got := make([]byte, 2)
		for i := range 100 {
			if _, err := io.ReadFull(u.tls, got); err != nil || string(got) != fmt.Sprintf("%02d", i) {
				t.Fatalf("piece %d: %q, %v", i, got, err)
			}
		}
	})
}

// The failure: all that the client sends before it waits for an answer has been put back, and nothing more arrived.
func TestAwaitSeesWhatUnreadPutBack(t *testing.T) {
	each(t, func(t *testing.T, rt *unio.Runtime) {
		ln := listen(t, rt)
		ends := make(chan error, 10)
		go ln.Serve(func(u *unio.Conn) {
			b, err := u.Recv()
			if err != nil {
				t.Error(err)
				return
			}
			uniotls.Serve(u, serverConfig(), func(c *uniotls.Conn) {
				c.Unread(b)
				wantIs(t, "Await", c.Await(bound, func(c *uniotls.Conn, err error) {
					ends <- err
					echo(c)
				}), nil)
			})
		})
		done := make(chan struct{})
		go func() {
			defer close(done)
			c := tls.Client(dialPlain(t, ln.Addr()), clientConfig())
			exchange(t, c)
			c.Close()
		}()
		wantIs(t, "the wait", await(t, ends, "the hello"), nil)
		await(t, done, "the client")
	})
}

// Data that a client sends with the end of its handshake arrives with it.
func TestAwaitSeesWhatCameWithTheHandshake(t *testing.T) {
	each(t, func(t *testing.T, rt *unio.Runtime) {
		ends := make(chan error, 10)
		addr := serve(t, rt, serverConfig(), awaitEcho(t, 0, ends))
		p := &holding{Conn: dialPlain(t, addr)}
		c := tls.Client(p, clientConfig())
		p.hold = true // the client's last flight waits for the data
		if err := c.Handshake(); err != nil {
			t.Fatal(err)
		}
		exchange(t, c)
	})
}

// holding holds back what is written after the first flight, until something is read after it.
type holding struct {
	net.Conn
	hold   bool
	writes int
	held   []byte
}

// Write holds the second write back, and sends it with the third.
func (h *holding) Write(p []byte) (int, error) {
	h.writes++
	if h.hold && h.writes == 2 {
		h.held = append(h.held, p...)
		return len(p), nil
	}
	if _, err := h.Conn.Write(append(h.held, p...)); err != nil {
		return 0, err
	}
	h.held = nil
	return len(p), nil
}

// A record that comes byte by byte wakes who waits once, when it is whole.
func TestAwaitWaitsForAWholeRecord(t *testing.T) {
	each(t, func(t *testing.T, rt *unio.Runtime) {
		ends := make(chan error, 1000)
		addr := serve(t, rt, serverConfig(), awaitEcho(t, 0, ends))
		u := dialUpdater(t, addr)
		const text = "slowly but surely"
		for _, b := range u.seal(nil, recordApplication, []byte(text)) {
			u.Write([]byte{b})
		}
		got := make([]byte, len(text))
		if _, err := io.ReadFull(u.tls, got); err != nil || string(got) != text {
			t.Errorf("%q, %v", got, err)
		}
		await(t, ends, "the piece")
		if len(ends) > 0 {
			t.Error("a part of a record has woken somebody")
		}
	})
}

// The failure: a pool takes a key update, or the session ticket of a fresh connection, for a response that nobody has asked
// for.
func TestAwaitTakesKeyUpdates(t *testing.T) {
	each(t, func(t *testing.T, rt *unio.Runtime) {
		ends := make(chan error, 1000)
		cfg := serverConfig()
		cfg.SessionTicketsDisabled = true // answers are all that the server sends
		addr := serve(t, rt, cfg, awaitEcho(t, 0, ends))
		u := dialUpdater(t, addr)
		for range 5 {
			u.Write(u.update(nil))
			if _, err := u.Conn.Read(make([]byte, 1000)); err != nil {
				t.Fatalf("no answer came: %v", err)
			}
		}
		if len(ends) > 0 {
			t.Error("a key update has woken somebody")
		}
		u.Write(u.seal(nil, recordApplication, []byte("x")))
		wantIs(t, "data behind key updates", await(t, ends, "data"), nil)
	})
}

func TestAwaitTakesSessionTickets(t *testing.T) {
	each(t, func(t *testing.T, rt *unio.Runtime) {
		answer := make(chan struct{})
		addr := serveNet(t, func(c *tls.Conn) {
			<-answer // the tickets went with the handshake
			io.WriteString(c, "unasked")
			io.Copy(io.Discard, c)
		})
		cache := &tickets{ClientSessionCache: tls.NewLRUClientSessionCache(1), came: make(chan struct{}, 10)}
		ends := make(chan error, 10)
		conns := make(chan *uniotls.Conn, 1)
		rt.Go(func() {
			cfg := clientConfig()
			cfg.ClientSessionCache = cache
			c, err := uniotls.Dial(context.Background(), rt, "tcp", addr.String(), cfg)
			if err != nil {
				t.Error(err)
				return
			}
			c.Await(bound, func(_ *uniotls.Conn, err error) { ends <- err })
			conns <- c
		})
		c := await(t, conns, "a connection")
		await(t, cache.came, "a ticket")
		if len(ends) > 0 {
			t.Error("a ticket has woken somebody")
		}
		close(answer)
		wantIs(t, "data behind a ticket", await(t, ends, "data"), nil)
		if c.Unawait() {
			t.Error("Unawait after the end, by a goroutine")
		}
	})
}

// tickets tells when a client has got one.
type tickets struct {
	tls.ClientSessionCache
	came chan struct{}
}

// Put keeps a session.
func (s *tickets) Put(key string, cs *tls.ClientSessionState) {
	s.ClientSessionCache.Put(key, cs)
	s.came <- struct{}{}
}

// serveNet runs a handler of crypto/tls on package net.
func serveNet(t testing.TB, handler func(c *tls.Conn)) net.Addr {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			p, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer p.Close()
				c := tls.Server(p, serverConfig())
				if c.Handshake() == nil {
					handler(c)
				}
			}()
		}
	}()
	return ln.Addr()
}

func TestAwaitEnds(t *testing.T) {
	each(t, func(t *testing.T, rt *unio.Runtime) {
		ends := make(chan error, 10)
		addr := serve(t, rt, serverConfig(), awaitEcho(t, 20*time.Millisecond, ends))
		c := dialTLS(t, addr, clientConfig())
		wantIs(t, "the limit", await(t, ends, "the limit"), os.ErrDeadlineExceeded)
		if _, err := c.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("the connection was not closed in order: %v", err)
		}
		// The limit holds from Await on, whatever comes that wakes nobody.
		u := dialUpdater(t, addr)
		u.Write([]byte{recordApplication, 3})
		wantIs(t, "the limit", await(t, ends, "the limit"), os.ErrDeadlineExceeded)

		kept := make(chan *uniotls.Conn, 1)
		addr = serve(t, rt, serverConfig(), func(c *uniotls.Conn) {
			c.Handshake()
			c.Await(0, func(_ *uniotls.Conn, err error) { ends <- err })
			kept <- c
		})
		dialTLS(t, addr, clientConfig())
		await(t, kept, "the handler").Close()
		wantIs(t, "Close", await(t, ends, "the close"), net.ErrClosed)

		addr = serve(t, rt, serverConfig(), func(c *uniotls.Conn) {
			c.Close()
			ends <- c.Await(0, func(*uniotls.Conn, error) {})
		})
		dialPlain(t, addr)
		wantIs(t, "Await after Close", await(t, ends, "the close"), net.ErrClosed)
	})
}

func TestUnawait(t *testing.T) {
	each(t, func(t *testing.T, rt *unio.Runtime) {
		ends, ready := make(chan error, 10), make(chan struct{})
		addr := serve(t, rt, serverConfig(), func(c *uniotls.Conn) {
			c.Handshake()
			never := func(*uniotls.Conn, error) { t.Error("a wait was taken back and ended") }
			for range 3 {
				wantIs(t, "Await", c.Await(bound, never), nil)
				if !c.Unawait() {
					t.Error("Unawait with nothing there")
				}
				if c.Unawait() {
					t.Error("Unawait without a wait")
				}
			}
			close(ready)
			b, err := c.Recv()
			if err != nil {
				t.Error(err)
				return
			}
			b.Release()
			// The second record has come with the first.
			wantIs(t, "Await", c.Await(bound, func(_ *uniotls.Conn, err error) { ends <- err }), nil)
			if c.Unawait() {
				t.Error("Unawait took a wait back whose data are there")
			}
		})
		u := dialUpdater(t, addr)
		await(t, ready, "the handler")
		u.Write(u.seal(u.seal(nil, recordApplication, []byte("1")), recordApplication, []byte("2")))
		wantIs(t, "the wait", await(t, ends, "its end"), nil)
	})
}

// Serve is what a Listener does, with a configuration for each connection.
func TestServeTakesAConfigurationForEachConnection(t *testing.T) {
	each(t, func(t *testing.T, rt *unio.Runtime) {
		ln := listen(t, rt)
		ends := make(chan error, 10)
		go ln.Serve(func(u *unio.Conn) {
			uniotls.Serve(u, serverConfig(), func(c *uniotls.Conn) {
				if c.Loop() != u.Loop() {
					t.Error("the connection does not know its loop")
				}
				awaitEcho(t, 0, ends)(c)
			})
		})
		c := dialTLS(t, ln.Addr(), clientConfig())
		exchange(t, c)
		c.CloseWrite()
		if n, err := c.Read(make([]byte, 1)); n != 0 || err != io.EOF {
			t.Errorf("the connection was not closed in order: %d, %v", n, err)
		}
	})
}

// A connection without a task is closed when its function panics, and the peer is not told that the stream is complete.
func TestAwaitedFunctionPanics(t *testing.T) {
	each(t, func(t *testing.T, rt *unio.Runtime) {
		for _, ahead := range []bool{false, true} { // whether the data are there before
			addr := serve(t, rt, serverConfig(), func(c *uniotls.Conn) {
				c.Handshake()
				if ahead {
					c.Read(make([]byte, 1))
				}
				c.Await(bound, func(*uniotls.Conn, error) { panic("on purpose") })
			})
			c, r := openTLS12(t, addr)
			io.WriteString(c, "some text")
			io.ReadAll(c)
			if r.lastRecord() == recordAlert {
				t.Error("the peer was told that the stream is complete")
			}
		}
	})
}

// An idle connection holds nothing of the pool, however much has gone over it.
func TestAwaitingConnectionsHoldNoBuffers(t *testing.T) {
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		ends := make(chan error, 1<<16)
		addr := serve(t, rt, serverConfig(), awaitEcho(t, 0, ends))
		open := func() {
			c := dialTLS(t, addr, clientConfig())
			for range 3 {
				exchange(t, c)
			}
			// A part of a record is with crypto/tls.
			c.NetConn().Write([]byte{recordApplication, 3, 3})
		}
		const conns = 50
		for range conns {
			open()
		}
		// What remains are a few blocks of the engine, or is on its way.
		deadline := time.Now().Add(bound)
		for ; rt.Pool().Stats().Buffers >= conns/2; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%d idle connections hold %d buffers", conns, rt.Pool().Stats().Buffers)
			}
		}
	})
}

// Recv and Await waited for the connection below to end, on which the peer was about to read.
func TestEndThatReadHasMetIsThere(t *testing.T) {
	each(t, func(t *testing.T, rt *unio.Runtime) {
		ended := make(chan error, 2)
		addr := serve(t, rt, serverConfig(), func(c *uniotls.Conn) {
			if _, err := io.ReadAll(c); err != nil {
				t.Error(err)
			}
			c.SetReadDeadline(time.Now().Add(time.Second))
			b, err := c.Recv()
			if b != nil {
				b.Release()
			}
			ended <- err
			c.SetReadDeadline(time.Time{})
			if err := c.Await(time.Second, func(_ *uniotls.Conn, err error) { ended <- err }); err != nil {
				ended <- err
			}
		})
		p := dialTLS(t, addr, clientConfig())
		io.WriteString(p, "a request, and its end")
		if err := p.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		wantIs(t, "Recv", await(t, ended, "Recv"), io.EOF)
		if err := await(t, ended, "Await"); err != nil {
			t.Errorf("Await: %v", err)
		}
	})
}
