package gate_test

import (
	"io"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/unio-go/unio/tinygate/internal/config"
)

// metric is a figure as it is scraped, with labels as name and value; ok is false where it is not there.
func (w *world) metric(name string, labels ...string) (v float64, ok bool) {
	w.Helper()
	r := httptest.NewRecorder()
	w.g.Metrics().ServeHTTP(r, httptest.NewRequest("GET", "/metrics", nil))
	parser := expfmt.NewTextParser(model.UTF8Validation)
	all, err := parser.TextToMetricFamilies(r.Body)
	if err != nil {
		w.Fatal(err)
	}
	for _, m := range all[name].GetMetric() {
		if labelled(m, labels) {
			return m.GetCounter().GetValue() + m.GetGauge().GetValue(), true
		}
	}
	return 0, false
}

func labelled(m *dto.Metric, labels []string) bool {
	has := map[string]string{}
	for _, l := range m.Label {
		has[l.GetName()] = l.GetValue()
	}
	for i := 0; i < len(labels); i += 2 {
		if has[labels[i]] != labels[i+1] {
			return false
		}
	}
	return true
}

// wantMetric waits for a figure.
func (w *world) wantMetric(want float64, name string, labels ...string) {
	w.Helper()
	var got float64
	w.eventually(name+strings.Join(labels, " "), func() bool {
		v, ok := w.metric(name, labels...)
		got = v
		return ok && v == want
	})
	if got != want {
		w.Errorf("%s %q is %v, want %v", name, labels, got, want)
	}
}

func TestServersAreInTheMetrics(t *testing.T) {
	asked, answer := make(chan struct{}, 10), make(chan struct{}, 10)
	up := script(func(t *testing.T, c *peer, n int) {
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
	eachEngineOf(t, func(t *testing.T) *config.Config {
		return parse(t, "listen: 127.0.0.1:0\nupstreams: {u: {servers: [%s, %s], eject: off}}\nroutes: [{name: r, to: u}]\n", dead(t), up(t))
	}, func(w *world) {
		alive := w.g.Config().Upstreams[0].Servers[1].Address
		of := func(server string, labels ...string) []string {
			return append([]string{"upstream", "u", "server", server}, labels...)
		}
		c, slow := w.dial(), w.dial()
		for range 4 {
			c.send(getRoot)
			c.wantStatus("200")
		}
		w.wantMetric(4, "tinygate_upstream_requests_total", of(alive)...)
		w.wantMetric(2, "tinygate_upstream_requests_total", of("127.0.0.1:1")...)
		w.wantMetric(2, "tinygate_upstream_failures_total", of("127.0.0.1:1", "kind", "connect")...)
		w.wantMetric(2, "tinygate_upstream_retries_total", of(alive)...)
		w.wantMetric(0, "tinygate_upstream_retries_total", of("127.0.0.1:1")...)
		w.wantMetric(1, "tinygate_server_healthy", of(alive)...)
		slow.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n")
		await(w, asked, "the request")
		w.wantMetric(1, "tinygate_requests_in_flight")
		w.wantMetric(1, "tinygate_server_requests_in_flight", of(alive)...)
		w.wantMetric(1, "tinygate_server_connections", of(alive, "state", "open")...)
		w.wantMetric(0, "tinygate_server_connections", of(alive, "state", "idle")...)
		answer <- struct{}{}
		slow.wantStatus("200")
		w.wantMetric(0, "tinygate_requests_in_flight")
		w.wantMetric(1, "tinygate_server_connections", of(alive, "state", "idle")...)
		w.wantMetric(5, "tinygate_requests_total", "route", "r", "class", "2xx")
		w.wantMetric(0, "tinygate_access_log_dropped_lines_total")
		w.wantMetric(1, "tinygate_engine_info", "engine", string(w.rt.Report().Engine))
		if v, ok := w.metric("tinygate_io_operations_total"); !ok || v == 0 {
			w.Errorf("operations of the runtime: %v, %v", v, ok)
		}
	})
}

// Requests that are refused, cut short or ended by a panic are not in flight for ever.
func TestRequestsInFlightEnd(t *testing.T) {
	up := script(func(t *testing.T, c *peer, _ int) {
		c.head()
		c.send("nonsense\r\n")
		io.Copy(io.Discard, c)
	})
	eachEngine(t, setup{Logger: slog.New(panicking{})}, func(w *world) {
		for _, s := range []string{"nonsense\r\n\r\n", "CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n", getRoot, "GET / HTTP/1.1\r\nHo"} {
			c := w.dial()
			c.send(s)
			if !strings.HasSuffix(s, "Ho") {
				io.Copy(io.Discard, c)
			}
			c.Close()
		}
		w.eventually("the panic", func() bool { return w.rt.Stats().Panics == 1 })
		w.wantMetric(1, "tinygate_requests_total", "class", "4xx", "route", "(none)")
		w.wantMetric(2, "tinygate_requests_total", "class", "5xx", "route", "(none)")
		w.wantMetric(0, "tinygate_requests_in_flight")
		w.wantMetric(0, "tinygate_client_connections")
		if all, err := w.g.InFlight(); len(all) > 0 || err != nil {
			w.Errorf("in flight are %+v, %v", all, err)
		}
	}, up)
}

// A client behind a proxy is counted by its own address, and no more when it has gone.
func TestConnectionsOfOneClientBehindAProxy(t *testing.T) {
	eachEngineOf(t, func(t *testing.T) *config.Config {
		return parse(t, "listen: {address: '127.0.0.1:0', proxy_protocol: 127.0.0.0/8}\nlimits: {per_client: 2}\nroutes: [{answer: 204}]\n")
	}, func(w *world) {
		open := func(from string) *peer {
			c := w.dial()
			c.send("PROXY TCP4 " + from + " 192.0.2.9 1 2\r\n" + getRoot)
			return c
		}
		for range 5 {
			a, b := open("192.0.2.1"), open("192.0.2.1")
			a.wantStatus("204")
			b.wantStatus("204")
			open("192.0.2.1").wantEnd()
			other := open("192.0.2.2")
			other.wantStatus("204")
			for _, c := range []*peer{a, b, other} {
				c.Close()
			}
			w.wantMetric(0, "tinygate_client_connections")
		}
		w.wantMetric(5, "tinygate_client_connections_refused_total", "reason", "per_client")
	})
}

// The end closes who waits for nothing, answers who waits, and lets WebSockets go on.
func TestDrainEndsConnections(t *testing.T) {
	asked, answer := make(chan struct{}, 10), make(chan struct{}, 10)
	up := script(func(t *testing.T, c *peer, _ int) {
		for {
			m, err := c.request()
			switch {
			case err != nil:
				return
			case value(m, "Upgrade") != "":
				c.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
				io.Copy(c, c.r)
				return
			case strings.HasPrefix(m, "GET /slow "):
				asked <- struct{}{}
				if !c.awaits(answer, "leave to answer") {
					return
				}
			}
			c.send(ok)
		}
	})
	eachEngine(t, setup{}, func(w *world) {
		socket, idle, slow := w.dial().socket(), w.dial(), w.dial()
		idle.send(getRoot)
		idle.wantStatus("200")
		slow.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n")
		await(w, asked, "the request")
		w.g.Drain()
		idle.wantEnd()
		if _, err := w.g.Reload(w.g.Config()); err == nil {
			w.Error("a gate that ends takes a configuration")
		}
		answer <- struct{}{}
		if m := slow.wantStatus("200"); value(m, "Connection") != "close" {
			w.Errorf("the last response is %q", m)
		}
		slow.wantEnd()
		socket.wantEcho()
		socket.Close()
	}, up)
}
