package stream_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/tls"
	"io"
	"net"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/mem"
	"github.com/unio-go/unio/tinygate/internal/certs/certtest"
	"github.com/unio-go/unio/tinygate/internal/stream"
	"github.com/unio-go/unio/uniotest"
)

// A hundred thousand idle plain connections pay for TLS with one word each.
func TestConnIsTwoWords(t *testing.T) {
	if size := reflect.TypeFor[stream.Conn]().Size(); size != 2*reflect.TypeFor[uintptr]().Size() {
		t.Errorf("a Conn has %d bytes", size)
	}
}

func TestConnSpeaksPlainAndTLS(t *testing.T) {
	both(t, func(t *testing.T, rt *unio.Runtime, server, client *tls.Config) {
		ends := make(chan error, 1)
		addr := serve(t, rt, server, echoes(t, ends))
		c := dialTLS(t, addr, client)
		for n := 1; n <= 16<<10; n *= 4 {
			exchange(t, c, bytes.Repeat([]byte{byte(n)}, n))
		}
		c.(interface{ CloseWrite() error }).CloseWrite()
		if err := await(t, ends, "the end"); err != io.EOF {
			t.Errorf("the end: %v", err)
		}
		if n, err := c.Read(make([]byte, 1)); n != 0 || err != io.EOF {
			t.Errorf("the connection was not closed in order: %d, %v", n, err)
		}
	})
}

func TestConnTellsAboutItself(t *testing.T) {
	both(t, func(t *testing.T, rt *unio.Runtime, server, client *tls.Config) {
		done := make(chan struct{})
		addr := serve(t, rt, server, shaken(t, func(c stream.Conn) {
			defer close(done)
			if server != nil {
				if s := c.State(); s.ServerName != name || s.NegotiatedProtocol != "http/1.1" || !s.HandshakeComplete {
					t.Errorf("the state is %+v", s)
				}
			}
			if c.LocalAddr() == nil {
				t.Error("no address")
			}
		}))
		c := dialTLS(t, addr, client)
		c.Write([]byte("x"))
		await(t, done, "the handler")
	})
}

// upstream is a connection that a task dials.
func dialed(t testing.TB, rt *unio.Runtime, addr string, cfg *tls.Config, fn func(stream.Conn)) {
	t.Helper()
	done := make(chan struct{})
	rt.Go(func() {
		defer close(done)
		u, err := rt.Dial(context.Background(), "tcp", addr, nil)
		if err != nil {
			t.Error(err)
			return
		}
		c := stream.Plain(u)
		if cfg != nil {
			c = stream.Client(u, cfg)
		}
		if err := c.Handshake(bound); err != nil {
			t.Error(err)
			c.Abort()
			return
		}
		fn(c)
	})
	await(t, done, "a task")
}

// A connection of the pool is idle until something comes that is meant for us: in TLS 1.3 the tickets come after the
// handshake.
func TestIdleUpstreamIsTakenAgain(t *testing.T) {
	both(t, func(t *testing.T, rt *unio.Runtime, server, client *tls.Config) {
		addr := serve(t, rt, server, echoes(t, nil))
		dialed(t, rt, addr, client, func(c stream.Conn) {
			defer c.Close()
			unused := func(*unio.Conn, error) { t.Error("an idle connection was woken") }
			for range 3 {
				if err := c.Await(bound, unused); err != nil {
					t.Error(err)
				}
				if !c.Unawait() {
					t.Error("an idle connection cannot be used")
				}
				b, _ := rt.Alloc(context.Background(), 4)
				copy(b.Bytes(), "ping")
				c.SetReadDeadline(time.Now().Add(bound))
				if err := c.Send(b); err != nil {
					t.Error(err)
				}
				b, err := c.Recv()
				if err != nil {
					t.Error(err)
					return
				}
				b.Release()
			}
		})
	})
}

