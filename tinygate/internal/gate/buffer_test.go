package gate_test

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/tinygate/internal/config"
	"github.com/unio-go/unio/uniotest"
)

// bufferRequests has the gate hold requests back.
func bufferRequests(bytes int) func(*config.Config) {
	return func(cfg *config.Config) { cfg.Routes[0].Buffer = config.Buffer{Request: true, Bytes: bytes} }
}

// A body that was held back when its request failed must not reach an upstream with the request of another client.
func TestHeldBodyOfAFailedRequestIsNotSentWithAnother(t *testing.T) {
	eachEngine(t, setup{Times: config.Times{Body: short}, Change: bufferRequests(64 << 10)}, func(w *world) {
		c := w.dial()
		c.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nsecret")
		c.wantStatus("408")
		c.wantEnd()
		c.Close()
		w.eventually("the end of the first", func() bool { return w.rt.Stats().Tasks == 0 })
		c = w.dial()
		c.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello")
		if m := c.wantStatus("200"); !strings.HasSuffix(m, "\r\n\r\nhello") {
			w.Errorf("%q", m)
		}
		c.send(getRoot)
		if m := c.wantStatus("200"); !strings.HasSuffix(m, "\r\n\r\n") {
			w.Errorf("%q", m)
		}
	}, echo)
}

// A chunked body that was held back has a length, an empty one too.
func TestHeldBodyHasALength(t *testing.T) {
	heads := make(chan string, 10)
	up := script(tellHeads(heads))
	eachEngine(t, setup{Times: config.Times{Response: 10 * short}, Change: bufferRequests(64 << 10)}, func(w *world) {
		c := w.dial()
		for _, body := range []string{"", "a", strings.Repeat("b", 20000)} {
			c.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
			if body != "" {
				c.send(fmt.Sprintf("%x\r\n%s\r\n", len(body), body))
			}
			c.send("0\r\nT: v\r\n\r\n")
			if c.wantStatus("200"); w.Failed() {
				return
			}
			m := await(w, heads, "the request")
			if value(m, "Transfer-Encoding") != "" || value(m, "Content-Length") != fmt.Sprint(len(body)) || !strings.HasSuffix(m, "\r\n"+body) {
				w.Errorf("%.200q", m)
			}
		}
	}, up)
}

// The limit of a body counts what was held back of it.
func TestLimitOfABodyCountsWhatWasHeld(t *testing.T) {
	begun, got := make(chan bool, 10), make(chan error, 10)
	up := script(func(t *testing.T, c *peer, _ int) {
		begun <- true
		_, err := c.request()
		got <- err
		// The gate is told of the end, or the next request may meet the connection before its end does.
		c.send(lastOK)
	})
	change := func(cfg *config.Config) {
		bufferRequests(10 << 10)(cfg)
		cfg.Routes[0].BodyBytes = 30 << 10
	}
	eachEngine(t, setup{Change: change}, func(w *world) {
		for _, tc := range []struct {
			chunks int // of 5 KiB
			status string
		}{{6, "200"}, {7, "413"}} {
			c := w.dial()
			c.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
			for i := range tc.chunks {
				if i == 3 {
					await(w, begun, "the server") // more than can be held, so what was held went on
				}
				c.send(fmt.Sprintf("%x\r\n%s\r\n", 5<<10, strings.Repeat("x", 5<<10)))
			}
			c.send("0\r\n\r\n")
			c.wantStatus(tc.status)
			if err := await(w, got, "the server's end of the request"); (err == nil) != (tc.status == "200") {
				w.Errorf("%d chunks: the upstream's end of the body: %v", tc.chunks, err)
			}
		}
	}, up)
}

// More bodies than there is memory for are streamed where they cannot be held. They do not wait for each other.
func TestHeldBodiesDoNotWaitForEachOther(t *testing.T) {
	const clients, size = 200, 500 << 10
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1, BufBytes: 48 << 20}, func(t *testing.T, rt *unio.Runtime) {
		w := newWorld(t, rt, setup{Change: bufferRequests(1 << 20)}, replies(ok))
		body := strings.Repeat("x", size)
		all := make([]*peer, clients)
		for i := range all {
			all[i] = w.dial()
			all[i].send(fmt.Sprintf("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", size, body[1:]))
		}
		if status := w.ask("PUT", "/", 100); status != "200" {
			t.Errorf("status %s while others send", status)
		}
		for _, c := range all {
			c.send("x")
			c.wantStatus("200")
			c.Close()
		}
	})
}

