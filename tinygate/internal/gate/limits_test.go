package gate_test

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/unio-go/unio/tinygate/internal/certs/certtest"
	"github.com/unio-go/unio/tinygate/internal/config"
)

// behindProxy has clients begin with a PROXY header.
func behindProxy(cfg *config.Config) {
	cfg.Listeners[0].ProxyProtocol = true
	cfg.Listeners[0].ProxyFrom = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
}

// Behind a proxy the clients are counted by the addresses that it names, and so counted out again: not as connections of
// the proxy, which would be refused in the end.
func TestClientsOfAProxyAreCountedByTheirAddresses(t *testing.T) {
	change := func(cfg *config.Config) {
		behindProxy(cfg)
		cfg.Limits.PerClient = 2
	}
	eachEngine(t, setup{Change: change}, func(w *world) {
		from := func(i int) *peer {
			c := w.dial()
			c.send(fmt.Sprintf("PROXY TCP4 10.0.0.%d 10.0.1.1 1000 80\r\n", i) + getRoot)
			return c
		}
		for i := range 20 {
			c := from(i%5 + 1)
			c.wantStatus("200")
			c.Close()
			w.eventually("the end of the connection", func() bool { return w.g.Connections().Clients == 0 })
		}
		var all []*peer
		for range 2 {
			c := from(1)
			c.wantStatus("200")
			all = append(all, c)
		}
		from(1).wantEnd()
		from(2).wantStatus("200")
		all[0].Close()
		w.eventually("the end of the connection", func() bool { return w.g.Connections().Clients == 2 })
		from(1).wantStatus("200")
	}, replies(ok))
}

func TestConnectionsAreBounded(t *testing.T) {
	for _, tc := range []struct {
		name   string
		limits config.Limits
	}{{"in all", config.Limits{Connections: 3}}, {"of one address", config.Limits{PerClient: 3}}} {
		t.Run(tc.name, func(t *testing.T) {
			change := func(cfg *config.Config) {
				cfg.Limits.Connections, cfg.Limits.PerClient = tc.limits.Connections, tc.limits.PerClient
			}
			eachEngine(t, setup{Change: change}, func(w *world) {
				all := make([]*peer, 3)
				for range 3 { // a place is free again when its connection ends
					for i := range all {
						all[i] = w.dial()
						all[i].send(getRoot)
						all[i].wantStatus("200")
					}
					c := w.dial()
					c.send(getRoot)
					c.wantEnd()
					for _, c := range all {
						c.send(getRoot) // those that are there go on
						c.wantStatus("200")
						c.Close()
					}
					w.eventually("the end of all", func() bool { return w.g.Connections().Clients == 0 })
				}
			}, replies(ok))
		})
	}
}

// threeListeners is a configuration with a plain listener, one behind a proxy and one with TLS, which answers 204.
func threeListeners(settings string) func(*testing.T) *config.Config {
	return func(t *testing.T) *config.Config {
		cert, key := certtest.New(t).ECDSA(t, "h").Write(t, t.TempDir(), "h")
		return parse(t, "listen: [127.0.0.1:0, {address: '127.0.0.1:0', proxy_protocol: 127.0.0.0/8}, "+
			"{address: '127.0.0.1:0', tls: {cert: %s, key: %s}}]\nroutes: [{answer: 204}]\n"+settings, cert, key)
	}
}

// A connection counts when it is made, before its client has said anything.
func TestSilentConnectionsAreBounded(t *testing.T) {
	for _, tc := range []struct {
		limit, reason string
		listeners     int
	}{{"connections", "limit", 3}, {"per_client", "per_client", 1}} {
		eachEngineOf(t, threeListeners("limits: {"+tc.limit+": 3}\n"), func(w *world) {
			for _, addr := range w.g.Addrs()[:tc.listeners] {
				for range 2 { // a place is free again when its connection ends
					silent := []*peer{w.dialTo(addr), w.dialTo(addr), w.dialTo(addr)}
					w.wantMetric(3, "tinygate_client_connections")
					w.dialTo(addr).wantEnd()
					if addr == w.g.Addrs()[0] {
						silent[1].send(getRoot)
						silent[1].wantStatus("204")
						w.dialTo(addr).wantEnd()
					}
					for _, c := range silent {
						c.Close()
					}
					w.wantMetric(0, "tinygate_client_connections")
				}
			}
			w.wantMetric(float64(2+2*tc.listeners), "tinygate_client_connections_refused_total", "reason", tc.reason)
		})
	}
}