// An idle connection hears that it was closed.
func TestIdleUpstreamIsClosed(t *testing.T) {
	both(t, func(t *testing.T, rt *unio.Runtime, server, client *tls.Config) {
		leave := make(chan struct{})
		ends := make(chan error, 1)
		addr := serve(t, rt, server, shaken(t, func(c stream.Conn) {
			b, err := c.Recv()
			if err != nil {
				t.Error(err)
				return
			}
			c.Send(b)
			unio.Offload(func() { <-leave })
		}))
		dialed(t, rt, addr, client, func(c stream.Conn) {
			b, _ := rt.Alloc(context.Background(), 1)
			c.Send(b)
			b, err := c.Recv()
			if err != nil {
				t.Error(err)
				return
			}
			b.Release()
			c.Await(bound, func(_ *unio.Conn, err error) {
				if err == nil {
					_, err = c.Recv()
				}
				ends <- err
			})
			close(leave)
		})
		if err := await(t, ends, "the end"); err != io.EOF {
			t.Errorf("the end: %v", err)
		}
	})
}

func TestCloseWriteLeavesReceivingOpen(t *testing.T) {
	both(t, func(t *testing.T, rt *unio.Runtime, server, client *tls.Config) {
		got := make(chan string, 1)
		addr := serve(t, rt, server, shaken(t, func(c stream.Conn) {
			wantIs(t, "CloseWrite", c.CloseWrite(), nil)
			text := ""
			for {
				b, err := c.Recv()
				if err != nil {
					wantIs(t, "the end", err, io.EOF)
					got <- text
					return
				}
				text += string(b.Bytes())
				b.Release()
			}
		}))
		c := dialTLS(t, addr, client)
		io.WriteString(c, "begun, ")
		if n, err := c.Read(make([]byte, 1)); n != 0 || err != io.EOF {
			t.Errorf("after CloseWrite: %d, %v", n, err)
		}
		io.WriteString(c, "ended")
		c.(interface{ CloseWrite() error }).CloseWrite()
		if text := await(t, got, "the text"); text != "begun, ended" {
			t.Errorf("%q", text)
		}
	})
}

func TestAbortAndKeep(t *testing.T) {
	both(t, func(t *testing.T, rt *unio.Runtime, server, client *tls.Config) {
		kept := make(chan stream.Conn, 1)
		addr := serve(t, rt, server, shaken(t, func(c stream.Conn) {
			c.Keep()
			kept <- c
		}))
		p := dialTLS(t, addr, client)
		p.Write([]byte("x"))
		c := await(t, kept, "a connection")
		b, _ := rt.Alloc(context.Background(), 3)
		copy(b.Bytes(), "yes")
		wantIs(t, "Send after the handler", c.Send(b), nil)
		if _, err := io.ReadFull(p, make([]byte, 3)); err != nil {
			t.Error(err)
		}
		c.Abort()
		wantIs(t, "Close after Abort", c.Close(), net.ErrClosed)
		if n, err := p.Read(make([]byte, 1)); n != 0 || err == nil {
			t.Errorf("after Abort: %d, %v", n, err)
		}
	})
}

// A body that its end delimits is complete only if the peer says so.
func TestCutStreamIsNoEnd(t *testing.T) {
	server, client := configs(t)
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		ends := make(chan error, 1)
		addr := serve(t, rt, server, echoes(t, ends))
		c := dialTLS(t, addr, client).(*tls.Conn)
		exchange(t, c, []byte("half a body"))
		c.NetConn().(*net.TCPConn).CloseWrite()
		wantIs(t, "a cut stream", await(t, ends, "the end"), io.ErrUnexpectedEOF)
	})
}

func TestHandshakeTakesNoLongerThanItMay(t *testing.T) {
	server, _ := configs(t)
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		ends := make(chan error, 1)
		addr := serve(t, rt, server, func(c stream.Conn) { ends <- c.Handshake(20 * time.Millisecond) })
		dial(t, addr).Write([]byte{22}) // the beginning of a handshake
		wantIs(t, "a slow handshake", await(t, ends, "the handshake"), os.ErrDeadlineExceeded)
	})
}

func TestGarbageInsteadOfAHandshake(t *testing.T) {
	server, _ := configs(t)
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		ends := make(chan error, 1)
		addr := serve(t, rt, server, func(c stream.Conn) { ends <- c.Handshake(bound) })
		for _, garbage := range []string{
			"\x00\x00\x00\x00\x00\x00", "SSH-2.0-OpenSSH_9.9\r\n", "\x16\x03\x01\xff\xff" + strings.Repeat("x", 70000),
			"\x16\x03\x01\x00\x04\x01\xff\xff\xff", "\x80\x2e\x01\x03\x01", "\x15\x03\x01\x00\x02\x02\x28", "\x17\x03\x03\x00\x01x",
		} {
			c := dial(t, addr)
			io.WriteString(c, garbage)
			c.(*net.TCPConn).CloseWrite()
			err := await(t, ends, "the handshake")
			if _, ok := stream.Clear(err); ok || err == nil {
				t.Errorf("%.20q: %v, HTTP %v", garbage, err, ok)
			}
			io.Copy(io.Discard, c) // it is closed
		}
	})
}