// A client that is slow with its body holds no connection to a server, and is invited to send it by the gate.
func TestSlowUploadHoldsNoServer(t *testing.T) {
	up := script(func(t *testing.T, c *peer, _ int) {
		for {
			m, err := c.request()
			if err != nil {
				return
			}
			if value(m, "Expect") != "" {
				t.Errorf("the server is asked to invite: %q", m)
			}
			_, body, _ := strings.Cut(m, "\r\n\r\n")
			c.send(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body))
		}
	})
	eachEngine(t, setup{Change: bufferRequests(64 << 10)}, func(w *world) {
		for _, tc := range []struct{ field, first, last string }{
			{"Content-Length: 10", "hello", "world"},
			{"Transfer-Encoding: chunked", "5\r\nhel", "lo\r\n5\r\nworld\r\n0\r\n\r\n"},
		} {
			opened := w.g.Opened()
			c := w.dial()
			c.send("PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n" + tc.field + "\r\n\r\n")
			c.wantStatus("100")
			c.send(tc.first)
			if n := w.g.Connections().Upstreams; w.g.Opened() != opened || w.g.Servers()[0].InFlight != 0 {
				w.Errorf("%d connections while the client sends", n)
			}
			c.send(tc.last)
			if m := c.wantStatus("200"); !strings.HasSuffix(m, "\r\n\r\nhelloworld") {
				w.Errorf("%q", m)
			}
			w.eventually("the idle connection", func() bool { return w.g.Connections().Upstreams == 1 })
			c.Close()
		}
	}, up)
}

// A client that the gate has invited to send its body is the one who is waited for, also when the held part has gone on: the
// limit for the response has not begun.
func TestInvitedClientMayBeSlow(t *testing.T) {
	const held, size = 16 << 10, 40 << 10
	times := config.Times{Response: 10 * short}
	eachEngineAtOnce(t, setup{Times: times, Change: bufferRequests(held)}, func(w *world) {
		c := w.dial()
		c.send(fmt.Sprintf("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", size))
		c.wantStatus("100")
		c.send(strings.Repeat("x", held))
		w.eventually("the server", func() bool { return w.g.Servers()[0].InFlight == 1 })
		time.Sleep(15 * short)
		c.send(strings.Repeat("x", size-held))
		c.wantStatus("200")
		if s := w.g.Servers()[0]; s.Failures != 0 {
			w.Errorf("%+v", s)
		}
	}, echo)
}

