package uniotls_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/mem"
	"github.com/unio-go/unio/uniotest"
	"github.com/unio-go/unio/uniotls"
)

// echoAll sends back what comes, by buffers, and then the end.
func echoAll(t *testing.T) func(c *uniotls.Conn) {
	return func(c *uniotls.Conn) {
		for {
			b, err := c.Recv()
			if err == nil {
				err = c.Send(b)
			}
			if err != nil {
				wantIs(t, "an echo's end", err, io.EOF)
				c.CloseWrite()
				return
			}
		}
	}
}

func TestRecvAndSendKeepTheStream(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			each(t, func(t *testing.T, rt *unio.Runtime) {
				addr := serve(t, rt, serverConfig(), echoAll(t))
				cfg := clientConfig()
				cfg.MaxVersion = version
				c := dialTLS(t, addr, cfg)
				total := int64(scale(8<<20, 1<<20))
				go func() {
					src := noise(1)
					for left, size := total, int64(1); left > 0; size = size*3%(200<<10) + 1 {
						n := min(left, size)
						io.CopyN(struct{ io.Writer }{c}, src, n)
						left -= n
					}
					c.CloseWrite()
				}()
				wantNoise(t, c, 1, total)
			})
		})
	}
}

// wantNoise reads to the end and wants the first bytes of a noise.
func wantNoise(t *testing.T, r io.Reader, seed byte, total int64) {
	t.Helper()
	got, err := io.ReadAll(r)
	want := make([]byte, total)
	io.ReadFull(noise(seed), want)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes came, want %d, the same: %v; %v", len(got), total, bytes.Equal(got, want), err)
	}
}

// sized gives buffers with the next bytes of a noise.
func sized(t testing.TB, rt *unio.Runtime, src io.Reader, sizes ...int) (bufs []*mem.Buf) {
	for _, n := range sizes {
		b, err := rt.Alloc(context.Background(), max(n, 1))
		if err != nil {
			t.Error(err)
			return nil
		}
		b.SetLen(n)
		io.ReadFull(src, b.Bytes())
		bufs = append(bufs, b)
	}
	return bufs
}

func TestSendGathersBuffers(t *testing.T) {
	cases := [][]int{
		{200, 128}, {0, 5, 0}, {300, 40 << 10}, {16 << 10, 16 << 10}, {20 << 10, 1, 32 << 10, 7}, {1, 16<<10 - 1, 16 << 10}, {},
	}
	each(t, func(t *testing.T, rt *unio.Runtime) {
		for _, sizes := range cases {
			total := int64(0)
			for _, n := range sizes {
				total += int64(n)
			}
			addr := serve(t, rt, serverConfig(), func(c *uniotls.Conn) {
				if err := c.Send(sized(t, rt, noise(2), sizes...)...); err != nil {
					t.Error(err)
				}
			})
			wantNoise(t, dialTLS(t, addr, clientConfig()), 2, total)
		}
	})
}

// A head and a small body are one record, so that they cost one seal and the peer gets them at once.
func TestSmallBuffersShareARecord(t *testing.T) {
	each(t, func(t *testing.T, rt *unio.Runtime) {
		sent := make(chan struct{})
		addr := serve(t, rt, serverConfig(), func(c *uniotls.Conn) {
			io.ReadFull(c, make([]byte, 1))
			c.Send(sized(t, rt, noise(2), 200, 128)...)
			io.ReadFull(c, make([]byte, 1))
		})
		c, r := openTLS12(t, addr)
		before := r.count()
		c.Write([]byte{1})
		io.ReadFull(c, make([]byte, 328))
		if n := r.count() - before; n != 1 {
			t.Errorf("two buffers came in %d records", n)
		}
		close(sent)
	})
}

// count is how many records have been received.
func (r *recorder) count() (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for p := r.got; len(p) >= 5; n++ {
		p = p[min(5+int(p[3])<<8+int(p[4]), len(p)):]
	}
	return n
}