// A peer whose bytes come one by one is served like any other, its handshake too.
func TestBytesThatComeOneByOne(t *testing.T) {
	server, client := configs(t)
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		ends := make(chan error, 1)
		addr := serve(t, rt, server, echoes(t, ends))
		c := tls.Client(drip{dial(t, addr)}, client)
		exchange(t, c, []byte("drop by drop"))
		c.CloseWrite()
		wantIs(t, "the end", await(t, ends, "the end"), io.EOF)
	})
}

// drip writes byte by byte.
type drip struct{ net.Conn }

// Write writes each byte by itself.
func (d drip) Write(p []byte) (int, error) {
	for i := range p {
		if _, err := d.Conn.Write(p[i : i+1]); err != nil {
			return i, err
		}
	}
	return len(p), nil
}

// What came with a PROXY header is the beginning of TLS.
func TestServerBehindAHeader(t *testing.T) {
	server, client := configs(t)
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		ln, err := rt.Listen("tcp", "127.0.0.1:0", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		done := make(chan struct{})
		go ln.Serve(func(u *unio.Conn) {
			defer close(done)
			b, err := u.Recv()
			if err != nil {
				t.Error(err)
				return
			}
			stream.Serve(u, server, func(c stream.Conn) {
				c.Unread(b)
				if b, err := c.Recv(); err != nil || c.Send(b) != nil {
					t.Errorf("the echo: %v", err)
				}
			})
		})
		exchange(t, tls.Client(dial(t, ln.Addr().String()), client), []byte("behind"))
		await(t, done, "the handler")
	})
}

const clearAnswer = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 3\r\n\r\nno\n"

// answersInClear is what the gate does with who speaks HTTP to its TLS.
func answersInClear(t testing.TB, rt *unio.Runtime) func(stream.Conn) {
	return func(c stream.Conn) {
		err := c.Handshake(bound)
		clear, ok := stream.Clear(err)
		if !ok {
			t.Errorf("the handshake: %v", err)
			return
		}
		b, _ := rt.Alloc(context.Background(), len(clearAnswer))
		copy(b.Bytes(), clearAnswer)
		clear.SetWriteDeadline(time.Now().Add(bound))
		clear.SetReadDeadline(time.Now().Add(bound))
		wantIs(t, "Send", clear.Send(b), nil)
		clear.CloseWrite()
		for {
			b, err := clear.Recv()
			if err != nil {
				return
			}
			b.Release()
		}
	}
}

func TestPlainHTTPOnATLSPort(t *testing.T) {
	server, _ := configs(t)
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		addr := serve(t, rt, server, answersInClear(t, rt))
		for _, request := range []string{"GET / HTTP/1.1\r\n\r\n", "PUT /x HTTP/1.1\r\n\r\n", "DELETE /x HTTP/1.1\r\n\r\n", "PRI * HTTP/2.0\r\n\r\n"} {
			c := dial(t, addr)
			io.WriteString(c, request)
			c.(*net.TCPConn).CloseWrite()
			if got, err := io.ReadAll(c); string(got) != clearAnswer || err != nil {
				t.Errorf("%q: %q, %v", request, got, err)
			}
		}
	})
}

// slowSigner is a key that signs when the test lets it.
type slowSigner struct {
	crypto.Signer
	entered chan struct{}
	leave   chan struct{}
}

// Sign waits and signs.
func (s *slowSigner) Sign(r io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	s.entered <- struct{}{}
	<-s.leave
	return s.Signer.Sign(r, digest, opts)
}