// Of a body that is larger than what may be held the rest is streamed, as it was announced.
func TestLargeUploadIsStreamed(t *testing.T) {
	const size = 100 << 10
	body := strings.Repeat("0123456789abcdef", size/16)
	eachEngine(t, setup{Change: bufferRequests(16 << 10)}, func(w *world) {
		for _, tc := range []struct{ field, sent string }{
			{fmt.Sprintf("Content-Length: %d", size), body},
			{"Transfer-Encoding: chunked", fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", size, body)},
		} {
			c := w.dial()
			c.send("PUT / HTTP/1.1\r\nHost: h\r\n" + tc.field + "\r\n\r\n" + tc.sent[:size/2])
			w.eventually("the server", func() bool { return w.g.Servers()[0].InFlight == 1 })
			c.send(tc.sent[size/2:])
			if m := c.wantStatus("200"); !strings.HasSuffix(m, "\r\n\r\n"+body) {
				w.Errorf("%.200q", m)
			}
		}
	}, echo)
}

// A response comes whole and as it was, whatever of it is held.
func TestHeldResponses(t *testing.T) {
	const size = 200 << 10
	body := strings.Repeat("0123456789abcdef", size/16)
	up := script(func(t *testing.T, c *peer, _ int) {
		head, _ := c.head()
		switch strings.Fields(head)[1] {
		case "/length":
			c.send(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", size, body))
		case "/chunked":
			c.send(fmt.Sprintf("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n%x\r\n%s\r\n0\r\nT: v\r\n\r\n",
				size/2, body[:size/2], size/2, body[size/2:]))
		case "/close":
			c.send("HTTP/1.1 200 OK\r\n\r\n" + body)
		case "/cut":
			c.send(fmt.Sprintf("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s", size, body[:size/2]))
		}
	})
	for _, bytes := range []int{16 << 10, 1 << 20} {
		change := func(cfg *config.Config) { cfg.Routes[0].Buffer = config.Buffer{Response: true, Bytes: bytes} }
		eachEngine(t, setup{Change: change}, func(w *world) {
			for _, path := range []string{"/length", "/chunked", "/close"} {
				c := w.dial()
				c.send("GET " + path + " HTTP/1.1\r\nHost: h\r\n\r\n")
				head, raw, _ := strings.Cut(c.wantStatus("200"), "\r\n\r\n")
				if value(head, "Transfer-Encoding") != "" {
					raw = unchunk(raw)
				}
				if raw != body {
					w.Errorf("%s: %d bytes of %d, %.100q", path, len(raw), size, raw)
				}
			}
			c := w.dial()
			c.send("GET /cut HTTP/1.1\r\nHost: h\r\n\r\n")
			m, err := c.message(false)
			switch {
			case bytes > size && (!strings.HasPrefix(m, "HTTP/1.1 502 ") || err != nil):
				w.Errorf("a response that was cut off while it was held: %.200q, %v", m, err)
			case bytes < size && err == nil:
				w.Errorf("a response that was cut off looks whole: %.200q", m)
			}
		}, up)
	}
}

// A client hears nothing of a response that breaks off while it is held back: it gets another one. The request is not sent again, as the
// server has answered.
func TestHeldResponseBreaksOff(t *testing.T) {
	var l accessLog
	asked := make(chan string, 100)
	up := script(func(t *testing.T, c *peer, _ int) {
		for {
			m, err := c.request()
			if err != nil {
				return
			}
			target := strings.Fields(m)[1]
			asked <- target
			switch target {
			case "/small":
				c.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab")
			case "/length":
				c.send("HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\nab")
			case "/malformed":
				c.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\nxyz\r\n")
			case "/stops":
				c.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n")
				io.Copy(io.Discard, c.r)
			default:
				c.send(ok)
				continue
			}
			return
		}
	})
	eachEngineOf(t, func(t *testing.T) *config.Config {
		return parse(t, "listen: 127.0.0.1:0\nto: [%s, %s]\nbuffer: {response: true}\ntimes: {body: %v}\naccess_log: %s\n"+
			"retry: {tries: 2, on: [connect, reset, timeout, 502-504]}\n", up(t), up(t), 4*short, l.path(t))
	}, func(w *world) {
		c := w.dial()
		for i, tc := range []struct{ target, status string }{
			{"/small", "502"}, {"/length", "502"}, {"/malformed", "502"}, {"/stops", "504"}, {"/", "200"},
		} {
			c.send("GET " + tc.target + " HTTP/1.1\r\nHost: h\r\n\r\n")
			m := c.wantStatus(tc.status)
			if value(m, "Connection") == "close" {
				w.Errorf("%s: got %q", tc.target, m)
			}
			_, body, _ := strings.Cut(m, "\r\n\r\n")
			w.wants(w.entry(&l, i), map[string]any{"status": tc.status, "bytes_sent": len(body), "tries": 1})
			if got := await(w, asked, "the request"); got != tc.target || len(asked) > 0 {
				w.Errorf("asked for %s and %d more, want %s once", got, len(asked), tc.target)
			}
		}
	})
}

// Without buffering each event of a stream is passed on when it is sent.
func TestEventsArePassedOnAtOnce(t *testing.T) {
	next := make(chan struct{}, 10)
	up := script(func(t *testing.T, c *peer, _ int) {
		c.head()
		c.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
		for i := range 3 {
			c.send(fmt.Sprintf("data: %d\n\n", i))
			if !c.awaits(next, "the client to have it") {
				return
			}
		}
	})
	eachEngine(t, setup{}, func(w *world) {
		c := w.dial()
		c.send(getRoot)
		c.head()
		for i := range 3 {
			want := fmt.Sprintf("9\r\ndata: %d\n\n\r\n", i)
			b := make([]byte, len(want))
			if _, err := io.ReadFull(c.r, b[:len(b)-2]); err != nil || string(b[:len(b)-2]) != want[:len(b)-2] {
				w.Errorf("%q, %v; want %q", b, err, want)
			}
			next <- struct{}{}
			io.ReadFull(c.r, b[len(b)-2:]) // the end of a chunk comes with what follows
		}
		if rest, _ := io.ReadAll(io.LimitReader(c.r, 5)); string(rest) != "0\r\n\r\n" {
			w.Errorf("%q", rest)
		}
	}, up)
}

// A chunked body of exactly as many bytes as are held back was streamed: the end of it was not looked for.
func TestBodyThatJustFitsIsHeld(t *testing.T) {
	const size = 10 << 10
	heads := make(chan string, 10)
	up := script(tellHeads(heads))
	eachEngine(t, setup{Change: bufferRequests(size)}, func(w *world) {
		c := w.dial()
		for _, n := range []int{size - 1, size, size + 1} {
			c.send(fmt.Sprintf("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n", n, strings.Repeat("x", n)))
			time.Sleep(short / 10) // the end comes by itself
			c.send("0\r\n\r\n")
			c.wantStatus("200")
			want := fmt.Sprint(n)
			if n > size {
				want = ""
			}
			if m := await(w, heads, "the request"); value(m, "Content-Length") != want {
				w.Errorf("%d bytes: %.200q", n, m)
			}
		}
	}, up)
}

// A server that takes a body which was held back slowly, but does take it, has the limit of a body for each piece and that of
// the response from the end on. All of it had to go within the one, and the other began with it.
func TestServerMayTakeAHeldBodySlowly(t *testing.T) {
	const size, step, pause, limit = 24 << 20, 512 << 10, 50 * time.Millisecond, 600 * time.Millisecond
	const slow = 16 << 20 // the rest may be with the kernel already, so the limit of the response is that for it
	up := script(func(t *testing.T, c *peer, _ int) {
		c.Conn.(*net.TCPConn).SetReadBuffer(64 << 10)
		for {
			if _, err := c.head(); err != nil {
				return
			}
			for n := 0; n < size; n += step {
				if _, err := io.CopyN(io.Discard, c.r, step); err != nil {
					return
				}
				if n < slow {
					time.Sleep(pause)
				}
			}
			c.send(ok)
		}
	})
	change := func(cfg *config.Config) {
		bufferRequests(2 * size)(cfg)
		cfg.Routes[0].Retry.Tries = 1
	}
	eachEngine(t, setup{Times: config.Times{Body: limit, Response: 2 * limit}, Change: change}, func(w *world) {
		if status := w.ask("PUT", "/", size); status != "200" {
			w.Errorf("status %s", status)
		}
	}, up)
}

// What has come in one piece is not divided: a body of known length that is longer than bytes and came so is held whole and sent again.
func TestBodyThatCameAtOnceIsHeldWhole(t *testing.T) {
	body := strings.Repeat("x", 8<<10)
	got := make(chan string, 1)
	eachEngine(t, setup{Change: func(cfg *config.Config) {
		cfg.Routes[0].Buffer = config.Buffer{Request: true, Bytes: 1 << 10}
	}}, func(w *world) {
		c := w.dial()
		c.send("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 8192\r\n\r\n" + body)
		c.wantStatus("200")
		if m := await(w, got, "the request"); !strings.HasSuffix(m, "\r\n\r\n"+body) {
			w.Errorf("the server has got %.300q", m)
		}
	}, script(func(_ *testing.T, c *peer, _ int) {
		c.request() // and resets
	}), script(func(_ *testing.T, c *peer, _ int) {
		if m, err := c.request(); err == nil {
			got <- m
			c.send(ok)
		}
	}))
}