// Who looks whether somebody listens, and ends or resets the connection, has failed in nothing.
func TestWhoSaysNothingHasNotFailed(t *testing.T) {
	eachEngineOf(t, threeListeners(""), func(w *world) {
		for _, addr := range w.g.Addrs() {
			w.dialTo(addr).Close()
			c := w.dialTo(addr)
			c.Conn.(*net.TCPConn).SetLinger(0)
			c.Close()
		}
		w.wantMetric(6, "tinygate_client_connections_total")
		w.wantMetric(0, "tinygate_client_connections")
		w.wantMetric(0, "tinygate_client_connections_refused_total", "reason", "proxy_header")
		w.wantMetric(0, "tinygate_tls_handshakes_failed_total")
		if text := w.log.String(); text != "" {
			w.Errorf("the log has %s", text)
		}
	})
}

func TestRequestsOfAConnectionAreBounded(t *testing.T) {
	change := func(cfg *config.Config) { cfg.Limits.RequestsMax = 3 }
	eachEngine(t, setup{Change: change}, func(w *world) {
		c := w.dial()
		c.send(strings.Repeat(getRoot, 5))
		for i := range 3 {
			if m := c.wantStatus("200"); (value(m, "Connection") == "close") != (i == 2) {
				w.Errorf("response %d: %q", i, m)
			}
		}
		c.wantEnd()
	}, replies(ok))
}

// A body that is announced as too large is refused before anybody hears of the request. One of unknown length is cut off,
// so that the server does not get a complete request.
func TestBodiesAreBounded(t *testing.T) {
	const most = 10 << 10
	got := make(chan error, 100)
	up := script(func(t *testing.T, c *peer, _ int) {
		for {
			m, err := c.request()
			if m == "" {
				return // the end of a connection
			}
			if got <- err; err != nil {
				return
			}
			c.send(ok)
		}
	})
	chunks := fmt.Sprintf("%x\r\n%s\r\n", 1<<10, strings.Repeat("x", 1<<10))
	for _, held := range []bool{false, true} {
		change := func(cfg *config.Config) {
			cfg.Routes[0].BodyBytes = most
			cfg.Routes[0].Buffer = config.Buffer{Request: held, Bytes: 1 << 20}
		}
		eachEngine(t, setup{Change: change}, func(w *world) {
			c := w.dial()
			body := strings.Repeat("x", most)
			c.send(fmt.Sprintf("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", most, body))
			c.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat(chunks, 10) + "0\r\n\r\n")
			for range 2 {
				c.wantStatus("200")
				if err := await(w, got, "the request"); err != nil {
					w.Errorf("a request within the limit: %v", err)
				}
			}
			c.send(fmt.Sprintf("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", most+1))
			c.wantStatus("413")
			c.wantEnd()
			opened := w.g.Opened()
			c = w.dial()
			c.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat(chunks, 11) + "0\r\n\r\n")
			c.wantStatus("413")
			c.wantEnd()
			switch {
			case held && w.g.Opened() != opened:
				w.Error("a server has heard of the request")
			case !held:
				if err := await(w, got, "the request"); err == nil {
					w.Error("a server has got a complete request")
				}
			}
		}, up)
	}
}

// The limits of a head are those of the configuration, exactly.
func TestHeadsAreBounded(t *testing.T) {
	change := func(cfg *config.Config) {
		cfg.Limits.HeadBytes, cfg.Limits.LineBytes, cfg.Limits.Headers = 4096, 1024, 10
	}
	line := func(n int) string { return "A: " + strings.Repeat("a", n-len("A: \r\n")) + "\r\n" }
	const start, end = "GET / HTTP/1.1\r\nHost: h\r\n", "\r\n"
	whole := 4096 - len(start) - len(end) - 4*1000
	for _, tc := range []struct{ name, sent, status string }{
		{"line", start + line(1024) + end, "200"},
		{"line and a byte", start + line(1025) + end, "431"},
		{"fields", start + strings.Repeat("A: b\r\n", 9) + end, "200"},
		{"fields and one", start + strings.Repeat("A: b\r\n", 10) + end, "431"},
		{"head", start + strings.Repeat(line(1000), 4) + line(whole) + end, "200"},
		{"head and a byte", start + strings.Repeat(line(1000), 4) + line(whole+1) + end, "431"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			eachEngine(t, setup{Change: change}, func(w *world) {
				c := w.dial()
				c.send(tc.sent)
				c.wantStatus(tc.status)
			}, replies(ok))
		})
	}
}
