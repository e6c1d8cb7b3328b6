package gate_test

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/tinygate/internal/config"
)

// thinker is an upstream that answers when it is let, and tells when it has been given up.
type thinker struct{ asked, answer, left chan struct{} }

func newThinker() *thinker {
	return &thinker{make(chan struct{}, 100), make(chan struct{}, 100), make(chan struct{}, 100)}
}

func (th *thinker) serve(_ *testing.T, c *peer, _ int) {
	th.play(c, "", func() { c.send(ok) })
}

// play begins the answer to each request, and ends it when it is let.
func (th *thinker) play(c *peer, begin string, end func()) {
	for {
		m, err := c.request()
		if err != nil {
			return
		}
		if strings.HasPrefix(m, "GET /next") {
			c.send(ok)
			continue
		}
		c.send(begin)
		th.asked <- struct{}{}
		gone := make(chan struct{})
		go func() {
			defer close(gone)
			c.r.Peek(1)
		}()
		select {
		case <-th.answer:
			end()
			c.SetReadDeadline(time.Unix(1, 0))
			<-gone
			c.SetReadDeadline(time.Now().Add(bound))
		case <-gone:
			th.left <- struct{}{}
			return
		}
	}
}

// A client that leaves while its request waits for a response has it given up before the response comes.
func TestClientGoneWhileItWaits(t *testing.T) {
	atOnce(t, func(t *testing.T, rt *unio.Runtime) {
		var l accessLog
		th := newThinker()
		w := newWorldOf(t, rt, parse(t, "listen: 127.0.0.1:0\naccess_log: %s\nroutes:\n  - {to: %[2]s}\n"+
			"  - {prefix: /strict, to: %[2]s, limits: {half_close: false}}\n", l.path(t), script(th.serve)(t)))
		for i, tc := range []struct {
			target string
			leave  func(*net.TCPConn)
		}{
			{"/", func(c *net.TCPConn) { c.SetLinger(0); c.Close() }},
			{"/strict", func(c *net.TCPConn) { c.Close() }},
			{"/strict", func(c *net.TCPConn) { c.CloseWrite() }},
		} {
			c := w.dial()
			c.send("GET " + tc.target + " HTTP/1.1\r\nHost: h\r\n\r\n")
			await(w, th.asked, "the request")
			tc.leave(c.Conn.(*net.TCPConn))
			await(w, th.left, "the end of the request at the server")
			w.wants(w.entry(&l, i), map[string]any{"status": 499, "bytes_sent": 0, "tries": 1})
			w.wantMetric(float64(i+1), "tinygate_requests_abandoned_total")
		}
		if s := w.g.Servers()[0]; s.InFlight != 0 || s.Connections != 0 {
			w.Errorf("the server has %d requests and %d connections", s.InFlight, s.Connections)
		}
	})
}

// A client that leaves while its request waits for a turn has it given up there; it was sent to the server when its turn came.
func TestClientGoneWhileItWaitsForATurn(t *testing.T) {
	var l accessLog
	up := newGatekeeper()
	eachEngineOf(t, func(t *testing.T) *config.Config {
		return parse(t, "listen: 127.0.0.1:0\naccess_log: %s\nupstreams: {web: {servers: %s, pool: {max: 1, wait: 20s}}}\n"+
			"routes:\n  - to: web\n  - {prefix: /strict, to: web, limits: {half_close: false}}\n", l.path(t), up.upstream(t))
	}, func(w *world) {
		first := w.dial()
		first.send(getRoot)
		await(w, up.came, "the request")
		for i, tc := range []struct {
			target string
			leave  func(*net.TCPConn)
		}{
			{"/", func(c *net.TCPConn) { c.SetLinger(0); c.Close() }},
			{"/strict", func(c *net.TCPConn) { c.Close() }},
		} {
			c := w.dial()
			c.send("GET " + tc.target + " HTTP/1.1\r\nHost: h\r\n\r\n")
			w.eventually("the wait", func() bool { return w.g.Servers()[0].InFlight == 2 })
			tc.leave(c.Conn.(*net.TCPConn))
			w.wants(w.entry(&l, i), map[string]any{"status": 499, "bytes_sent": 0, "tries": 1})
		}
		patient := w.dial()
		patient.send(getRoot)
		patient.CloseWriteHalf()
		w.eventually("the wait", func() bool { return w.g.Servers()[0].InFlight == 2 })
		for _, c := range []*peer{first, patient} {
			up.answer <- struct{}{}
			c.wantStatus("200")
		}
		await(w, up.came, "the request")
		w.eventually("the end of all", func() bool { return w.g.Servers()[0].InFlight == 0 })
		if s := w.g.Servers()[0]; s.Requests != 4 || s.Failures != 0 || w.g.Opened() != 1 {
			w.Errorf("%d connections, and the server is %+v", w.g.Opened(), s)
		}
	})
}

