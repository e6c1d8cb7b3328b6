package gate_test

import (
	"fmt"
	"strings"
	"testing"

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
	up := script(func(t *testing.T, c *peer, _ int) {
		for {
			m, err := c.request()
			if err != nil {
				return
			}
			heads <- m
			c.send(ok)
		}
	})
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
			m := <-heads
			if value(m, "Transfer-Encoding") != "" || value(m, "Content-Length") != fmt.Sprint(len(body)) || !strings.HasSuffix(m, "\r\n"+body) {
				w.Errorf("%.200q", m)
			}
		}
	}, up)
}

// The limit of a body counts what was held back of it.
func TestLimitOfABodyCountsWhatWasHeld(t *testing.T) {
	got := make(chan error, 10)
	up := script(func(t *testing.T, c *peer, _ int) {
		_, err := c.request()
		got <- err
		c.send(ok)
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
			for range tc.chunks {
				c.send(fmt.Sprintf("%x\r\n%s\r\n", 5<<10, strings.Repeat("x", 5<<10)))
			}
			c.send("0\r\n\r\n")
			c.wantStatus(tc.status)
			if err := <-got; (err == nil) != (tc.status == "200") {
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
