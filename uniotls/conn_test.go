package uniotls_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
	"github.com/unio-go/unio/uniotls"
)

// copyOut writes n bytes of a stream and reports their sum.
func copyOut(w io.Writer, seed byte, n int) ([32]byte, error) {
	sum := sha256.New()
	_, err := io.CopyBuffer(struct{ io.Writer }{w}, io.TeeReader(io.LimitReader(noise(seed), int64(n)), sum),
		make([]byte, 100_000))
	return [32]byte(sum.Sum(nil)), err
}

// copyIn reads n bytes and reports their sum.
func copyIn(r io.Reader, n int) ([32]byte, error) {
	sum := sha256.New()
	_, err := io.CopyN(sum, struct{ io.Reader }{r}, int64(n))
	return [32]byte(sum.Sum(nil)), err
}

// bothWays reads and writes n bytes at the same time, in a Group: tasks in a task, else goroutines.
func bothWays(c net.Conn, own, other byte, n int) error {
	var g unio.Group
	g.Go(func() error { _, err := copyOut(c, own, n); return err })
	g.Go(func() error {
		got, err := copyIn(c, n)
		if want, _ := copyOut(io.Discard, other, n); err == nil && got != want {
			err = fmt.Errorf("what came is not what was sent")
		}
		return err
	})
	return g.Wait()
}

func TestBothDirectionsAtOnce(t *testing.T) {
	n := scale(12<<20, 3<<20)
	for _, vers := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(vers), func(t *testing.T) {
			each(t, func(t *testing.T, rt *unio.Runtime) {
				served := make(chan error, 1)
				cfg := serverConfig()
				cfg.MinVersion, cfg.MaxVersion = vers, vers
				addr := serve(t, rt, cfg, func(c *uniotls.Conn) { served <- bothWays(c, 1, 2, n) })
				dialTask(t, rt, addr, clientConfig(), func(c *uniotls.Conn) {
					if err := bothWays(c, 2, 1, n); err != nil {
						t.Errorf("client: %v", err)
					}
				})
				if err := await(t, served, "the handler"); err != nil {
					t.Errorf("server: %v", err)
				}
			})
		})
	}
}

// Goroutines at both ends, and tasks that share a connection with goroutines.
func TestFromGoroutines(t *testing.T) {
	n := scale(8<<20, 2<<20)
	each(t, func(t *testing.T, rt *unio.Runtime) {
		ln := uniotls.NewListener(listen(t, rt), serverConfig())
		served := make(chan error, 1)
		go func() {
			c, err := ln.Accept()
			if err == nil {
				defer c.Close()
				err = bothWays(c, 1, 2, n)
			}
			served <- err
		}()
		c := dialTLS(t, ln.Addr(), clientConfig())
		if err := bothWays(c, 2, 1, n); err != nil {
			t.Errorf("client: %v", err)
		}
		if err := await(t, served, "the server"); err != nil {
			t.Errorf("server: %v", err)
		}
	})
}

func TestGoroutineAndTaskOnOneConnection(t *testing.T) {
	n := scale(4<<20, 1<<20)
	uniotest.EachEngineWith(t, oneLoop(), func(t *testing.T, rt *unio.Runtime) {
		served := make(chan error, 2)
		addr := serve(t, rt, serverConfig(), func(c *uniotls.Conn) {
			// The one direction is a goroutine's, the other a task's, and both begin with the handshake.
			c.Keep()
			go func() {
				_, err := copyOut(c, 1, n)
				served <- err
			}()
			_, err := copyIn(c, n)
			served <- err
		})
		ask := neighbour(t, rt)
		c := dialTLS(t, addr, clientConfig())
		if err := bothWays(c, 2, 1, n); err != nil {
			t.Errorf("client: %v", err)
		}
		ask()
		for range 2 {
			if err := await(t, served, "both directions"); err != nil {
				t.Errorf("server: %v", err)
			}
		}
	})
}

// Several tasks and goroutines that all read, and all write: records arrive whole, and nobody holds the loop.
func TestManyReadersAndWriters(t *testing.T) {
	const writers, lines, size = 6, 20, 40_000
	uniotest.EachEngineWith(t, oneLoop(), func(t *testing.T, rt *unio.Runtime) {
		write := func(c net.Conn, k int) error {
			for range lines {
				if _, err := c.Write(bytes.Repeat([]byte{byte(k)}, size)); err != nil {
					return err
				}
			}
			return nil
		}
		served := make(chan error, writers)
		addr := serve(t, rt, serverConfig(), func(c *uniotls.Conn) {
			var g unio.Group
			for k := range writers {
				if k%2 == 0 {
					g.Go(func() error { served <- write(c, k); return nil })
				} else {
					g.Go(func() error {
						unio.Offload(func() { served <- write(c, k) })
						return nil
					})
				}
			}
			for range 3 {
				g.Go(func() error { _, err := c.Read(make([]byte, 1)); return err })
			}
			g.Wait()
		})
		ask := neighbour(t, rt)
		c := dialTLS(t, addr, clientConfig())
		count := map[byte]int{}
		p := make([]byte, size)
		for range writers * lines {
			if _, err := io.ReadFull(c, p); err != nil {
				t.Fatal(err)
			}
			if n := bytes.Count(p, p[:1]); n != size {
				t.Fatalf("a Write of %d bytes was torn after %d", size, n)
			}
			count[p[0]]++
		}
		ask()
		for k := range writers {
			if err := await(t, served, "a writer"); err != nil {
				t.Error(err)
			}
			if count[byte(k)] != lines {
				t.Errorf("writer %d: %d of %d writes arrived", k, count[byte(k)], lines)
			}
		}
		if _, err := c.Write([]byte("end")); err != nil {
			t.Error(err)
		}
	})
}