// A client that is watched and does not leave gets its response, though it has ended its side or sent its next request.
func TestWatchedClientsGetTheirResponses(t *testing.T) {
	atOnce(t, func(t *testing.T, rt *unio.Runtime) {
		th := newThinker()
		w := newWorldOf(t, rt, parse(t, "listen: 127.0.0.1:0\nto: %s\ntimes: {response: 20s}\n", script(th.serve)(t)))
		for _, next := range []string{"", "half-close", "GET /next HTTP/1.1\r\nHost: h\r\n\r\n", "GET /next HTTP/1.1\r\n"} {
			c := w.dial()
			c.send(getRoot)
			await(w, th.asked, "the request")
			time.Sleep(300 * time.Millisecond) // it is watched
			if next == "half-close" {
				c.CloseWriteHalf()
			} else {
				c.send(next)
			}
			time.Sleep(10 * time.Millisecond) // whether that has come makes no difference
			th.answer <- struct{}{}
			c.wantStatus("200")
			switch {
			case next == "half-close":
				c.wantEnd()
				continue
			case !strings.HasSuffix(next, "\r\n\r\n"):
				c.send(strings.TrimPrefix("GET /next HTTP/1.1\r\nHost: h\r\n\r\n", next))
			}
			c.wantStatus("200")
		}
		w.wantMetric(0, "tinygate_requests_abandoned_total")
	})
}

// A client that leaves is noticed also where its request has gone to a new connection, for one from the pool that took it and was
// closed after a while.
func TestClientGoneAfterAStaleConnection(t *testing.T) {
	atOnce(t, func(t *testing.T, rt *unio.Runtime) {
		asked, left := make(chan struct{}, 100), make(chan struct{}, 100)
		w := newWorld(t, rt, setup{}, script(func(t *testing.T, c *peer, n int) {
			c.request()
			if n == 1 {
				c.send(ok)
				c.request()
				time.Sleep(5 * short) // the client is watched meanwhile
				return
			}
			asked <- struct{}{}
			c.request()
			left <- struct{}{}
		}))
		c := w.dial()
		c.send(getRoot)
		c.wantStatus("200")
		c.send(getRoot)
		await(w, asked, "the request on a new connection")
		c.reset()
		await(w, left, "the end of the request at the server")
		w.wantMetric(1, "tinygate_requests_abandoned_total")
	})
}

// The look at the client is not the end of the time for the response.
func TestWatchedResponseTimesOut(t *testing.T) {
	atOnce(t, func(t *testing.T, rt *unio.Runtime) {
		th := newThinker()
		w := newWorldOf(t, rt, parse(t, "listen: 127.0.0.1:0\nto: %s\ntimes: {response: 400ms}\nretry: off\n", script(th.serve)(t)))
		c := w.dial()
		began := time.Now()
		c.send(getRoot)
		c.wantStatus("504")
		if took := time.Since(began); took < 400*time.Millisecond {
			w.Errorf("it took %v", took)
		}
		await(w, th.asked, "the request")
		await(w, th.left, "the end at the server")
		c.send("GET /next HTTP/1.1\r\nHost: h\r\n\r\n")
		c.wantStatus("200")
	})
}

// stream is an upstream that sends a piece of a body, the next one and its end when it is let, and tells when it has been given up.
func (th *thinker) stream(_ *testing.T, c *peer, _ int) {
	th.play(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n", func() {
		c.send("1\r\nb\r\n")
		time.Sleep(300 * time.Millisecond) // what was watched is watched on
		c.send("0\r\n\r\n")
	})
}

