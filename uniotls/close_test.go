package uniotls_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"iter"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
	"github.com/unio-go/unio/uniotls"
)

// recorder keeps what a connection receives.
type recorder struct {
	net.Conn
	mu  sync.Mutex
	got []byte
}

// Read reads and keeps.
func (r *recorder) Read(p []byte) (int, error) {
	n, err := r.Conn.Read(p)
	r.mu.Lock()
	r.got = append(r.got, p[:n]...)
	r.mu.Unlock()
	return n, err
}

// recordAlert is the type of the record by which TLS 1.2 ends a stream; TLS 1.3 hides it.
const recordAlert = 21

// lastRecord is the type of the last record that was received.
func (r *recorder) lastRecord() byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	kind := byte(0)
	for p := r.got; len(p) >= 5; {
		kind = p[0]
		n := 5 + int(p[3])<<8 + int(p[4])
		p = p[min(n, len(p)):]
	}
	return kind
}

// openTLS12 is a client that keeps what it receives.
func openTLS12(t testing.TB, addr net.Addr) (*tls.Conn, *recorder) {
	t.Helper()
	r := &recorder{Conn: dialPlain(t, addr)}
	cfg := clientConfig()
	cfg.MaxVersion = tls.VersionTLS12
	c := tls.Client(r, cfg)
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	return c, r
}

func TestThePeerIsToldTheEnd(t *testing.T) {
	each(t, func(t *testing.T, rt *unio.Runtime) {
		addr := serve(t, rt, serverConfig(), func(c *uniotls.Conn) { io.WriteString(c, "complete") })
		c, r := openTLS12(t, addr)
		if got, err := io.ReadAll(c); string(got) != "complete" || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
		if k := r.lastRecord(); k != recordAlert {
			t.Errorf("the last record is of type %d, want an alert", k)
		}
	})
}

func TestThePeerIsNotToldTheEndOfAPanic(t *testing.T) {
	each(t, func(t *testing.T, rt *unio.Runtime) {
		addr := serve(t, rt, serverConfig(), func(c *uniotls.Conn) {
			io.WriteString(c, "incomplete")
			panic(errors.New("net/http: abort Handler")) // which is not logged
		})
		c, r := openTLS12(t, addr)
		if got, _ := io.ReadAll(c); string(got) != "incomplete" {
			t.Errorf("got %q", got)
		}
		if k := r.lastRecord(); k == recordAlert {
			t.Error("the stream is said to be complete")
		}
	})
}

func TestKeepOutlivesTheHandler(t *testing.T) {
	each(t, func(t *testing.T, rt *unio.Runtime) {
		kept := make(chan *uniotls.Conn, 1)
		addr := serve(t, rt, serverConfig(), func(c *uniotls.Conn) {
			c.Keep()
			kept <- c
		})
		p := dialPlain(t, addr)
		c := await(t, kept, "the handler")
		done := make(chan struct{})
		go func() {
			defer close(done)
			defer c.Close()
			echo(c)
		}()
		client := tls.Client(p, clientConfig())
		exchange(t, client)
		client.Close()
		await(t, done, "the echo")
	})
}

func TestCloseEndsAReader(t *testing.T) {
	each(t, func(t *testing.T, rt *unio.Runtime) {
		addr := serve(t, rt, serverConfig(), func(c *uniotls.Conn) {
			var g unio.Group
			if err := c.Handshake(); err != nil {
				t.Error(err)
			}
			g.Go(func() error { _, err := c.Read(make([]byte, 1)); return err })
			g.Go(func() error { return c.Close() })
			wantIs(t, "read", g.Wait(), net.ErrClosed)
			_, err := c.Read(make([]byte, 1))
			wantIs(t, "read after Close", err, net.ErrClosed)
			_, err = c.Write(make([]byte, 1))
			wantIs(t, "write after Close", err, net.ErrClosed)
			wantIs(t, "a second Close", c.Close(), net.ErrClosed)
			wantIs(t, "CloseWrite after Close", c.CloseWrite(), net.ErrClosed)
			wantIs(t, "a deadline after Close", c.SetDeadline(time.Now()), net.ErrClosed)
			if !c.ConnectionState().HandshakeComplete {
				t.Error("the state is forgotten")
			}
		})
		c, r := openTLS12(t, addr)
		if _, err := c.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("the peer got %v", err)
		}
		if k := r.lastRecord(); k != recordAlert {
			t.Errorf("the last record is of type %d, want an alert", k)
		}
	})
}