func TestDeadlinesLeaveTheConnectionUsable(t *testing.T) {
	n := scale(24<<20, 12<<20)
	each(t, func(t *testing.T, rt *unio.Runtime) {
		late := make(chan string, 2) // what has timed out
		served := make(chan error, 1)
		addr := serve(t, rt, serverConfig(), func(c *uniotls.Conn) { served <- timeOutAndGoOn(c, n, late) })
		c := dialTLS(t, addr, clientConfig())
		if what := await(t, late, "a timeout"); what != "read" {
			t.Fatal(what)
		}
		io.WriteString(c, "go on")
		if what := await(t, late, "a timeout"); what != "write" {
			t.Fatal(what)
		}
		got, err := copyIn(c, n)
		if want, _ := copyOut(io.Discard, 1, n); err != nil || got != want {
			t.Errorf("what came is not what was sent (%v)", err)
		}
		if err := await(t, served, "the handler"); err != nil {
			t.Error(err)
		}
	})
}

// timeOutAndGoOn has a Read time out and then Writes of n bytes, and goes on after each. The peer is told.
func timeOutAndGoOn(c *uniotls.Conn, n int, late chan<- string) error {
	if err := c.Handshake(); err != nil {
		late <- err.Error()
		return err
	}
	c.SetReadDeadline(time.Now().Add(time.Millisecond))
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("read: %v", err)
	}
	late <- "read"
	c.SetReadDeadline(time.Time{})
	if _, err := io.ReadFull(c, make([]byte, 5)); err != nil {
		return fmt.Errorf("read after a timeout: %w", err)
	}
	p := must(io.ReadAll(io.LimitReader(noise(1), int64(n))))
	timeouts := 0
	for len(p) > 0 {
		c.SetWriteDeadline(time.Now().Add(20 * time.Millisecond))
		m, err := c.Write(p)
		p = p[m:] // what was counted is on its way
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return fmt.Errorf("write after %d timeouts: %w", timeouts, err)
		}
		if err != nil {
			if timeouts++; timeouts == 3 {
				late <- "write"
			}
		}
	}
	if timeouts < 3 {
		return fmt.Errorf("%d bytes were written to a peer that does not read", n)
	}
	c.SetWriteDeadline(time.Time{})
	return nil
}

// A deadline that has passed fails a Write although there is room.
func TestWriteAfterDeadline(t *testing.T) {
	each(t, func(t *testing.T, rt *unio.Runtime) {
		addr := serve(t, rt, serverConfig(), echo)
		check := func(c *uniotls.Conn) {
			exchange(t, c)
			c.SetWriteDeadline(time.Now().Add(-time.Second))
			n, err := c.Write([]byte("late"))
			if n != 0 {
				t.Errorf("%d bytes were counted", n)
			}
			wantIs(t, "a late write", err, os.ErrDeadlineExceeded)
			c.SetWriteDeadline(time.Time{})
			exchange(t, c)
		}
		dialTask(t, rt, addr, clientConfig(), check)
		c, err := uniotls.Dial(t.Context(), rt, "tcp", addr.String(), clientConfig())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		check(c)
	})
}

func TestCloseWrite(t *testing.T) {
	each(t, func(t *testing.T, rt *unio.Runtime) {
		addr := serve(t, rt, serverConfig(), func(c *uniotls.Conn) {
			all, err := io.ReadAll(c)
			if err != nil {
				t.Error(err)
			}
			c.Write(append(all, '!'))
		})
		dialTask(t, rt, addr, clientConfig(), func(c *uniotls.Conn) {
			io.WriteString(c, "hello")
			if err := c.CloseWrite(); err != nil {
				t.Error(err)
			}
			if _, err := c.Write([]byte("more")); err == nil {
				t.Error("a Write after CloseWrite succeeded")
			}
			if got, err := io.ReadAll(c); string(got) != "hello!" || err != nil {
				t.Errorf("got %q, %v", got, err)
			}
		})
	})
}

