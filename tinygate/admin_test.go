package main

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/unio-go/unio/tinygate/internal/admin"
)

const adminSite = `listen: 127.0.0.1:0
admin: unix:DIR/admin.sock
access_log: DIR/access.log
drain: 1s
upstreams:
  web: {servers: [@0, @1], eject: off}
routes: [{name: all, to: web}]
`

// A running program is asked and told by the commands, on every engine.
func TestAdmin(t *testing.T) {
	for _, e := range engines(t) {
		t.Run(e, func(t *testing.T) {
			s := newSite(t, 2)
			s.write(adminSite)
			p := s.run(e)
			var st admin.Status
			if err := json.Unmarshal([]byte(s.told(nil, "status", "--json")), &st); err != nil {
				t.Fatal(err)
			}
			if st.Engine.Name != e || st.Engine.Reason == "" || st.Config.File != s.file || st.Draining || len(st.Listeners) != 1 {
				t.Errorf("the status is %+v", st)
			}
			s.told([]string{"web", s.up[0].addr, s.up[1].addr, "up"}, "upstreams")
			s.told([]string{"debug"}, "log-level", "debug")
			s.told([]string{"debug"}, "log-level")
			if out, err := s.tell("log-level", "loud"); err == nil {
				t.Errorf("there is a level loud: %s", out)
			}
			testInFlight(t, s, p)
			testDrain(t, s, p)
			testReload(t, s, p)
			testMetrics(t, s)
		})
	}
}

// A level is one of four words. What else package slog reads, such as info+2, was taken.
func TestLevelThatIsNone(t *testing.T) {
	p := new(program)
	for _, level := range []string{"info+2", "error-8", "warning", "", "4"} {
		if err := (adminGate{p}).SetLogLevel(level); err == nil || !strings.Contains(err.Error(), "debug, info, warn and error") {
			t.Errorf("%q: %v, and the level is %s", level, err, adminGate{p}.LogLevel())
		}
	}
	for _, level := range []string{"debug", "info", "warn", "error"} {
		if err := (adminGate{p}).SetLogLevel(level); err != nil || (adminGate{p}).LogLevel() != level {
			t.Errorf("%q: %v, and the level is %s", level, err, adminGate{p}.LogLevel())
		}
	}
}

func testInFlight(t *testing.T, s *site, p *process) {
	c := p.dial()
	io.WriteString(c, "GET /hang?x=y HTTP/1.1\r\nHost: h\r\n\r\n")
	from, _ := s.hanging()
	s.told([]string{"waiting for the response", "/hang ", "127.0.0.1", "web", from.addr}, "inflight")
	from.answer <- struct{}{}
	if _, _, err := c.answer(); err != nil {
		t.Error(err)
	}
	eventually(t, "the end of the request", func() bool {
		out, err := s.tell("inflight")
		return err == nil && !strings.Contains(out, "/hang")
	})
}

// hanging waits for a request for /hang, and returns the upstream that has it, and the other one.
func (s *site) hanging() (with, without *upstream) {
	s.t.Helper()
	select {
	case <-s.up[0].hanging:
		return s.up[0], s.up[1]
	case <-s.up[1].hanging:
		return s.up[1], s.up[0]
	case <-time.After(bound):
		s.t.Fatal("the request does not come to an upstream")
		return nil, nil
	}
}

// testDrain takes a server out while it has a request, and puts it back.
func testDrain(t *testing.T, s *site, p *process) {
	c := p.dial()
	io.WriteString(c, "GET /hang HTTP/1.1\r\nHost: h\r\n\r\n")
	out, other := s.hanging()
	s.told([]string{"draining"}, "drain", "web", out.addr)
	was, others := out.asked.Load(), other.asked.Load()
	d := p.dial()
	for range 50 {
		if r, text, err := d.ask("/", ""); err != nil || text != "ok" {
			t.Fatalf("while a server is taken out: %v, %q, %v", r, text, err)
		}
	}
	if n, m := out.asked.Load()-was, other.asked.Load()-others; n != 0 || m != 50 {
		t.Errorf("the server that was taken out got %d requests, the other %d", n, m)
	}
	out.answer <- struct{}{}
	if r, text, err := c.answer(); err != nil || text != "ok" {
		t.Errorf("the request in flight: %v, %q, %v", r, text, err)
	}
	s.told([]string{"up"}, "undrain", "web", out.addr)
	eventually(t, "a request for the server that is back", func() bool {
		_, _, err := d.ask("/", "")
		return err != nil || out.asked.Load() > was
	})
	if got, err := s.tell("drain", "web", "10.0.0.1:1"); err == nil || !strings.Contains(err.Error(), "upstream web has no server 10.0.0.1:1, only ") ||
		strings.Contains(err.Error(), "unknown") {
		t.Errorf("a server that is not there: %s, %v", got, err)
	}
}

