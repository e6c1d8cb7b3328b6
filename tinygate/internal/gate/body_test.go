package gate_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/tinygate/internal/certs/certtest"
	"github.com/unio-go/unio/tinygate/internal/cluster"
	"github.com/unio-go/unio/tinygate/internal/config"
	"github.com/unio-go/unio/uniotest"
)

// echo is an upstream that answers with the request's body, raw as it came.
var echo = script(func(t *testing.T, c *peer, _ int) {
	for {
		m, err := c.request()
		if err != nil {
			return
		}
		_, body, _ := strings.Cut(m, "\r\n\r\n")
		if value(m, "Transfer-Encoding") != "" {
			body = unchunk(body)
		}
		c.send(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body))
	}
})

func TestPipelinedRequests(t *testing.T) {
	eachEngine(t, setup{}, func(w *world) {
		c := w.dial()
		var all strings.Builder
		for i := range 50 {
			body := strings.Repeat(string(rune('a'+i%26)), i*300)
			if i%2 == 0 {
				fmt.Fprintf(&all, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
			} else {
				fmt.Fprintf(&all, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(body), body)
			}
		}
		go c.send(all.String())
		for i := range 50 {
			want := strings.Repeat(string(rune('a'+i%26)), i*300)
			if m := c.wantStatus("200"); !strings.HasSuffix(m, "\r\n\r\n"+want) {
				w.Fatalf("response %d: %.200q", i, m)
			}
		}
		if n := w.g.Opened(); n != 1 {
			w.Errorf("%d upstream connections", n)
		}
	}, echo)
}

func TestByteByByte(t *testing.T) {
	eachEngine(t, setup{}, func(w *world) {
		c := w.dial()
		c.Conn.(*net.TCPConn).SetNoDelay(true)
		for _, b := range "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n2\r\nde\r\n0\r\nT: x\r\n\r\n" {
			c.send(string(b))
			time.Sleep(50 * time.Microsecond)
		}
		if m := c.wantStatus("200"); !strings.HasSuffix(m, "\r\n\r\nabcde") {
			w.Errorf("%q", m)
		}
	}, echo)
}

func TestContinue(t *testing.T) {
	up := script(func(t *testing.T, c *peer, _ int) {
		for {
			head, err := c.head()
			if err != nil {
				return
			}
			if value(head, "Expect") == "" {
				t.Errorf("no Expect in %q", head)
			}
			if strings.HasPrefix(head, "POST /no") {
				c.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
				io.Copy(io.Discard, c)
				return
			}
			c.send("HTTP/1.1 100 Continue\r\n\r\n")
			b := make([]byte, 5)
			io.ReadFull(c.r, b)
			c.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" + string(b))
		}
	})
	eachEngine(t, setup{}, func(w *world) {
		c := w.dial()
		c.send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
		c.wantStatus("100")
		c.send("hello")
		if m := c.wantStatus("200"); !strings.HasSuffix(m, "hello") {
			w.Errorf("%q", m)
		}
		c = w.dial()
		c.send("POST /no HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
		if m := c.wantStatus("403"); value(m, "Connection") != "close" {
			w.Errorf("%q", m)
		}
		c.wantEnd()
	}, up)
}

// An upstream that answers before it has read the body, and goes on or closes. The client sends on and
// gets the answer.
func TestEarlyResponse(t *testing.T) {
	for _, end := range []string{"closes", "stops", "reads on"} {
		t.Run(end, func(t *testing.T) {
			answered := make(chan struct{}, 1) // until then nobody reads on, or all might be sent before the answer has come
			up := script(func(t *testing.T, c *peer, _ int) {
				c.head()
				c.send("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
				switch end {
				case "stops":
					c.Conn.(*net.TCPConn).CloseWrite()
					time.Sleep(short)
				case "reads on":
					<-answered
					io.Copy(io.Discard, c.r)
				}
			})
			eachEngine(t, setup{}, func(w *world) {
				c := w.dial()
				const size = 8 << 20
				c.send(fmt.Sprintf("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n", size))
				sent := make(chan struct{})
				go func() {
					defer close(sent)
					c.send(strings.Repeat("x", size))
				}()
				if m := c.wantStatus("413"); value(m, "Connection") != "close" || !strings.HasSuffix(m, "no") {
					w.Errorf("%q", m)
				}
				if end == "reads on" {
					answered <- struct{}{}
				}
				c.wantEnd()
				c.Close()
				<-sent
			}, up)
		})
	}
}

// A response that has begun goes on to its end however the upload beside it ends. Only one that has all been sent leaves both
// connections in step.
func TestResponseOutlastsTheUpload(t *testing.T) {
	const pieces, pause = 8, 4 * short // less than the limit for a piece, and more than the wait before a look at the client
	up := script(func(t *testing.T, c *peer, _ int) {
		var reading sync.WaitGroup
		read := func() { io.Copy(io.Discard, c.r) } // to the end of the connection
		head, _ := c.head()
		unread := strings.HasPrefix(head, "POST /unread ")
		if !unread {
			reading.Go(read)
		}
		c.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
		for range pieces {
			c.send("5\r\nhello\r\n")
			time.Sleep(pause)
		}
		c.send("0\r\n\r\n")
		if unread {
			read()
		}
		reading.Wait()
	})
	uploads := []struct {
		path string
		end  func(c *peer)
	}{
		{"/whole", func(c *peer) { c.send("0\r\n\r\n") }},
		{"/paused", func(c *peer) {}},
		{"/ended", func(c *peer) { c.CloseWriteHalf() }},
		{"/malformed", func(c *peer) { c.send("xyz\r\n") }},
		{"/unread", func(c *peer) {
			go func() {
				for err := c.send("4000000\r\n"); err == nil; err = c.send(block) { // for ever, since nobody reads it
				}
			}()
		}},
	}
	eachEngineAtOnce(t, setup{Times: config.Times{Body: 3 * pause}}, func(w *world) {
		var all sync.WaitGroup
		for _, u := range uploads {
			c := w.dial()
			all.Go(func() {
				c.send("POST " + u.path + " HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
				head, _ := c.head()
				u.end(c)
				body, err := c.chunked()
				if value(head, "Connection") != "close" || unchunk(body) != strings.Repeat("hello", pieces) || err != nil {
					w.Errorf("%s: %q %q, %v", u.path, head, body, err)
				}
				c.wantEnd()
				c.Close()
			})
		}
		all.Wait()
		w.eventually("the end of all", func() bool { n := w.g.Connections(); return n.Requests == 0 && n.Clients == 0 })
		if s := w.g.Servers()[0]; s.Connections != 1 || s.Outcomes[cluster.OK] != uint64(len(uploads)) {
			w.Errorf("%+v", s)
		}
	}, up)
}

// A response that stops is cut off after the limit for a piece, also when the client has sent its body behind the first piece.
func TestResponseStopsBesideTheUpload(t *testing.T) {
	const limit = 10 * short
	up := script(func(t *testing.T, c *peer, _ int) {
		c.head()
		c.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
		io.Copy(io.Discard, c.r)
	})
	eachEngineAtOnce(t, setup{Times: config.Times{Body: limit}}, func(w *world) {
		for _, expect := range []string{"", "Expect: 100-continue\r\n"} {
			c, began := w.dial(), time.Now()
			c.send("POST / HTTP/1.1\r\nHost: h\r\n" + expect + "Content-Length: 5\r\n\r\n")
			c.head()
			c.send("hello")
			if got, err := io.ReadAll(c.r); string(got) != "abc" || err != nil {
				w.Errorf("%q, %v", got, err)
			}
			w.within(began, limit)
		}
		w.eventually("the outcome", func() bool { return w.g.Servers()[0].Outcomes[cluster.Timeout] == 2 })
	}, up)
}

// A body that goes wrong ends the request: 400 for what is malformed, and the upstream sees no complete
// request.
func TestBrokenUpload(t *testing.T) {
	for _, tc := range []struct{ name, sent, status string }{
		{"bad chunk size", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nxyz\r\n", "400"},
		{"bad chunk end", "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n", "400"},
		{"half a length", "Content-Length: 10000\r\n\r\nabc", "400"},
		{"half a chunk", "Transfer-Encoding: chunked\r\n\r\n9\r\nabc", "400"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := make(chan error, 10)
			up := script(func(t *testing.T, c *peer, _ int) {
				_, err := c.request()
				got <- err
			})
			eachEngine(t, setup{}, func(w *world) {
				c := w.dial()
				c.send("POST / HTTP/1.1\r\nHost: h\r\n" + tc.sent)
				c.Conn.(*net.TCPConn).CloseWrite()
				c.wantStatus(tc.status)
				c.wantEnd()
				if err := await(w, got, "the end of the request at the server"); err == nil {
					w.Error("the upstream has got a complete request")
				}
			}, up)
		})
	}
}

// A client that goes away in the middle of its upload takes the request with it.
func TestClientGoneInUpload(t *testing.T) {
	got := make(chan error, 10)
	up := script(func(t *testing.T, c *peer, _ int) {
		_, err := c.request()
		got <- err
	})
	eachEngine(t, setup{}, func(w *world) {
		c := w.dial()
		c.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10000\r\n\r\nabc")
		w.eventually("the upstream", func() bool { return w.g.Opened() == 1 })
		c.Conn.(*net.TCPConn).SetLinger(0)
		c.Close()
		if err := await(w, got, "the end of the request at the server"); err == nil {
			w.Error("the upstream has got a complete request")
		}
	}, up)
}

// So it does when the response has begun, which nobody can get any more.
func TestClientGoneInUploadAndResponse(t *testing.T) {
	left := make(chan struct{}, 1)
	up := script(func(t *testing.T, c *peer, _ int) {
		c.head()
		c.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
		io.Copy(io.Discard, c.r)
		left <- struct{}{}
	})
	eachEngine(t, setup{}, func(w *world) {
		c := w.dial()
		c.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10000\r\n\r\nabc")
		c.head()
		c.reset()
		await(w, left, "the end of the request at the server")
	}, up)
}

func TestStalePooledConnection(t *testing.T) {
	// Each connection answers once, and is closed when the next request arrives on it.
	up := script(func(t *testing.T, c *peer, _ int) {
		if _, err := c.request(); err == nil {
			c.send(ok)
			c.request()
		}
	})
	eachEngine(t, setup{}, func(w *world) {
		c := w.dial()
		for range 3 {
			c.send(getRoot)
			c.wantStatus("200")
		}
		if n := w.g.Opened(); n != 3 {
			w.Errorf("%d upstream connections, want one for each request", n)
		}
		c.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\na")
		c.wantStatus("502")
		c.send("PATCH / HTTP/1.1\r\nHost: h\r\n\r\n")
		c.wantStatus("200") // on a new connection, as the stale one is gone
		c.send("PATCH / HTTP/1.1\r\nHost: h\r\n\r\n")
		c.wantStatus("502")
	}, up)
}

// A request is repeated once, not until somebody answers.
func TestStaleOnlyOnce(t *testing.T) {
	up := script(func(t *testing.T, c *peer, n int) {
		if _, err := c.request(); err == nil && n == 1 {
			c.send(ok)
			c.request()
		}
	})
	eachEngine(t, setup{}, func(w *world) {
		c := w.dial()
		c.send(getRoot)
		c.wantStatus("200")
		c.send(getRoot)
		c.wantStatus("502")
		if n := w.g.Opened(); n != 2 {
			w.Errorf("%d upstream connections", n)
		}
	}, up)
}

// A pooled connection that its upstream closes is noticed, without a request that has to find out.
func TestPooledConnectionIsClosedByTheUpstream(t *testing.T) {
	closed := make(chan struct{}, 10)
	up := script(func(t *testing.T, c *peer, _ int) {
		if _, err := c.request(); err == nil {
			c.send(ok)
		}
		c.Close()
		closed <- struct{}{}
	})
	eachEngine(t, setup{}, func(w *world) {
		c := w.dial()
		for range 3 {
			c.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n")
			c.wantStatus("200")
			await(w, closed, "the end of the connection at the server")
			w.eventually("the end of the pooled connection", func() bool { return w.rt.Stats().Conns == 1 })
		}
	}, up)
}

// A server may change to a protocol that the client has named, in any case, and to no other.
func TestChangeToAProtocolThatWasNotAsked(t *testing.T) {
	for _, tc := range []struct{ asked, answer, status string }{
		{"websocket", "Upgrade: WebSocket\r\n", "101"},
		{"foo/2, websocket", "Upgrade: foo/2\r\n", "101"},
		{"websocket", "", "101"},
		{"websocket", "Upgrade: foo\r\n", "502"},
		{"websocket", "Upgrade: websocket, foo\r\n", "502"},
		{"websocket", "Upgrade: websocket\r\nUpgrade: foo\r\n", "502"},
	} {
		up := script(func(t *testing.T, c *peer, _ int) {
			c.head()
			c.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n" + tc.answer + "\r\n")
			io.Copy(io.Discard, c)
		})
		eachEngine(t, setup{}, func(w *world) {
			c := w.dial()
			c.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: " + tc.asked + "\r\n\r\n")
			c.wantStatus(tc.status)
			c.Close()
			if tc.status == "502" {
				w.wantLog("101 for a protocol that the request does not name")
			}
		}, up)
	}
}

func TestWebSocketTunnel(t *testing.T) {
	up := script(func(t *testing.T, c *peer, _ int) {
		c.head()
		c.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nfirst")
		io.Copy(c, c.r)    // until the client's half ends
		c.send("and last") // the other half is still open
	})
	eachEngine(t, setup{}, func(w *world) {
		c := w.dial()
		c.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nearly")
		m := c.wantStatus("101")
		if value(m, "Upgrade") != "websocket" || !strings.EqualFold(value(m, "Connection"), "upgrade") {
			w.Errorf("%q", m)
		}
		c.send("late")
		c.Conn.(*net.TCPConn).CloseWrite()
		if got, err := io.ReadAll(c.r); string(got) != "firstearlylateand last" || err != nil {
			w.Errorf("%q, %v", got, err)
		}
	}, up)
}

// Through TLS the end of a side is sent, and reaches the other one however long ago something was sent there last.
func TestTunnelEndsThroughTLS(t *testing.T) {
	cert, key := certtest.New(t).ECDSA(t, "h").Write(t, t.TempDir(), "h")
	up := script(func(t *testing.T, c *peer, _ int) {
		c.head()
		c.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
		time.Sleep(5 * short)
		c.Conn.(*net.TCPConn).CloseWrite()
		if got, err := io.ReadAll(c.r); string(got) != "late" || err != nil {
			t.Errorf("the server got %q, %v", got, err)
		}
	})
	cfg := setup{Times: config.Times{Body: short}, Change: func(cfg *config.Config) {
		cfg.Listeners[0].TLS = &config.ServerTLS{Certificates: []config.Certificate{{Cert: cert, Key: key}}, MinVersion: tls.VersionTLS12}
	}}
	eachEngineAtOnce(t, cfg, func(w *world) {
		s := tls.Client(w.dial(), &tls.Config{InsecureSkipVerify: true})
		c := newPeer(w.T, s)
		c.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
		c.wantStatus("101")
		if got, err := io.ReadAll(c.r); len(got) > 0 || err != nil {
			w.Errorf("the client got %q, %v", got, err)
		}
		c.send("late")
		s.CloseWrite()
		w.eventually("the end of the tunnel", func() bool { return w.g.Connections().Requests == 0 })
	}, up)
}

func TestTunnelIsSilent(t *testing.T) {
	const limit, dots = 10 * short, 15 // each comes long before the limit, and all of them take longer
	up := script(func(t *testing.T, c *peer, _ int) {
		c.head()
		c.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
		for range dots {
			time.Sleep(short)
			c.send(".") // one side alone keeps it up
		}
		io.Copy(io.Discard, c)
	})
	eachEngineAtOnce(t, setup{Times: config.Times{Tunnel: limit}}, func(w *world) {
		c := w.dial()
		c.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
		c.wantStatus("101")
		if got, err := io.ReadAll(c.r); len(got) != dots || err != nil {
			w.Errorf("%q, %v", got, err)
		}
	}, up)
}

// A client that asks for much and reads nothing is given up, and costs little memory meanwhile.
func TestClientNeverReads(t *testing.T) {
	up := script(func(t *testing.T, c *peer, _ int) {
		c.head()
		c.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
		block := strings.Repeat("x", 1<<20)
		for c.send(block) == nil {
		}
	})
	eachEngineAtOnce(t, setup{Times: config.Times{Body: short}}, func(w *world) {
		for range 4 {
			c := w.dial()
			c.send(getRoot)
		}
		w.eventually("an upstream connection", func() bool { return w.g.Opened() == 4 })
		w.eventually("the end", func() bool {
			if n := w.rt.Stats().BufferBytes; n > 16<<20 {
				w.Fatalf("%d bytes of buffers", n)
			}
			return w.rt.Stats().Conns == 0
		})
	}, up)
}

// The same with many small responses to pipelined requests.
func TestClientPipelinesAndNeverReads(t *testing.T) {
	reply := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n%s", strings.Repeat("x", 4000))
	eachEngine(t, setup{Times: config.Times{Body: short, Header: short}}, func(w *world) {
		c := w.dial()
		go func() {
			for c.send(strings.Repeat(getRoot, 100)) == nil {
			}
		}()
		w.eventually("a connection", func() bool { return w.rt.Stats().Conns > 1 })
		w.eventually("the end", func() bool { return w.rt.Stats().Tasks == 0 })
	}, replies(reply))
}

func TestThousandIdleClientsHaveNoTasks(t *testing.T) {
	eachEngine(t, setup{}, func(w *world) {
		all := make([]*peer, 1000)
		for i := range all {
			all[i] = w.dial()
			if i%2 == 0 {
				all[i].send(getRoot)
				all[i].wantStatus("200")
			}
		}
		w.eventually("quiet", func() bool { s := w.rt.Stats(); return s.Tasks == 0 && s.Conns > 1000 })
		if n := w.g.Opened(); n != 1 {
			w.Errorf("%d upstream connections", n)
		}
		for _, c := range all {
			c.send(getRoot)
			c.wantStatus("200")
		}
	}, replies(ok))
}

func TestDrain(t *testing.T) {
	asked, answer := make(chan struct{}, 10), make(chan struct{}, 10)
	up := script(func(t *testing.T, c *peer, _ int) {
		for {
			m, err := c.request()
			if err != nil {
				return
			}
			if strings.HasPrefix(m, "GET /slow ") {
				asked <- struct{}{}
				if !c.awaits(answer, "leave to answer") {
					return
				}
			}
			c.send(ok)
		}
	})
	eachEngine(t, setup{}, func(w *world) {
		c := w.dial()
		c.send(getRoot)
		if m := c.wantStatus("200"); value(m, "Connection") != "" {
			w.Errorf("%q", m)
		}
		c.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n")
		await(w, asked, "the request")
		w.g.Drain()
		answer <- struct{}{}
		if m := c.wantStatus("200"); value(m, "Connection") != "close" {
			w.Errorf("%q", m)
		}
		c.wantEnd()
	}, up)
}

// Requests in turn over two upstreams, each with a pool of its own; and IPv6.
func TestTwoUpstreamsInTurn(t *testing.T) {
	ln, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skip("lacks: IPv6 on the loopback interface")
	}
	ln.Close()
	six := func(t *testing.T) string {
		ln, err := net.Listen("tcp", "[::1]:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { ln.Close() })
		done := make(chan struct{})
		t.Cleanup(func() { ln.Close(); <-done })
		go func() {
			defer close(done)
			for {
				c, err := ln.Accept()
				if err != nil {
					return
				}
				p := newPeer(t, c)
				for {
					if _, err := p.request(); err != nil {
						break
					}
					p.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n6")
				}
				c.Close()
			}
		}()
		return ln.Addr().String()
	}
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		w := newWorld(t, rt, setup{}, replies("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n4"), six)
		c := w.dial()
		var got string
		for range 6 {
			c.send(getRoot)
			m := c.wantStatus("200")
			got += m[len(m)-1:]
		}
		if got != "464646" || w.g.Opened() != 2 {
			w.Errorf("%s over %d connections", got, w.g.Opened())
		}
	})
}

// A trailer brought a field back that the route sets or removes, and to those who join trailers to the head it was the
// client's, or the server's.
func TestTrailersBringNoFieldBackThatIsEdited(t *testing.T) {
	const trailer = "x-user: root\r\nX-GONE: root\r\nX-Forwarded-For: root\r\nX_Real_IP: root\r\nForwarded: for=root\r\nProxy: root\r\n" +
		"X-Request-ID: root\r\nTransfer-Encoding: root\r\nContent-Length: 1\r\nConnection: root\r\nX-Sum: 1\r\n\r\n"
	const chunks = "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n" + trailer
	seen := make(chan string, 10)
	up := script(func(t *testing.T, c *peer, _ int) {
		r, err := c.request()
		if err == nil {
			seen <- r
			c.send("HTTP/1.1 200 OK\r\nX-Gone: root\r\n" + chunks)
		}
	})
	eachEngineOf(t, func(t *testing.T) *config.Config {
		return parse(t, `
listen: 127.0.0.1:0
routes:
  - to: "%s"
    request_headers: {set: {X-User: nobody, X-Request-ID: "${request_id}"}, remove: X-Gone}
    response_headers: {set: {X-User: nobody, X-Request-ID: "${request_id}"}, remove: X-Gone}
`, up(t))
	}, func(w *world) {
		c := w.dial()
		c.send("POST / HTTP/1.1\r\nHost: h\r\nX-User: root\r\n" + chunks)
		response := c.wantStatus("200")
		for who, got := range map[string]string{"server": await(w, seen, "the request"), "client": response} {
			if strings.Contains(got, "root") || value(got, "X-User") != "nobody" || !strings.HasSuffix(got, "\r\n0\r\nX-Sum: 1\r\n\r\n") {
				w.Errorf("the %s got %q", who, got)
			}
		}
	})
}

// A client's X_User stood beside the X-User that the route sets, or in place of one that it removes, and to programs that get fields
// as variables (RFC 3875 4.1.18) it was the same field.
func TestUnderscoresBringNoFieldBackThatIsEdited(t *testing.T) {
	seen := make(chan string, 10)
	eachEngineOf(t, func(t *testing.T) *config.Config {
		return parse(t, `
listen: 127.0.0.1:0
routes:
  - to: "%s"
    request_headers: {set: {X-User: "${server_name}", X_Role: nobody, X-Request-ID: "${request_id}"}, remove: X-Is-Gone}
`, script(tellHeads(seen))(t))
	}, func(w *world) {
		c := w.dial()
		c.send("GET / HTTP/1.1\r\nHost: h\r\nX_User: root\r\nx-role: root\r\nX_REQUEST-id: root\r\nX-Is_Gone: root\r\nX_Other: kept\r\n\r\n")
		c.wantStatus("200")
		got := await(w, seen, "the request")
		if strings.Contains(got, "root") || value(got, "X_Role") != "nobody" || value(got, "X_Other") != "kept" {
			w.Errorf("the server got %q", got)
		}
	})
}