// The failure: a stream that somebody cuts between two records looks like one that has ended, and so does a body whose
// length is told by its end.
func TestRecvTellsACutStreamFromOneThatHasEnded(t *testing.T) {
	cut := map[string]struct {
		end  func(c *tls.Conn, below net.Conn)
		want error
	}{
		"ended":                {func(c *tls.Conn, _ net.Conn) { c.CloseWrite() }, io.EOF},
		"ended and closed":     {func(c *tls.Conn, _ net.Conn) { c.Close() }, io.EOF},
		"cut between records":  {func(_ *tls.Conn, p net.Conn) { p.(*net.TCPConn).CloseWrite() }, io.ErrUnexpectedEOF},
		"cut within a header":  {func(_ *tls.Conn, p net.Conn) { p.Write([]byte{23, 3, 3}); p.Close() }, io.ErrUnexpectedEOF},
		"cut within a payload": {func(_ *tls.Conn, p net.Conn) { p.Write([]byte{23, 3, 3, 0, 99, 1}); p.Close() }, io.ErrUnexpectedEOF},
	}
	each(t, func(t *testing.T, rt *unio.Runtime) {
		for name, c := range cut {
			result := make(chan error, 2)
			addr := serve(t, rt, serverConfig(), func(c *uniotls.Conn) {
				for range 2 { // the end stays
					b, err := c.Recv()
					for ; err == nil; b, err = c.Recv() {
						b.Release()
					}
					result <- err
				}
			})
			p := dialPlain(t, addr)
			client := tls.Client(p, clientConfig())
			client.Write([]byte("the beginning"))
			c.end(client, p)
			for range 2 {
				if err := await(t, result, "the end"); err != c.want {
					t.Errorf("%s: %v, want %v", name, err, c.want)
				}
			}
		}
	})
}

func TestReadAndRecvShareAStream(t *testing.T) {
	each(t, func(t *testing.T, rt *unio.Runtime) {
		result := make(chan string, 3)
		addr := serve(t, rt, serverConfig(), func(c *uniotls.Conn) {
			p := make([]byte, 4)
			n, _ := c.Read(p)
			result <- string(p[:n])
			b, err := c.Recv()
			if err != nil {
				t.Error(err)
				return
			}
			result <- string(b.Bytes())
			b.Release()
			// What Await has opened is Read's too.
			c.Await(bound, func(c *uniotls.Conn, err error) {
				n, _ := c.Read(p)
				m, _ := c.Read(p[n:])
				result <- string(p[:n+m])
			})
		})
		c := dialTLS(t, addr, clientConfig())
		io.WriteString(c, "headbody")
		for _, want := range []string{"head", "body"} {
			if got := await(t, result, "a piece"); got != want {
				t.Errorf("%q, want %q", got, want)
			}
		}
		io.WriteString(c, "to")
		io.WriteString(c, "il")
		if got := await(t, result, "a piece"); got != "toil" {
			t.Errorf("%q", got)
		}
	})
}

// A large record of which a small Read has taken the beginning is no more than what Recv gives next, then the end.
func TestRecvAfterAReadOfHalfARecord(t *testing.T) {
	each(t, func(t *testing.T, rt *unio.Runtime) {
		got := make(chan []byte, 1)
		addr := serve(t, rt, serverConfig(), func(c *uniotls.Conn) {
			p := make([]byte, 1)
			c.Read(p)
			for {
				b, err := c.Recv()
				if err != nil {
					got <- p
					return
				}
				p = append(p, b.Bytes()...)
				b.Release()
			}
		})
		cfg := clientConfig()
		cfg.DynamicRecordSizingDisabled = true
		c := dialTLS(t, addr, cfg)
		io.CopyN(struct{ io.Writer }{c}, noise(4), 40<<10)
		c.Close()
		wantNoise(t, bytes.NewReader(await(t, got, "the stream")), 4, 40<<10)
	})
}

func TestAbortDoesNotTellThatTheStreamIsComplete(t *testing.T) {
	each(t, func(t *testing.T, rt *unio.Runtime) {
		addr := serve(t, rt, serverConfig(), func(c *uniotls.Conn) {
			c.Write([]byte("begun"))
			wantIs(t, "Abort", c.Abort(), nil)
			wantIs(t, "a second Abort", c.Abort(), net.ErrClosed)
			wantIs(t, "Close", c.Close(), net.ErrClosed)
			_, err := c.Recv()
			wantIs(t, "Recv", err, net.ErrClosed)
			wantIs(t, "Send", c.Send(sized(t, rt, noise(1), 1)...), net.ErrClosed)
		})
		c, r := openTLS12(t, addr)
		io.ReadAll(c)
		if r.lastRecord() == recordAlert {
			t.Error("the peer was told that the stream is complete")
		}
	})
}

// What a closed connection has received and nobody has read goes back to the pool: the runtime of the test looks.
func TestUnreadBytesAreGivenUp(t *testing.T) {
	each(t, func(t *testing.T, rt *unio.Runtime) {
		addr := serve(t, rt, serverConfig(), func(c *uniotls.Conn) {
			if _, err := c.Read(make([]byte, 1)); err != nil {
				t.Error(err)
			}
		})
		for range 10 {
			c := dialTLS(t, addr, clientConfig())
			io.CopyN(struct{ io.Writer }{c}, noise(1), 100<<10)
			io.Copy(io.Discard, c)
			c.Close()
		}
	})
}