// Close ends a reader before it waits for a peer that is slow to take what was written, and then waits.
func TestCloseEndsAReaderAtOnceAndThenWaits(t *testing.T) {
	each(t, func(t *testing.T, rt *unio.Runtime) {
		readerEnded, closed, sent := make(chan error, 1), make(chan error, 1), make(chan int64, 1)
		addr := serve(t, rt, serverConfig(), func(c *uniotls.Conn) {
			c.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
			n, err := io.Copy(struct{ io.Writer }{c}, noise(1))
			wantIs(t, "write", err, os.ErrDeadlineExceeded)
			c.SetWriteDeadline(time.Time{})
			var g unio.Group
			g.Go(func() error { _, err := c.Read(make([]byte, 1)); readerEnded <- err; return nil })
			g.Go(func() error { closed <- c.Close(); return nil })
			sent <- n
			g.Wait()
		})
		c, r := openTLS12(t, addr)
		n := await(t, sent, "the writer")
		wantIs(t, "read", await(t, readerEnded, "the reader"), net.ErrClosed)
		got, err := io.Copy(io.Discard, c)
		if got < n || err != nil {
			t.Errorf("%d of %d bytes came, %v", got, n, err)
		}
		if k := r.lastRecord(); k != recordAlert {
			t.Errorf("the last record is of type %d, want an alert", k)
		}
		if err := await(t, closed, "Close"); err != nil {
			t.Error(err)
		}
	})
}

// A Write that waits for a peer which does not read is ended by Close, from a task and from a goroutine.
func TestCloseEndsAWriter(t *testing.T) {
	uniotest.EachEngineWith(t, oneLoop(), func(t *testing.T, rt *unio.Runtime) {
		for _, closer := range []struct {
			name string
			run  func(fn func())
		}{{"task", func(fn func()) { fn() }}, {"goroutine", unio.Offload}} {
			t.Run(closer.name, func(t *testing.T) {
				ended := make(chan struct{})
				addr := serve(t, rt, serverConfig(), func(c *uniotls.Conn) {
					defer close(ended)
					var g unio.Group
					g.Go(func() error {
						_, err := copyOut(c, 1, 1<<30)
						return err
					})
					io.ReadFull(c, make([]byte, 1)) // the peer says that it has had enough
					c.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
					closer.run(func() { c.Close() })
					err := g.Wait()
					if !errors.Is(err, net.ErrClosed) && !errors.Is(err, os.ErrDeadlineExceeded) {
						t.Errorf("write: %v", err)
					}
				})
				c := dialTLS(t, addr, clientConfig())
				c.Write([]byte{1})
				await(t, ended, "the writer to end")
			})
		}
	})
}

// Close waits for what was written, and no longer than the write deadline.
func TestCloseWaitsNoLongerThanTheDeadline(t *testing.T) {
	each(t, func(t *testing.T, rt *unio.Runtime) {
		ended := make(chan error, 1)
		addr := serve(t, rt, serverConfig(), func(c *uniotls.Conn) {
			if err := c.Handshake(); err != nil {
				t.Error(err)
			}
			for n := int64(1); n > 0; { // until nothing is taken any more
				var err error
				c.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
				n, err = io.Copy(struct{ io.Writer }{c}, noise(1))
				wantIs(t, "write", err, os.ErrDeadlineExceeded)
			}
			ended <- c.Close()
		})
		c := dialTLS(t, addr, clientConfig())
		wantIs(t, "Close", await(t, ended, "Close"), os.ErrDeadlineExceeded)
		c.Close()
	})
}

