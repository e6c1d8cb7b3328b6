package gate_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/unio-go/unio/tinygate/internal/config"
)

const (
	getRoot = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
	short   = 100 * time.Millisecond
)

// What is refused before an upstream hears of it. The client gets the status, and the end of its connection.
func TestRefused(t *testing.T) {
	long := strings.Repeat("a", 9000)
	for _, tc := range []struct{ name, sent, status string }{
		{"length and chunked", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
		{"two lengths", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc", "400"},
		{"signed length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +3\r\n\r\nabc", "400"},
		{"chunked twice", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", "400"},
		{"obfuscated chunked", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "400"},
		{"chunked in http/1.0", "POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
		{"space before colon", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length : 3\r\n\r\nabc", "400"},
		{"folded", "GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n c\r\n\r\n", "400"},
		{"bare lf", "GET / HTTP/1.1\nHost: h\n\n", "400"},
		{"no host", "GET / HTTP/1.1\r\n\r\n", "400"},
		{"two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400"},
		{"connect", "CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n", "501"},
		{"version", "GET / HTTP/2.0\r\nHost: h\r\n\r\n", "505"},
		{"expectation", "GET / HTTP/1.1\r\nHost: h\r\nExpect: x\r\n\r\n", "417"},
		{"long target", "GET /" + long + " HTTP/1.1\r\nHost: h\r\n\r\n", "414"},
		{"long field", "GET / HTTP/1.1\r\nHost: h\r\nA: " + long + "\r\n\r\n", "431"},
		{"large head", "GET / HTTP/1.1\r\nHost: h\r\n" + strings.Repeat("A: "+long[:1000]+"\r\n", 20) + "\r\n", "431"},
		{"many fields", "GET / HTTP/1.1\r\nHost: h\r\n" + strings.Repeat("A: b\r\n", 200) + "\r\n", "431"},
		{"invalid escape", "GET /a%zz HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
		{"http/0.9", "GET /\r\n", "400"},
		{"tls", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "400"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			eachEngine(t, setup{}, func(w *world) {
				c := w.dial()
				c.send(tc.sent)
				m := c.wantStatus(tc.status)
				if value(m, "Connection") != "close" {
					w.Errorf("no Connection: close in %q", m)
				}
				c.wantEnd()
				if n := w.g.Opened(); n != 0 {
					w.Errorf("%d upstream connections were opened", n)
				}
			}, replies(ok))
		})
	}
}

// A request that is good, and that no route takes, does not cost the client its connection unless its body is still to come, as with
// the answer of a route.
func TestDeniedRequestsKeepTheConnection(t *testing.T) {
	eachEngineOf(t, func(t *testing.T) *config.Config {
		return parse(t, "listen: 127.0.0.1:0\nroutes: [{path: /there, answer: 204}, {path: /away, redirect: 'https://${host}/'}]\n")
	}, func(w *world) {
		c := w.dial()
		for _, tc := range []struct{ sent, status, body string }{
			{"GET / HTTP/1.1\r\nHost: h\r\n\r\n", "404", "404 Not Found: no route fits\n"},
			{"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc", "404", "404 Not Found: no route fits\n"},
			{"TRACE / HTTP/1.1\r\nHost: h\r\n\r\n", "405", "405 Method Not Allowed: TRACE is not allowed\n"},
			{"GET /away HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "400", "400 Bad Request: the redirect cannot be made of this request\n"},
		} {
			c.send(tc.sent + "GET /there HTTP/1.1\r\nHost: h\r\n\r\n")
			if m := c.wantStatus(tc.status); value(m, "Connection") == "close" || !strings.HasSuffix(m, "\r\n\r\n"+tc.body) ||
				(value(m, "Allow") != "") != (tc.status == "405") {
				w.Errorf("%q: got %q", tc.sent, m)
			}
			c.wantStatus("204")
		}
		c.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
		if m := c.wantStatus("404"); value(m, "Connection") != "close" {
			w.Errorf("got %q", m)
		}
		c.wantEnd()
	})
}

// A path that servers may read in two ways is refused where these lead to different routes, and the client is told so.
func TestPathWithTwoReadingsIsRefused(t *testing.T) {
	eachEngineOf(t, func(t *testing.T) *config.Config {
		return parse(t, "listen: 127.0.0.1:0\nroutes: [{answer: 204}, {prefix: /admin/, answer: 403}]\n")
	}, func(w *world) {
		for target, status := range map[string]string{"/a%2Fb": "204", "/admin/a%2Fb": "403", "/admin%2Fx": "400", "/admin%5cx": "400"} {
			c := w.dial()
			c.send("GET " + target + " HTTP/1.1\r\nHost: h\r\n\r\n")
			if m := c.wantStatus(status); status == "400" && !strings.Contains(m, "another route where its escaped slash") {
				w.Errorf("%s: got %q", target, m)
			}
		}
	})
}

// An upstream that breaks the protocol, or the connection, before the client has seen anything.
func TestBadUpstream(t *testing.T) {
	for _, tc := range []struct{ name, reply, log string }{
		{"nothing", "", "without a response"},
		{"half a head", "HTTP/1.1 200 OK\r\nA:", "unexpected EOF"},
		{"no http", "SSH-2.0-x\r\n", "malformed version"},
		{"length and chunked", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "upstream"},
		{"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "Content-Length"},
		{"101 unasked", "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", "101"},
		{"large head", "HTTP/1.1 200 OK\r\n" + strings.Repeat("A: "+strings.Repeat("b", 1000)+"\r\n", 20), "head too large"},
		{"interim without end", strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 2000), "too many interim"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			up := script(func(t *testing.T, c *peer, _ int) {
				c.head()
				c.send(tc.reply)
				c.Conn.(*net.TCPConn).CloseWrite()
				io.Copy(io.Discard, c)
			})
			eachEngine(t, setup{}, func(w *world) {
				c := w.dial()
				c.send(getRoot)
				m, err := c.message(false)
				for strings.HasPrefix(m, "HTTP/1.1 102") {
					m, err = c.message(false)
				}
				if !strings.HasPrefix(m, "HTTP/1.1 502 ") || err != nil {
					w.Errorf("%q, %v", m, err)
				}
				w.wantLog("status=502", `request="GET /"`, tc.log)
				c.send(getRoot) // the client has done nothing wrong
				if m, _ = c.message(false); m == "" {
					w.Error("the client's connection has been closed")
				}
			}, up)
		})
	}
}

// A response that breaks off must not look whole: the client's connection is closed, and chunks stay
// without their end.
func TestTruncatedResponse(t *testing.T) {
	for _, tc := range []struct{ name, reply, want string }{
		{"length", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", "abc"},
		{"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", "3\r\nabc"},
		{"inside a chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc", "3\r\nabc"},
		{"bad chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nxyz\r\n", "3\r\nabc"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			up := script(func(t *testing.T, c *peer, _ int) {
				c.head()
				c.send(tc.reply)
			})
			eachEngine(t, setup{}, func(w *world) {
				c := w.dial()
				c.send(getRoot)
				c.head()
				if got, err := io.ReadAll(c.r); string(got) != tc.want || err != nil {
					w.Errorf("%q, %v; want %q", got, err, tc.want)
				}
				w.wantLog("request failed")
			}, up)
		})
	}
}

// A client of HTTP/1.0 takes the end of the connection for that of a response without a length, so it has to get an error.
func TestTruncatedResponseWithoutLength(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
	up := script(func(t *testing.T, c *peer, n int) {
		c.head()
		c.send(head)
		if n%2 == 0 {
			c.send("0\r\n\r\n")
		}
	})
	eachEngine(t, setup{}, func(w *world) {
		for _, whole := range []bool{false, true} {
			c := w.dial()
			c.send("GET / HTTP/1.0\r\n\r\n")
			c.head()
			if got, err := io.ReadAll(c.r); (err == nil) != whole || whole && string(got) != "abc" {
				w.Errorf("%q, %v; whole: %v", got, err, whole)
			}
		}
	}, up)
}

// Neither does it look whole when the client was late with its request before the server broke off.
func TestTruncatedResponseBesideAPausedUpload(t *testing.T) {
	up := script(func(t *testing.T, c *peer, _ int) {
		c.head()
		c.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
		for range 8 {
			c.send("3\r\nabc\r\n")
			time.Sleep(short)
		}
	})
	eachEngineAtOnce(t, setup{Times: config.Times{Body: 5 * short}}, func(w *world) {
		c := w.dial()
		c.send("POST / HTTP/1.0\r\nContent-Length: 10000\r\n\r\nabc")
		c.head()
		if got, err := io.ReadAll(c.r); err == nil {
			w.Errorf("%q looks whole", got)
		}
	}, up)
}

// What a server sends behind its response belongs to nobody: the connection is not used again.
func TestServerSendsTooMuch(t *testing.T) {
	eachEngine(t, setup{}, func(w *world) {
		c := w.dial()
		for i := range 3 {
			c.send(getRoot)
			if m := c.wantStatus("200"); !strings.HasSuffix(m, "\r\n\r\nok") || w.g.Opened() != int64(i+1) {
				w.Errorf("%q over connection %d", m, w.g.Opened())
			}
			w.eventually("the end of the connection", func() bool { return w.g.Connections().Upstreams == 0 })
		}
		if s := w.g.Servers()[0]; s.Failures != 0 {
			w.Errorf("%+v", s)
		}
	}, replies(ok+ok))
}

func TestTimesOut(t *testing.T) {
	silent := script(func(t *testing.T, c *peer, _ int) { io.Copy(io.Discard, c) })
	for _, tc := range []struct {
		name, sent, status string
		times              config.Times
		up                 func(*testing.T) string
	}{
		{"head", "GET / HTTP/1.1\r\nHo", "408", config.Times{Header: short}, replies(ok)},
		{"body of length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc", "408", config.Times{Body: short}, silent},
		{"body of chunks", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc", "408", config.Times{Body: short}, silent},
		{"response", getRoot, "504", config.Times{Response: short}, silent},
		{"response to a body", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", "504",
			config.Times{Response: short}, silent},
		{"idle before a request", "", "", config.Times{Idle: short}, replies(ok)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			eachEngineAtOnce(t, setup{Times: tc.times}, func(w *world) {
				c := w.dial()
				c.send(tc.sent)
				if tc.status != "" {
					c.wantStatus(tc.status)
				}
				if tc.sent != getRoot && tc.name != "response to a body" {
					c.wantEnd()
				}
				if tc.status == "504" {
					w.wantLog("status=504")
				}
			}, tc.up)
		})
	}
}

func TestIdleAfterARequest(t *testing.T) {
	eachEngine(t, setup{Times: config.Times{Idle: 5 * short}}, func(w *world) {
		c := w.dial()
		c.send(getRoot)
		c.wantStatus("200")
		c.wantEnd()
	}, replies(ok))
}

// The limit for the response begins when the request has been sent, however long that took.
func TestResponseLimitDoesNotCountTheUpload(t *testing.T) {
	const limit = 200 * time.Millisecond
	eachEngineAtOnce(t, setup{Times: config.Times{Response: limit}}, func(w *world) {
		c := w.dial()
		c.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n")
		for range 5 {
			time.Sleep(limit / 2)
			c.send("a")
		}
		c.wantStatus("200")
	}, replies(ok))
}

// A connection on which a deadline was set once is used long after it.
func TestDeadlinesOfAnEarlierRequestAreOver(t *testing.T) {
	const limit = 150 * time.Millisecond
	eachEngineAtOnce(t, setup{Times: config.Times{Body: limit, Header: limit}}, func(w *world) {
		c := w.dial()
		for range 3 {
			c.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
			c.send("0\r\n\r\n")
			c.wantStatus("200")
			time.Sleep(2 * limit)
		}
		if n := w.g.Opened(); n != 1 {
			w.Errorf("%d upstream connections", n)
		}
	}, replies(ok))
}

func TestOneOfTwoUpstreamsIsDead(t *testing.T) {
	eachEngine(t, setup{}, func(w *world) {
		c := w.dial()
		for range 4 {
			c.send(getRoot)
			c.wantStatus("200")
		}
		w.wantLog("cannot be reached", "refused")
		if n := strings.Count(w.log.String(), "cannot be reached"); n != 2 { // of four requests it got every second
			w.Errorf("the dead one was asked %d times within seconds:\n%s", n, w.log)
		}
	}, dead, replies(ok))
}

func TestAllUpstreamsAreDead(t *testing.T) {
	eachEngine(t, setup{}, func(w *world) {
		c := w.dial()
		for range 2 {
			c.send(getRoot)
			if m := c.wantStatus("502"); value(m, "Connection") != "" {
				w.Errorf("%q", m)
			}
		}
		c.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n")
		if m := c.wantStatus("502"); value(m, "Connection") != "close" {
			w.Errorf("%q", m)
		}
		w.wantLog("status=502", "refused")
	}, dead, func(*testing.T) string { return "127.0.0.1:2" })
}

// A task that panics takes nothing along but its own connections.
func TestPanicEndsOneRequest(t *testing.T) {
	cfg := setup{Logger: slog.New(panicking{})}
	eachEngine(t, cfg, func(w *world) {
		for range 3 {
			c := w.dial()
			c.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10000\r\n\r\nabc")
			c.wantEnd()
		}
		w.eventually("the third panic", func() bool { return w.rt.Stats().Panics == 3 })
	}, script(func(t *testing.T, c *peer, _ int) {
		c.head()
		c.send("nonsense\r\n")
		io.Copy(io.Discard, c)
	}))
}

type panicking struct{}

func (panicking) Enabled(context.Context, slog.Level) bool  { return true }
func (panicking) Handle(context.Context, slog.Record) error { panic("log") }
func (p panicking) WithAttrs([]slog.Attr) slog.Handler      { return p }
func (p panicking) WithGroup(string) slog.Handler           { return p }