func TestBytesBehindAFailedHandshakeAreGivenUp(t *testing.T) {
	each(t, func(t *testing.T, rt *unio.Runtime) {
		result := make(chan error, 1)
		addr := serve(t, rt, serverConfig(), func(c *uniotls.Conn) { result <- c.Handshake() })
		p := dialPlain(t, addr)
		p.Write(append([]byte("GET / HTTP/1.1\r\n\r\n"), make([]byte, 20<<10)...))
		var bad tls.RecordHeaderError
		if err := await(t, result, "the handshake"); !errors.As(err, &bad) {
			t.Errorf("%v", err)
		}
		io.Copy(io.Discard, p)
	})
}

// A header in front of TLS (as PROXY is one) is read from the connection below, and with it may come what follows.
func TestTLSBehindAHeader(t *testing.T) {
	const header = "header\n"
	each(t, func(t *testing.T, rt *unio.Runtime) {
		ln := listen(t, rt)
		go ln.Serve(func(u *unio.Conn) {
			b, err := u.Recv()
			if err != nil || b.Len() < len(header) {
				t.Errorf("the header: %v", err)
				return
			}
			rest := b.Slice(len(header), b.Len())
			b.Release()
			uniotls.Serve(u, serverConfig(), func(c *uniotls.Conn) {
				c.Unread(rest)
				echo(c)
			})
		})
		for _, apart := range []bool{false, true} {
			p := dialPlain(t, ln.Addr())
			h := &behindHeader{Conn: p, header: header}
			if apart {
				io.WriteString(p, header)
				h.header = ""
			}
			exchange(t, tls.Client(h, clientConfig()))
		}
		// Nobody reads what was put back.
		p := dialPlain(t, ln.Addr())
		io.WriteString(p, header+"no TLS at all")
		io.Copy(io.Discard, p)
	})
}

func TestWhatWasPutBackIsGivenUp(t *testing.T) {
	each(t, func(t *testing.T, rt *unio.Runtime) {
		ln := listen(t, rt)
		done := make(chan struct{})
		go ln.Serve(func(u *unio.Conn) {
			defer close(done)
			uniotls.Server(u, serverConfig()).Unread(sized(t, rt, noise(1), 0)[0])
			c := uniotls.Server(u, serverConfig())
			c.Unread(sized(t, rt, noise(1), 100)[0])
			c.Close()
		})
		dialPlain(t, ln.Addr())
		await(t, done, "the handler")
	})
}

// behindHeader puts a header before the first write.
type behindHeader struct {
	net.Conn
	header string
}

// Write writes the header first.
func (h *behindHeader) Write(p []byte) (int, error) {
	n, err := h.Conn.Write(append([]byte(h.header), p...))
	n = max(n-len(h.header), 0)
	h.header = ""
	return n, err
}

// drain takes all that a pool has, and what others give back in the next moments.
func drain(rt *unio.Runtime) (hold []*mem.Buf) {
	for before := -1; len(hold) > before; unio.Sleep(10 * time.Millisecond) {
		before = len(hold)
		for n := rt.Pool().MaxLen(); n > 0; n /= 2 {
			for b, ok := rt.Pool().TryGet(n); ok; b, ok = rt.Pool().TryGet(n) {
				hold = append(hold, b)
			}
		}
	}
	return hold
}

// exhaust is drain, and takes what comes back until release, too: as many pages as stand in line before whoever waits from now on.
func exhaust(rt *unio.Runtime) (release func()) {
	var mu sync.Mutex
	hold, ended := drain(rt), false
	keep := func(b *mem.Buf) {
		mu.Lock()
		late := ended
		if !late {
			hold = append(hold, b)
		}
		mu.Unlock()
		if late {
			b.Release()
		}
	}
	var cancels []func()
	for range 64 {
		cancels = append(cancels, rt.Pool().Request(mem.PageBytes, keep))
	}
	return func() {
		for _, cancel := range cancels {
			cancel()
		}
		mu.Lock()
		ended = true
		mu.Unlock()
		for _, b := range hold {
			b.Release()
		}
	}
}