func TestUnixSocket(t *testing.T) {
	each(t, func(t *testing.T, rt *unio.Runtime) {
		dir, err := os.MkdirTemp("", "u") // short: a path has 108 bytes, unix(7)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
		ln, err := rt.Listen("unix", dir+"/s", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		go uniotls.NewListener(ln, serverConfig()).Serve(echo)
		dialTask(t, rt, ln.Addr(), clientConfig(), func(c *uniotls.Conn) { exchange(t, c) })
	})
}

// A client that sends each byte by itself.
func TestTrickledHandshake(t *testing.T) {
	each(t, func(t *testing.T, rt *unio.Runtime) {
		addr := serve(t, rt, serverConfig(), echo)
		c := tls.Client(trickle{dialPlain(t, addr)}, clientConfig())
		exchange(t, c)
		c.Close()
	})
}

type trickle struct{ net.Conn }

func (c trickle) Write(p []byte) (int, error) {
	for i := range p {
		if _, err := c.Conn.Write(p[i : i+1]); err != nil {
			return i, err
		}
	}
	return len(p), nil
}

func TestHandshakeFailures(t *testing.T) {
	each(t, func(t *testing.T, rt *unio.Runtime) {
		result := make(chan error, 1)
		addr := serve(t, rt, serverConfig(), func(c *uniotls.Conn) {
			c.SetDeadline(time.Now().Add(bound))
			err := c.Handshake()
			if again := c.Handshake(); again != err {
				t.Errorf("a second Handshake gives %v after %v", again, err)
			}
			if c.ConnectionState().HandshakeComplete {
				t.Error("the handshake is said to be complete")
			}
			result <- err
		})
		t.Run("distrust", func(t *testing.T) {
			c := tls.Client(dialPlain(t, addr), &tls.Config{ServerName: "example.com", RootCAs: nil})
			if err := c.Handshake(); err == nil {
				t.Error("the client trusts an unknown authority")
			}
			if err := await(t, result, "the server"); err == nil || !strings.Contains(err.Error(), "remote error") {
				t.Errorf("the server got %v", err)
			}
		})
		t.Run("end of stream", func(t *testing.T) {
			dialPlain(t, addr).Close()
			wantIs(t, "handshake", await(t, result, "the server"), io.EOF)
		})
		t.Run("end of stream within a record", func(t *testing.T) {
			p := dialPlain(t, addr)
			p.Write([]byte{22, 3, 1, 1, 0, 1})
			p.Close()
			wantIs(t, "handshake", await(t, result, "the server"), io.ErrUnexpectedEOF)
		})
		t.Run("no TLS", func(t *testing.T) {
			p := dialPlain(t, addr)
			io.WriteString(p, "GET / HTTP/1.0\r\n\r\n")
			err := await(t, result, "the server")
			if e, ok := err.(tls.RecordHeaderError); !ok {
				t.Errorf("got %T %v", err, err)
			} else if _, ok := e.Conn.(*unio.Conn); !ok {
				t.Errorf("the connection for an answer is a %T", e.Conn)
			}
		})
	})
}

func TestHandshakeTimesOut(t *testing.T) {
	each(t, func(t *testing.T, rt *unio.Runtime) {
		result := make(chan error, 1)
		addr := serve(t, rt, serverConfig(), func(c *uniotls.Conn) {
			c.SetDeadline(time.Now().Add(10 * time.Millisecond))
			result <- c.Handshake()
		})
		p := dialPlain(t, addr)
		wantIs(t, "handshake", await(t, result, "the server"), os.ErrDeadlineExceeded)
		p.Close()
	})
}

// The failure: crypto/tls heeds a context only as long as it is at work itself, and the last flight is sent after that.
func TestContextEndsTheLastFlight(t *testing.T) {
	large := identity()
	for range 20000 { // some MiB, more than the kernel takes
		large.Certificate = append(large.Certificate, large.Certificate[0])
	}
	each(t, func(t *testing.T, rt *unio.Runtime) {
		plain, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer plain.Close()
		over := make(chan struct{})
		defer close(over)
		go func() {
			p, err := plain.Accept()
			if err != nil {
				return
			}
			defer p.Close()
			cfg := serverConfig()
			cfg.ClientAuth = tls.RequestClientCert
			tls.Server(&deafAfterWrite{Conn: p, over: over}, cfg).Handshake()
		}()
		u, err := rt.Dial(t.Context(), "tcp", plain.Addr().String(), nil)
		if err != nil {
			t.Fatal(err)
		}
		cfg := clientConfig()
		cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &large, nil }
		c := uniotls.Client(u, cfg)
		defer c.Abort()
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		ended := make(chan error, 1)
		rt.Go(func() { ended <- c.HandshakeContext(ctx) })
		for deadline := time.Now().Add(bound); uniotls.Pending(c) == 0; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("waited in vain for the last flight")
			}
		}
		time.Sleep(10 * time.Millisecond)
		cancel()
		wantIs(t, "the handshake", await(t, ended, "the handshake"), context.Canceled)
		wantIs(t, "another handshake", c.Handshake(), context.Canceled)
	})
}

// deafAfterWrite reads nothing once it has written.
type deafAfterWrite struct {
	net.Conn
	over  chan struct{}
	wrote bool
}

// Write writes.
func (d *deafAfterWrite) Write(p []byte) (int, error) {
	d.wrote = true
	return d.Conn.Write(p)
}

// Read waits for the end of the test after a Write.
func (d *deafAfterWrite) Read(p []byte) (int, error) {
	if d.wrote {
		<-d.over
		return 0, io.EOF
	}
	return d.Conn.Read(p)
}