// A connection that the peer resets: both directions fail with what the kernel says, and Close ends it.
func TestReset(t *testing.T) {
	each(t, func(t *testing.T, rt *unio.Runtime) {
		result := make(chan error, 2)
		addr := serve(t, rt, serverConfig(), func(c *uniotls.Conn) {
			var g unio.Group
			g.Go(func() error { _, err := copyOut(c, 1, 1<<30); result <- err; return nil })
			g.Go(func() error { _, err := c.Read(make([]byte, 1)); result <- err; return nil })
			g.Wait()
		})
		c := dialTLS(t, addr, clientConfig())
		io.ReadFull(c, make([]byte, 100))
		c.NetConn().(*net.TCPConn).SetLinger(0) // the close below is a reset, tcp(7)
		c.NetConn().Close()
		for range 2 {
			err := await(t, result, "a direction to fail")
			if _, ok := errors.AsType[*net.OpError](err); !ok {
				t.Errorf("error %T %v", err, err)
			}
			if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
				t.Errorf("error %v", err)
			}
		}
	})
}

// A write deadline that was for something else does not keep the peer from being told.
func TestCloseAfterAnOldDeadline(t *testing.T) {
	each(t, func(t *testing.T, rt *unio.Runtime) {
		addr := serve(t, rt, serverConfig(), func(c *uniotls.Conn) {
			c.Handshake()
			c.SetWriteDeadline(time.Now().Add(-time.Minute))
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		})
		c, r := openTLS12(t, addr)
		c.Read(make([]byte, 1))
		if k := r.lastRecord(); k != recordAlert {
			t.Errorf("the last record is of type %d, want an alert", k)
		}
	})
}

// inHandshake has fn called in a task while another task of the same loop waits in the handshake for the client's first
// byte, and returns its error.
func inHandshake(t *testing.T, rt *unio.Runtime, fn func(c *uniotls.Conn)) (ask func(), hand error) {
	t.Helper()
	result := make(chan error, 1)
	addr := serve(t, rt, serverConfig(), func(c *uniotls.Conn) {
		var g unio.Group
		g.Go(func() error { result <- c.Handshake(); return nil })
		g.Go(func() error { fn(c); return nil })
		g.Wait()
	})
	ask = neighbour(t, rt)
	dialPlain(t, addr)
	ask()
	return ask, await(t, result, "the handshake")
}

func TestCloseInAHandshake(t *testing.T) {
	uniotest.EachEngineWith(t, oneLoop(), func(t *testing.T, rt *unio.Runtime) {
		ask, hand := inHandshake(t, rt, func(c *uniotls.Conn) {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
			_, err := c.Read(make([]byte, 1))
			wantIs(t, "read", err, net.ErrClosed)
		})
		wantIs(t, "handshake", hand, net.ErrClosed)
		ask()
	})
}

func TestContextEndsTheHandshakeOfAnother(t *testing.T) {
	uniotest.EachEngineWith(t, oneLoop(), func(t *testing.T, rt *unio.Runtime) {
		ask, hand := inHandshake(t, rt, func(c *uniotls.Conn) {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
			defer cancel()
			wantIs(t, "the waiting one", c.HandshakeContext(ctx), context.DeadlineExceeded)
		})
		wantIs(t, "the performing one", hand, net.ErrClosed)
		ask()
	})
}

func TestContextEndsTheHandshake(t *testing.T) {
	each(t, func(t *testing.T, rt *unio.Runtime) {
		result := make(chan error, 1)
		addr := serve(t, rt, serverConfig(), func(c *uniotls.Conn) {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
			defer cancel()
			result <- c.HandshakeContext(ctx)
		})
		p := dialPlain(t, addr)
		wantIs(t, "handshake", await(t, result, "the server"), context.DeadlineExceeded)
		if _, err := p.Read(make([]byte, 1)); err == nil {
			t.Error("the connection is open")
		}
	})
}