// The failure: Recv has a record, waits for a buffer to open it into, and nothing but a buffer ended that.
func TestRecvThatWaitsForABufferEnds(t *testing.T) {
	for _, by := range []struct {
		name  string
		ahead func(c *uniotls.Conn) // before Recv
		end   func(c *uniotls.Conn) // meanwhile
		want  error
	}{
		{"deadline", func(c *uniotls.Conn) { c.SetReadDeadline(time.Now().Add(30 * time.Millisecond)) }, nil, os.ErrDeadlineExceeded},
		{"later deadline", nil, func(c *uniotls.Conn) { c.SetReadDeadline(time.Now()) }, os.ErrDeadlineExceeded},
		{"moved deadline", func(c *uniotls.Conn) { c.SetDeadline(time.Now().Add(time.Hour)) },
			func(c *uniotls.Conn) { c.SetDeadline(time.Now().Add(time.Millisecond)) }, os.ErrDeadlineExceeded},
		{"Close", nil, func(c *uniotls.Conn) { c.Close() }, net.ErrClosed},
		{"Abort", func(c *uniotls.Conn) { c.SetDeadline(time.Now().Add(time.Hour)) }, func(c *uniotls.Conn) { c.Abort() }, net.ErrClosed},
	} {
		for _, task := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/task=%v", by.name, task), func(t *testing.T) {
				uniotest.EachEngineWith(t, &unio.Options{Loops: 1, BufBytes: 8 << 20}, func(t *testing.T, rt *unio.Runtime) {
					ln := listen(t, rt)
					conns, drained, ended := make(chan *uniotls.Conn, 1), make(chan struct{}), make(chan struct{})
					body := func(u *unio.Conn) {
						defer close(ended)
						c := uniotls.Server(u, serverConfig())
						defer c.Close()
						conns <- c
						recvWithoutBuffers(t, rt, c, drained, by.ahead, by.want)
					}
					if task {
						go ln.Serve(body)
					} else {
						go func() {
							if u, err := ln.AcceptConn(); err == nil {
								body(u)
							}
						}()
					}
					k := &corked{Conn: dialPlain(t, ln.Addr())}
					p := tls.Client(k, clientConfig())
					if err := p.Handshake(); err != nil {
						t.Fatal(err)
					}
					k.cork = true
					io.WriteString(p, "one")
					p.Write(make([]byte, 10000))
					k.Conn.Write(k.held)
					await(t, drained, "the first record")
					if by.end != nil {
						time.Sleep(20 * time.Millisecond)
						by.end(await(t, conns, "the connection"))
					}
					await(t, ended, "Recv")
				})
			})
		}
	}
}

// recvWithoutBuffers receives a record, and then another that has come with it, for which there is no buffer.
func recvWithoutBuffers(
	t *testing.T, rt *unio.Runtime, c *uniotls.Conn, drained chan struct{}, ahead func(c *uniotls.Conn), want error,
) {
	b, err := c.Recv()
	if err != nil {
		t.Error(err)
		return
	}
	b.Release()
	release := exhaust(rt)
	if ahead != nil {
		ahead(c)
	}
	close(drained)
	b, err = c.Recv()
	wantIs(t, "Recv", err, want)
	if err == nil {
		b.Release()
	}
	release()
	if want != os.ErrDeadlineExceeded {
		return
	}
	c.SetReadDeadline(time.Time{})
	if b, err = c.Recv(); err != nil {
		t.Errorf("Recv with buffers, after a deadline: %v", err)
		return
	}
	b.Release()
}

// The failure: connections that had received held the memory in which records had come, and waited for more to open them into:
// with nothing left in the pool they waited for each other for good.
func TestConnectionsThatWaitForBuffersGoOn(t *testing.T) {
	clients, bytes := scale(200, 50), 1<<20
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1, BufBytes: 4 << 20}, func(t *testing.T, rt *unio.Runtime) {
		addr := serve(t, rt, serverConfig(), func(c *uniotls.Conn) {
			c.SetDeadline(time.Now().Add(bound))
			n := 0
			for n < bytes {
				b, err := c.Recv()
				if err != nil {
					t.Errorf("after %d bytes: %v", n, err)
					c.Abort()
					return
				}
				n += b.Len()
				b.Release()
			}
		})
		conns := make([]*tls.Conn, clients)
		for i := range conns {
			conns[i] = dialTLS(t, addr, clientConfig())
		}
		var all sync.WaitGroup
		for _, c := range conns {
			all.Go(func() {
				c.Write(make([]byte, bytes))
				io.Copy(io.Discard, c)
			})
		}
		all.Wait()
	})
}

// corked keeps what is written.
type corked struct {
	net.Conn
	cork bool
	held []byte
}

// Write writes, or keeps.
func (k *corked) Write(p []byte) (int, error) {
	if !k.cork {
		return k.Conn.Write(p)
	}
	k.held = append(k.held, p...)
	return len(p), nil
}
