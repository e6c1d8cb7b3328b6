package gate_test

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/unio-go/unio/tinygate/internal/config"
)

// hidden is a body that looks like a request.
const hidden = "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"

var expecting = fmt.Sprintf("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", len(hidden))

// An upstream refuses a request without waiting for its body. Whether the client sends the body all the same is not known, so
// neither connection may be used again: what comes next could be either.
func TestRefusedWithoutTheBody(t *testing.T) {
	for _, end := range []string{"closes", "reads on"} {
		t.Run(end, func(t *testing.T) {
			var tp *tape
			up := func(t *testing.T) string {
				tp = new(tape)
				of := tp
				return script(func(_ *testing.T, c *peer, _ int) {
					for {
						head, err := c.head()
						if err != nil {
							return
						}
						of.note(&of.whole, head)
						if value(head, "Expect") == "" {
							c.send(ok)
							continue
						}
						c.send("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n")
						if end == "closes" {
							return
						}
					}
				})(t)
			}
			eachEngine(t, setup{}, func(w *world) {
				c := w.dial()
				c.send(expecting)
				if m := c.wantStatus("401"); value(m, "Connection") != "close" || value(m, "WWW-Authenticate") != "Basic" {
					w.Errorf("%q", m)
				}
				c.send(hidden + "GET /next HTTP/1.1\r\nHost: h\r\n\r\n")
				c.wantEnd()
				c.Close()
				c = w.dial()
				c.send("GET /other HTTP/1.1\r\nHost: h\r\n\r\n")
				c.wantStatus("200")
				got := tp.take()
				if len(got) != 2 || !strings.HasPrefix(got[0], "POST / ") || !strings.HasPrefix(got[1], "GET /other ") {
					w.Errorf("the upstream has got %q", got)
				}
			}, up)
		})
	}
}

// A client may send its body without having seen 100 (RFC 9110 10.1.1). Then 100 is late, or there is none; both
// connections stay in step.
func TestBodyBeforeContinue(t *testing.T) {
	for _, late := range []bool{true, false} {
		for _, framing := range []string{"Content-Length: 5\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"} {
			t.Run(fmt.Sprint(late, framing[:8]), func(t *testing.T) {
				up := script(func(_ *testing.T, c *peer, n int) {
					for {
						m, err := c.request()
						if err != nil {
							return
						}
						if late && value(m, "Expect") != "" {
							c.send("HTTP/1.1 100 Continue\r\n\r\n")
						}
						c.send(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d", n))
					}
				})
				eachEngine(t, setup{}, func(w *world) {
					c := w.dial()
					for range 3 {
						c.send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n" + framing)
						if late {
							c.wantStatus("100")
						}
						if m := c.wantStatus("200"); !strings.HasSuffix(m, "\r\n\r\n1") {
							w.Errorf("%q, want it from the first connection", m)
						}
					}
				}, up)
			})
		}
	}
}

// A client that waits for 100 stays in step when it gets it, and both connections serve the next request.
func TestContinueKeepsConnections(t *testing.T) {
	up := script(func(_ *testing.T, c *peer, n int) {
		for {
			head, err := c.head()
			if err != nil {
				return
			}
			if value(head, "Expect") != "" {
				c.send("HTTP/1.1 100 Continue\r\n\r\n")
				if body, err := c.chunked(); err != nil || unchunk(body) != "hello" {
					return
				}
			}
			c.send(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d", n))
		}
	})
	eachEngine(t, setup{}, func(w *world) {
		c := w.dial()
		for range 3 {
			c.send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n")
			c.wantStatus("100")
			c.send("5\r\nhello\r\n0\r\n\r\n")
			c.wantStatus("200")
			if n := c.which(); n != "1" {
				w.Errorf("connection %s, want the first one", n)
			}
		}
	}, up)
}

// A client that names Expect in Connection waits for 100 like any other, and the server is told.
func TestContinueNamedInConnection(t *testing.T) {
	up := script(func(_ *testing.T, c *peer, _ int) {
		if head, err := c.head(); err == nil && value(head, "Expect") != "" {
			c.send("HTTP/1.1 100 Continue\r\n\r\n")
		}
		if n, _ := io.CopyN(io.Discard, c.r, int64(len(hidden))); n == int64(len(hidden)) {
			c.send(ok)
		}
	})
	eachEngine(t, setup{Times: config.Times{Response: 10 * short}}, func(w *world) {
		c := w.dial()
		c.send(strings.Replace(expecting, "Expect:", "Connection: expect\r\nExpect:", 1))
		c.wantStatus("100")
		c.send(hidden)
		c.wantStatus("200")
	}, up)
}

// Without an upstream a client that waits is answered at once, and need not send a body that nobody wants.
func TestExpectationWithoutAnUpstream(t *testing.T) {
	eachEngine(t, setup{}, func(w *world) {
		c := w.dial()
		c.send(expecting)
		if m := c.wantStatus("502"); value(m, "Connection") != "close" {
			w.Errorf("%q", m)
		}
		c.wantEnd()
	}, dead)
}

// An upstream that says neither 100 nor anything else is the one who is late, not the client that waits for it.
func TestUpstreamIgnoresAnExpectation(t *testing.T) {
	up := script(func(_ *testing.T, c *peer, _ int) { io.Copy(io.Discard, c) })
	cfg := setup{Times: config.Times{Response: short, Body: bound}}
	eachEngine(t, cfg, func(w *world) {
		c := w.dial()
		begin := time.Now()
		c.send(expecting)
		c.wantStatus("504")
		c.wantEnd()
		if took := time.Since(begin); took > bound/2 {
			w.Errorf("after %v", took)
		}
	}, up)
}

// A client that was told to continue and does not is the one who is late.
func TestClientDoesNotContinue(t *testing.T) {
	up := script(func(_ *testing.T, c *peer, _ int) {
		c.head()
		c.send("HTTP/1.1 100 Continue\r\n\r\n")
		io.Copy(io.Discard, c)
	})
	cfg := setup{Times: config.Times{Response: bound, Body: short}}
	eachEngine(t, cfg, func(w *world) {
		c := w.dial()
		begin := time.Now()
		c.send(expecting)
		c.wantStatus("100")
		c.wantStatus("408")
		c.wantEnd()
		if took := time.Since(begin); took > bound/2 {
			w.Errorf("after %v", took)
		}
	}, up)
}