// Who asks for the state, reads or writes during a handshake waits for its end, and the loop goes on.
func TestOthersWaitForTheHandshake(t *testing.T) {
	uniotest.EachEngineWith(t, oneLoop(), func(t *testing.T, rt *unio.Runtime) {
		states, ended := make(chan tls.ConnectionState, 1), make(chan struct{})
		addr := serve(t, rt, serverConfig(), func(c *uniotls.Conn) {
			defer close(ended)
			var g unio.Group
			g.Go(c.Handshake)
			g.Go(func() error { states <- c.ConnectionState(); return nil })
			g.Go(func() error { _, err := c.Write([]byte("hello")); return err })
			g.Go(func() error { _, err := c.Read(make([]byte, 1)); return err })
			g.Go(c.Handshake)
			if err := g.Wait(); err != nil {
				t.Error(err)
			}
		})
		ask := neighbour(t, rt)
		p := dialPlain(t, addr)
		for range 10 {
			ask()
		}
		c := tls.Client(p, clientConfig())
		got := make([]byte, 5)
		if _, err := io.ReadFull(c, got); err != nil || string(got) != "hello" {
			t.Errorf("got %q, %v", got, err)
		}
		c.Write([]byte{1})
		if !await(t, states, "the state").HandshakeComplete {
			t.Error("the state was told before the end of the handshake")
		}
		await(t, ended, "the handler")
	})
}

// The same where a goroutine performs the handshake: it waits for the loop that tasks would hold which waited for a mutex.
func TestTasksWaitForTheHandshakeOfAGoroutine(t *testing.T) {
	uniotest.EachEngineWith(t, oneLoop(), func(t *testing.T, rt *unio.Runtime) {
		ended := make(chan struct{})
		addr := serve(t, rt, serverConfig(), func(c *uniotls.Conn) {
			defer close(ended)
			var g unio.Group
			g.Go(func() (err error) {
				unio.Offload(func() { err = c.Handshake() })
				return err
			})
			unio.Sleep(time.Millisecond) // so that the goroutine is first, most often
			g.Go(func() error { c.ConnectionState(); return nil })
			g.Go(func() error { return bothWays(c, 1, 2, 1<<20) })
			if err := g.Wait(); err != nil {
				t.Error(err)
			}
		})
		ask := neighbour(t, rt)
		p := dialPlain(t, addr)
		for range 10 {
			ask()
		}
		if err := bothWays(tls.Client(p, clientConfig()), 2, 1, 1<<20); err != nil {
			t.Error(err)
		}
		ask()
		await(t, ended, "the handler")
	})
}

// Each direction is used by a task of another loop and by a goroutine in turn.
func TestFromOtherLoops(t *testing.T) {
	const n, turns = 100_000, 10
	each(t, func(t *testing.T, rt *unio.Runtime) {
		ended := make(chan error, 2)
		addr := serve(t, rt, serverConfig(), func(c *uniotls.Conn) {
			c.Keep()
			elsewhere := func(fn func() error) {
				for i := range turns {
					one := make(chan error)
					if i%2 == 0 {
						go func() { one <- fn() }()
					} else { // the loop with the fewest connections, which is not the connection's
						rt.Go(func() {
							err := fn()
							unio.Offload(func() { one <- err })
						})
					}
					if err := <-one; err != nil {
						ended <- err
						return
					}
				}
				ended <- nil
			}
			go elsewhere(func() error { _, err := copyOut(c, 1, n); return err })
			go elsewhere(func() error { _, err := copyIn(c, n); return err })
		})
		c := dialTLS(t, addr, clientConfig())
		var g unio.Group
		g.Go(func() error { _, err := copyOut(c, 1, n*turns); return err })
		g.Go(func() error { _, err := copyIn(c, n*turns); return err })
		if err := g.Wait(); err != nil {
			t.Error(err)
		}
		for range 2 {
			if err := await(t, ended, "a direction"); err != nil {
				t.Error(err)
			}
		}
	})
}

// A coroutine that a handler has made gets an error where it would have to wait, and the connection is as good as before.
func TestReadInACoroutine(t *testing.T) {
	each(t, func(t *testing.T, rt *unio.Runtime) {
		tried := make(chan struct{})
		addr := serve(t, rt, serverConfig(), func(c *uniotls.Conn) {
			if err := c.Handshake(); err != nil {
				t.Error(err)
			}
			next, stop := iter.Pull(func(yield func(error) bool) {
				_, err := c.Read(make([]byte, 1))
				yield(err)
			})
			defer stop()
			err, _ := next()
			wantIs(t, "read", err, unio.ErrCoroutine)
			close(tried)
			echo(c)
		})
		c := dialTLS(t, addr, clientConfig())
		await(t, tried, "the coroutine")
		exchange(t, c)
		c.Close()
	})
}