// Signing never holds a loop, and a session that is resumed does not sign.
func TestSlowSignerDoesNotHoldTheLoop(t *testing.T) {
	a := certtest.New(t)
	cert := a.ECDSA(t, name).TLS(t)
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		signer := &slowSigner{cert.PrivateKey.(crypto.Signer), make(chan struct{}, 10), make(chan struct{})}
		slow := cert
		slow.PrivateKey = signer
		addr := serve(t, rt, &tls.Config{Certificates: []tls.Certificate{slow}}, echoes(t, nil))
		other := dial(t, serve(t, rt, nil, echoes(t, nil)))
		client := &tls.Config{RootCAs: a.Pool, ServerName: name, ClientSessionCache: tls.NewLRUClientSessionCache(1)}
		c := tls.Client(dial(t, addr), client)
		done := make(chan error, 1)
		go func() { done <- c.Handshake() }()
		await(t, signer.entered, "the signer")
		for range 100 {
			exchange(t, other, []byte("meanwhile"))
		}
		close(signer.leave)
		wantIs(t, "the handshake", await(t, done, "the handshake"), nil)
		exchange(t, c, []byte("ticket"))
		c = dialTLS(t, addr, client).(*tls.Conn)
		exchange(t, c, []byte("again"))
		if !c.ConnectionState().DidResume || len(signer.entered) > 0 {
			t.Errorf("resumed %v, signatures %d", c.ConnectionState().DidResume, len(signer.entered))
		}
	})
}

// An idle connection holds no buffer of the pool, and a response that waits to be read holds what it needs.
func TestIdleConnectionsHoldNoBuffers(t *testing.T) {
	both(t, func(t *testing.T, rt *unio.Runtime, server, client *tls.Config) {
		addr := serve(t, rt, server, echoes(t, nil))
		const conns = 50
		for range conns {
			exchange(t, dialTLS(t, addr, client), make([]byte, 10_000))
		}
		for end := time.Now().Add(bound); rt.Pool().Stats().Buffers >= conns/2; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%d idle connections hold %d buffers", conns, rt.Pool().Stats().Buffers)
			}
		}
	})
}

// A small record does not hold a buffer for a large one.
func TestSmallRecordsHaveSmallBuffers(t *testing.T) {
	server, client := configs(t)
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		room := make(chan int, 1)
		addr := serve(t, rt, server, shaken(t, func(c stream.Conn) {
			for {
				b, err := c.Recv()
				if err != nil {
					return
				}
				room <- b.Cap()
				b.Release()
			}
		}))
		c := dialTLS(t, addr, client)
		for _, n := range []int{1, 128, 1000, 128} {
			c.Write(make([]byte, n))
			if got := await(t, room, "a record"); got > mem.PageBytes {
				t.Errorf("a record of %d bytes has a buffer of %d", n, got)
			}
		}
	})
}

// A client that asks for a new handshake within the connection is refused (RFC 8446 4.1.2, and for TLS 1.2 as a policy).
func TestRenegotiationIsRefused(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("lacks: openssl")
	}
	server, _ := configs(t)
	server.MaxVersion = tls.VersionTLS12
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		ends := make(chan error, 1)
		addr := serve(t, rt, server, echoes(t, ends))
		ctx, cancel := context.WithTimeout(context.Background(), bound)
		defer cancel()
		cmd := exec.CommandContext(ctx, openssl, "s_client", "-connect", addr, "-tls1_2")
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		io.WriteString(in, "R\n")
		err = await(t, ends, "the end of the connection")
		if err == nil || err == io.EOF || !strings.Contains(err.Error(), "unexpected") {
			t.Errorf("a client that renegotiates: %v", err)
		}
		in.Close()
		cmd.Wait()
		if !strings.Contains(out.String(), "RENEGOTIATING") {
			t.Errorf("openssl did not try: %s", &out)
		}
	})
}

// curl sees the echo's answer in clear, or what TLS is.
func TestCurlOnATLSPort(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("lacks: curl")
	}
	server, _ := configs(t)
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		addr := serve(t, rt, server, answersInClear(t, rt))
		ctx, cancel := context.WithTimeout(context.Background(), bound)
		defer cancel()
		out, err := exec.CommandContext(ctx, curl, "-s", "--noproxy", "*", "-w", "%{http_code}", "http://"+addr+"/").CombinedOutput()
		if string(out) != "no\n400" || err != nil {
			t.Errorf("curl: %q, %v", out, err)
		}
	})
}