// testReload takes a wrong file and a good one.
func testReload(t *testing.T, s *site, p *process) {
	c := p.dial()
	s.write(adminSite + "drian: 1s\n")
	out, err := s.tell("reload")
	if err == nil || !strings.Contains(out, s.file+":8:1: ") || !strings.Contains(out, "drian") {
		t.Errorf("a wrong file: %v, %s", err, out)
	}
	if _, text, err := c.ask("/", ""); text != "ok" || err != nil {
		t.Errorf("after a wrong file: %q, %v", text, err)
	}
	s.write(strings.Replace(adminSite, "{name: all, ", "{name: all, response_headers: {set: {X-New: 'yes'}}, ", 1) + "log_level: warn\nloops: 9\n")
	s.told([]string{"route all: changed", "log level: changed", "engine, loops, huge_pages: changed in the file; they take effect with a restart"}, "reload")
	if r, _, err := c.ask("/", ""); err != nil || r.Header.Get("X-New") != "yes" {
		t.Errorf("after a reload: %v, %v", r, err)
	}
	s.told([]string{"warn"}, "log-level")
	s.told([]string{"with a restart"}, "reload") // it still needs a restart
}

func testMetrics(t *testing.T, s *site) {
	code, text := s.scrape("/metrics")
	parser := expfmt.NewTextParser(model.UTF8Validation)
	all, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if code != 200 || err != nil {
		t.Fatalf("%d, %v", code, err)
	}
	for _, name := range []string{
		"tinygate_requests_total", "tinygate_request_duration_seconds", "tinygate_upstream_requests_total", "tinygate_server_healthy",
		"tinygate_server_connections", "tinygate_config_reloads_total", "tinygate_engine_info", "tinygate_io_operations_total",
		"tinygate_access_log_dropped_lines_total", "tinygate_info", "go_goroutines",
	} {
		if all[name] == nil {
			t.Errorf("%s is not there", name)
		}
	}
	for _, m := range all["tinygate_config_reloads_total"].GetMetric() {
		if want := map[string]float64{"failed": 1, "ok": 3}[m.Label[0].GetValue()]; m.GetCounter().GetValue() != want {
			t.Errorf("reloads: %v", m)
		}
	}
	if v := all["tinygate_requests_in_flight"].GetMetric()[0].GetGauge().GetValue(); v != 0 {
		t.Errorf("%v requests are in flight", v)
	}
}

// What clients send as secrets stands in no answer of the API and not in the program's log.
func TestSecretsAreNotShown(t *testing.T) {
	const secret = "s3cr3tm4rk"
	for _, e := range engines(t) {
		t.Run(e, func(t *testing.T) {
			s := newSite(t, 2)
			s.write(adminSite + "log_level: debug\n")
			p := s.run(e)
			fields := "Cookie: sid=" + secret + "\r\nAuthorization: Bearer " + secret + "\r\nX-Api-Key: " + secret + "\r\n"
			for _, target := range []string{"/", "/cut", "/a%zz"} {
				r, _, err := p.dial().ask(target+"?token="+secret, fields)
				if err != nil {
					t.Errorf("%s: %v, %v", target, r, err)
				}
			}
			hang := p.dial()
			io.WriteString(hang, "GET /hang?token="+secret+" HTTP/1.1\r\nHost: h\r\n"+fields+"\r\n")
			from, _ := s.hanging()
			bad := p.dial()
			io.WriteString(bad, "GET /?"+secret+" HTTP/1.1\r\nHost: h\r\nCookie : "+secret+"\r\n\r\n")
			if r, _, err := bad.answer(); err != nil || r.StatusCode != http.StatusBadRequest {
				t.Errorf("a bad request: %v, %v", r, err)
			}
			eventually(t, "the log line", func() bool { return strings.Contains(p.out.String(), "/cut") })
			for _, path := range []string{"/", "/status", "/upstreams", "/inflight", "/log-level", "/metrics", "/health"} {
				if _, text := s.scrape(path); strings.Contains(text, secret) {
					t.Errorf("%s shows what is secret:\n%s", path, text)
				}
			}
			if strings.Contains(p.out.String(), secret) {
				t.Errorf("the log shows what is secret:\n%s", &p.out)
			}
			from.answer <- struct{}{}
			if _, _, err := hang.answer(); err != nil {
				t.Error(err)
			}
		})
	}
}

// The socket of the API is gone after the end, and not in the way of the next start.
func TestAdminSocketAtTheEnd(t *testing.T) {
	s := newSite(t, 2)
	s.write(adminSite)
	e := engines(t)[0]
	for range 2 {
		p := s.run(e)
		s.told([]string{"serving"}, "status")
		p.Process.Signal(os.Interrupt)
		if code := p.wait(); code != 0 {
			t.Errorf("exit code %d", code)
		}
		if _, err := os.Lstat(filepath.Join(s.dir, "admin.sock")); err == nil {
			t.Error("the socket is still there")
		}
	}
}