// What a peer has done wrong it is told also when nobody writes.
func TestAlertIsSentByTheReader(t *testing.T) {
	each(t, func(t *testing.T, rt *unio.Runtime) {
		got := make(chan error, 1)
		addr := serve(t, rt, serverConfig(), func(c *uniotls.Conn) {
			c.Keep() // an end of the connection is not what tells
			_, err := c.Read(make([]byte, 1))
			got <- err
			unio.Sleep(50 * time.Millisecond)
			c.NetConn().Close()
		})
		c := dialTLS(t, addr, clientConfig())
		c.NetConn().Write(append([]byte{recordApplication, 3, 3, 0, 64}, make([]byte, 64)...))
		if _, err := c.Read(make([]byte, 1)); err == nil || !strings.Contains(err.Error(), "bad record MAC") {
			t.Errorf("the peer got %v", err)
		}
		if err := await(t, got, "the reader"); err == nil || !strings.Contains(err.Error(), "bad record MAC") {
			t.Errorf("the reader got %v", err)
		}
	})
}

// A goroutine's Read that a held loop could not serve has had no effect: the next one reads what comes.
func TestStalledReadHasNoEffect(t *testing.T) {
	o := &unio.Options{Loops: 1, StallLimit: 50 * time.Millisecond}
	uniotest.EachEngineWith(t, o, func(t *testing.T, rt *unio.Runtime) {
		kept := make(chan *uniotls.Conn)
		addr := serve(t, rt, serverConfig(), func(c *uniotls.Conn) {
			c.Keep()
			if err := c.Handshake(); err != nil {
				t.Error(err)
			}
			unio.Offload(func() { kept <- c })
		})
		client := dialTLS(t, addr, clientConfig())
		c := await(t, kept, "the handler")
		defer c.Close()
		held, free := make(chan struct{}), make(chan struct{})
		rt.Go(func() {
			close(held)
			<-free // what a task must not do
		})
		await(t, held, "the task")
		_, err := c.Read(make([]byte, 1))
		close(free)
		wantIs(t, "read", err, unio.ErrStalled)
		io.WriteString(client, "x")
		p := make([]byte, 1)
		for err = unio.ErrStalled; errors.Is(err, unio.ErrStalled); { // the task may take long to give its loop back
			_, err = io.ReadFull(c, p)
		}
		if err != nil || p[0] != 'x' {
			t.Errorf("got %q, %v", p, err)
		}
	})
}

// The runtime's end ends a connection in each state.
func TestRuntimeCloseEndsConnections(t *testing.T) {
	for _, name := range uniotest.Engines() {
		t.Run(string(name), func(t *testing.T) {
			if err := uniotest.Refused(name); err != nil {
				t.Skip(err)
			}
			rt := uniotest.New(t, &unio.Options{Engine: name})
			ended, begun := make(chan error, 3), make(chan struct{}, 3)
			report := func(err error) { ended <- err }
			hand := serve(t, rt, serverConfig(), func(c *uniotls.Conn) {
				begun <- struct{}{}
				report(c.Handshake())
			})
			read := serve(t, rt, serverConfig(), func(c *uniotls.Conn) {
				c.Handshake()
				begun <- struct{}{}
				_, err := c.Read(make([]byte, 1))
				report(err)
			})
			write := serve(t, rt, serverConfig(), func(c *uniotls.Conn) {
				c.Handshake()
				begun <- struct{}{}
				_, err := copyOut(c, 1, 1<<30)
				report(err)
			})
			ask := neighbour(t, rt)
			dialPlain(t, hand)
			dialTLS(t, read, clientConfig())
			dialTLS(t, write, clientConfig())
			for range 3 {
				await(t, begun, "a handler")
			}
			ask()
			if err := rt.Close(); err != nil {
				t.Error(err)
			}
			for range 3 {
				select {
				case err := <-ended:
					if !errors.Is(err, net.ErrClosed) {
						t.Errorf("a handler got %v", err)
					}
				default:
					t.Error("a handler has not ended")
				}
			}
		})
	}
}