// A client that leaves while the server of its response is silent in the body, as with events, has the request given up before the
// server says more. It kept its connection, and its turn where these are bounded, for as long as times.body.
func TestClientGoneInASilentResponse(t *testing.T) {
	atOnce(t, func(t *testing.T, rt *unio.Runtime) {
		var l accessLog
		th := newThinker()
		w := newWorldOf(t, rt, parse(t, "listen: 127.0.0.1:0\naccess_log: %s\ntimes: {body: 1h}\n"+
			"upstreams: {web: {servers: %s, pool: {max: 1, wait: 20s}}}\nroutes:\n  - to: web\n  - {prefix: /held, to: web, buffer: {response: true}}\n"+
			"  - {prefix: /strict, to: web, limits: {half_close: false}}\n", l.path(t), script(th.stream)(t)))
		for i, tc := range []struct {
			target string
			leave  func(*net.TCPConn)
			sent   int
		}{
			{"/", func(c *net.TCPConn) { c.SetLinger(0); c.Close() }, 1},
			{"/held", func(c *net.TCPConn) { c.SetLinger(0); c.Close() }, 0},
			{"/strict", func(c *net.TCPConn) { c.Close() }, 1},
			{"/strict", func(c *net.TCPConn) { c.CloseWrite() }, 1},
		} {
			c := w.dial()
			c.send("GET " + tc.target + " HTTP/1.1\r\nHost: h\r\n\r\n")
			await(w, th.asked, "the request")
			tc.leave(c.Conn.(*net.TCPConn))
			await(w, th.left, "the end of the request at the server")
			e := w.entry(&l, i)
			w.wants(e, map[string]any{"status": 499, "bytes_sent": tc.sent, "tries": 1})
			if !strings.HasPrefix(e["error"].(string), "the client has gone") {
				w.Errorf("the error is %v", e["error"])
			}
			w.wantMetric(float64(i+1), "tinygate_requests_abandoned_total")
		}
		w.eventually("the end of all", func() bool {
			s := w.g.Servers()[0]
			return s.InFlight == 0 && s.Connections == 0 && s.Failures == 0
		})
		c := w.dial()
		c.send("GET /next HTTP/1.1\r\nHost: h\r\n\r\n") // has its turn
		c.wantStatus("200")
	})
}

// A client that is watched in a silent response gets all of it, though it has ended its side or sent its next request.
func TestWatchedClientsGetAllOfTheirResponses(t *testing.T) {
	atOnce(t, func(t *testing.T, rt *unio.Runtime) {
		th := newThinker()
		w := newWorldOf(t, rt, parse(t, "listen: 127.0.0.1:0\nroutes: [{to: &u %s}, {prefix: /held, to: *u, buffer: {response: true}}]\n",
			script(th.stream)(t)))
		for _, target := range []string{"/", "/held"} {
			for _, next := range []string{"", "half-close", "GET /next HTTP/1.1\r\nHost: h\r\n\r\n", "GET /next HTTP/1.1\r\n"} {
				c := w.dial()
				c.send("GET " + target + " HTTP/1.1\r\nHost: h\r\n\r\n")
				await(w, th.asked, "the request")
				time.Sleep(300 * time.Millisecond) // it is watched
				if next == "half-close" {
					c.CloseWriteHalf()
				} else {
					c.send(next)
				}
				time.Sleep(10 * time.Millisecond) // whether that has come makes no difference
				th.answer <- struct{}{}
				if m := c.wantStatus("200"); unchunk(m[strings.Index(m, "\r\n\r\n")+4:]) != "ab" {
					w.Errorf("%s, %q: got %q", target, next, m)
				}
				switch {
				case next == "half-close":
					c.wantEnd()
					continue
				case !strings.HasSuffix(next, "\r\n\r\n"):
					c.send(strings.TrimPrefix("GET /next HTTP/1.1\r\nHost: h\r\n\r\n", next))
				}
				c.wantStatus("200")
			}
		}
		w.wantMetric(0, "tinygate_requests_abandoned_total")
	})
}