// leave panics on purpose, or ends its goroutine.
func leave(exit bool) {
	if exit {
		runtime.Goexit()
	}
	panic("on purpose")
}

// The failure: whoever called Dial had no connection to close, and it stayed open with what had arrived on it.
func TestDialWhoseCallbackDoesNotReturnClosesTheConnection(t *testing.T) {
	each(t, func(t *testing.T, rt *unio.Runtime) {
		addr := serveNet(t, func(c *tls.Conn) { io.Copy(io.Discard, c) })
		for _, exit := range []bool{false, true} {
			cfg := clientConfig()
			cfg.VerifyConnection = func(tls.ConnectionState) error { leave(exit); return nil }
			dial := func() {
				if c, err := uniotls.Dial(t.Context(), rt, "tcp", addr.String(), cfg); err == nil {
					c.Close()
				}
				t.Error("Dial came back")
			}
			for _, spawn := range []func(func()){rt.Go, func(fn func()) { go fn() }} {
				thrown := make(chan any)
				spawn(func() {
					defer func() { thrown <- recover() }()
					dial()
				})
				if v := await(t, thrown, "the end of Dial"); (v == nil) != exit {
					t.Errorf("exit %v: Dial threw %v", exit, v)
				}
			}
		}
		uniotest.Idle(t, rt)
	})
}

// hello is the first flight of a client.
func hello() []byte {
	h := &onlyWrites{}
	tls.Client(h, clientConfig()).Handshake()
	return h.wrote
}

// onlyWrites keeps what is written; nothing comes back.
type onlyWrites struct {
	net.Conn
	wrote []byte
}

// Read is at the end.
func (h *onlyWrites) Read([]byte) (int, error) { return 0, io.EOF }

// Write keeps.
func (h *onlyWrites) Write(p []byte) (int, error) {
	h.wrote = append(h.wrote, p...)
	return len(p), nil
}

// unreadConn is the server's side of a connection with bytes that were received before.
func unreadConn(t testing.TB, rt *unio.Runtime, ln *unio.Listener, cfg *tls.Config, text []byte) *uniotls.Conn {
	t.Helper()
	dialPlain(t, ln.Addr())
	u, err := ln.AcceptConn()
	if err != nil {
		t.Fatal(err)
	}
	b, ok := rt.Pool().TryGet(len(text))
	if !ok {
		t.Fatal("the pool is empty")
	}
	b.SetLen(copy(b.Bytes(), text))
	c := uniotls.Server(u, cfg)
	c.Unread(b)
	return c
}

// The failure: Close leaves the buffer to the handshake that is under way, which did not give it back when it ended without
// a result. The check of the closed runtime counts it.
func TestCloseDuringAHandshakeThatDoesNotReturnLeavesNoBuffer(t *testing.T) {
	each(t, func(t *testing.T, rt *unio.Runtime) {
		ln := listen(t, rt)
		for _, exit := range []bool{false, true} {
			entered, closed := make(chan struct{}), make(chan struct{})
			cfg := &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
				close(entered)
				<-closed
				leave(exit)
				return nil, nil
			}}
			c := unreadConn(t, rt, ln, cfg, append(hello(), "more"...))
			ended := make(chan struct{})
			rt.Go(func() {
				defer close(ended)
				defer func() { recover() }()
				c.Handshake()
				t.Error("Handshake came back")
			})
			await(t, entered, "the callback")
			c.Close()
			close(closed)
			await(t, ended, "the handshake")
		}
	})
}

// The failure was that of one in some thousand, where Close comes when the handshake has begun and not looked yet.
func TestCloseBesideHandshakeLeavesNoBuffer(t *testing.T) {
	each(t, func(t *testing.T, rt *unio.Runtime) {
		ln := listen(t, rt)
		for i := range scale(300, 50) {
			c := unreadConn(t, rt, ln, serverConfig(), []byte("no hello"))
			var g sync.WaitGroup
			g.Go(func() {
				for range i % 50 {
					runtime.Gosched()
				}
				c.Handshake()
			})
			g.Go(func() { c.ConnectionState() })
			g.Go(func() { c.Close() })
			g.Wait()
		}
	})
}
