package main

import (
	"crypto/tls"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/unio-go/unio/tinygate/internal/certs/certtest"
)

// stage is what an example is run on: upstreams in place of those that it names, and certificates of an authority.
type stage struct {
	*process
	t   *testing.T
	dir string
	ca  *certtest.Authority
}

var (
	listeners = regexp.MustCompile(`(\s):(80|443|8080|8081|8443)\b`)
	servers   = regexp.MustCompile(`\b(10\.0\.0\.\d|127\.0\.0\.1):\d+`)
)

// play runs an example with the addresses, networks and folders of a test. An upstream answers with the address that stands
// in the example.
func play(t *testing.T, e, name string) *stage {
	t.Helper()
	b, err := os.ReadFile("examples/" + name)
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{t: t, dir: shortDir(t), ca: certtest.New(t)}
	started := map[string]string{}
	text := servers.ReplaceAllStringFunc(string(b), func(addr string) string {
		if started[addr] == "" {
			started[addr] = s.upstream(addr, name == "mtls.yaml")
		}
		return started[addr]
	})
	text = listeners.ReplaceAllString(text, `${1}127.0.0.1:0`)
	text = strings.ReplaceAll(text, "${env:LISTEN:-:8080}", "${env:LISTEN:-127.0.0.1:0}")
	text = strings.NewReplacer("/etc/tinygate", s.dir, "/run/tinygate", s.dir, "/var/log/tinygate", s.dir).Replace(text)
	for _, c := range []string{"example.com", "gate", "gate-client"} {
		s.ca.ECDSA(t, "example.com").Write(t, s.dir, c)
	}
	certtest.File(t, filepath.Join(s.dir, "clients-ca.pem"), s.ca.PEM)
	certtest.File(t, filepath.Join(s.dir, "servers-ca.pem"), s.ca.PEM)
	text = strings.NewReplacer("10.1.0.0/16", "127.0.0.0/8", "10.2.0.0/16", "127.0.0.0/8").Replace(text) // its proxies are we
	s.process = startFile(t, e, text)
	return s
}

// upstream serves in place of an address of an example.
func (s *stage) upstream(addr string, secure bool) string {
	up := httptest.NewUnstartedServer(chatter(s.t, addr))
	if secure {
		up.TLS = &tls.Config{
			Certificates: []tls.Certificate{s.ca.ECDSA(s.t, "web.internal").TLS(s.t)},
			ClientCAs:    s.ca.Pool, ClientAuth: tls.RequireAndVerifyClientCert,
		}
		up.StartTLS()
	} else {
		up.Start()
	}
	s.t.Cleanup(func() {
		up.CloseClientConnections()
		up.Close()
	})
	return up.Listener.Addr().String()
}

// examples are what each file promises.
var examples = map[string]func(s *stage){
	"proxy.yaml": func(s *stage) { s.ask("GET /x?y").wants(s.t, "127.0.0.1:3000", "GET /x?y") },
	"balance.yaml": func(s *stage) {
		for range 6 {
			if r := s.ask("GET /"); r.name() != "10.0.0.1:3000" && r.name() != "10.0.0.2:3000" {
				s.t.Errorf("%d from %q", r.status, r.name())
			}
		}
	},
	"hosts.yaml": func(s *stage) {
		for host, want := range map[string]string{
			"example.com": "10.0.0.1:3000", "www.example.com": "10.0.0.1:3000", "other.example.com": "10.0.0.4:3000",
		} {
			s.ask("GET /", "Host: "+host).wants(s.t, want)
		}
		if r := s.ask("GET /", "Host: api.example.com"); r.name() != "10.0.0.2:3000" && r.name() != "10.0.0.3:3000" {
			s.t.Errorf("the API: %d from %q", r.status, r.name())
		}
		if r := s.ask("GET /", "Host: example.org"); r.status != 404 {
			s.t.Errorf("another host: %d", r.status)
		}
	},
	"paths.yaml": func(s *stage) {
		s.ask("GET /api/users").wants(s.t, "10.0.0.2:3000", "GET /v2/users")
		s.ask("PUT /users/1/photos/2").wants(s.t, "10.0.0.3:3000")
		s.ask("GET /users/1/photos/2").wants(s.t, "10.0.0.1:3000")
		if r := s.ask("GET /favicon.ico"); r.status != 404 {
			s.t.Errorf("the icon: %d", r.status)
		}
	},
	"https.yaml": func(s *stage) {
		r := s.ask("GET /a?b", "Host: example.com")
		if r.status != 308 || r.header.Get("Location") != "https://example.com/a?b" {
			s.t.Errorf("by http: %d to %q", r.status, r.header.Get("Location"))
		}
		r = s.ask("GET /a?b", "Host: www.example.com")
		if r.status != 301 || r.header.Get("Location") != "https://example.com/a?b" {
			s.t.Errorf("www: %d to %q", r.status, r.header.Get("Location"))
		}
		r = s.secure(1, "example.com", nil)
		if r.wants(s.t, "10.0.0.1:3000"); r.header.Get("Strict-Transport-Security") != "max-age=31536000" {
			s.t.Errorf("by https: %v", r.header)
		}
	},
	"websocket.yaml": func(s *stage) {
		c := dialRaw(s.t, s.addr)
		c.upgrade("/socket")
		c.echoes("hello")
		s.ask("GET /").wants(s.t, "10.0.0.3:3000")
	},
	"sticky.yaml": func(s *stage) {
		seen := map[string]bool{}
		for i := range 30 {
			cookie := fmt.Sprintf("Cookie: a=b; session=%d", i)
			first := s.ask("GET /", cookie).name()
			seen[first] = true
			s.ask("GET /again", cookie).wants(s.t, first)
		}
		if len(seen) != 3 {
			s.t.Errorf("the sessions are at %v", seen)
		}
	},
	"behind.yaml": func(s *stage) {
		c := dialRaw(s.t, s.addr)
		c.send("PROXY TCP4 198.51.100.7 192.0.2.1 1 2\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n")
		if r, body := c.response("GET"); r.StatusCode != 200 || !strings.Contains(body, "X-Real-Ip: 198.51.100.7") {
			s.t.Errorf("behind a PROXY header: %s\n%s", r.Status, body)
		}
		r, err := s.send(newClient(s.t, nil), 1, "GET /", "X-Forwarded-For: 198.51.100.8")
		if r.wants(s.t, "127.0.0.1:3000", "X-Real-Ip: 198.51.100.8"); err != nil {
			s.t.Error(err)
		}
		if r, err := s.send(newClient(s.t, nil), 1, "GET /", "X-Forwarded-For: 192.0.2.8"); r.status != 403 || err != nil {
			s.t.Errorf("a client that is not wanted: %d, %v", r.status, err)
		}
	},
	"canary.yaml": func(s *stage) {
		s.ask("GET /", "X-Env: canary").wants(s.t, "10.0.0.9:3000")
		s.ask("GET /?canary=1").wants(s.t, "10.0.0.9:3000")
		for _, want := range []string{"10.0.0.1:3000", "10.0.0.2:3000"} {
			s.ask("GET /").wants(s.t, want)
		}
	},
	"maintenance.yaml": func(s *stage) {
		r := s.ask("GET /anything")
		if r.status != 503 || r.header.Get("Retry-After") != "3600" || !strings.Contains(r.body, "back at ten") {
			s.t.Errorf("the page: %+v", r)
		}
		if r := s.ask("GET /healthz"); r.status != 204 {
			s.t.Errorf("the check: %d", r.status)
		}
	},
	"mtls.yaml": func(s *stage) {
		mine := s.ca.ECDSA(s.t, "me").TLS(s.t)
		s.secure(0, "example.com", []tls.Certificate{mine}).wants(s.t, "10.0.0.1:443", "Host: web.internal")
		cfg := &tls.Config{RootCAs: s.ca.Pool, ServerName: "example.com"}
		if r, err := s.send(newClient(s.t, cfg), 0, "GET /"); err == nil {
			s.t.Errorf("a client without a certificate: %d", r.status)
		}
	},
	"production.yaml": func(s *stage) {
		s.ask("GET /reports/x").wants(s.t, "10.0.0.1:3000")
		line(s.t, filepath.Join(s.dir, "access.log"), `"path":"/reports/x"`)
		status := start(s.t, "0", nil, "status", "--admin", "unix:"+s.dir+"/admin.sock")
		if status.wait() != 0 {
			s.t.Error("status fails")
		}
	},
}

// secure asks by TLS.
func (s *stage) secure(listener int, name string, shown []tls.Certificate) reply {
	s.t.Helper()
	cfg := &tls.Config{RootCAs: s.ca.Pool, ServerName: name, Certificates: shown}
	r, err := s.send(newClient(s.t, cfg), listener, "GET /", "Host: "+name)
	if err != nil {
		s.t.Error(err)
	}
	return r
}

// TestExamples runs each example, and has it do what it is for.
func TestExamples(t *testing.T) {
	files, err := filepath.Glob("examples/*.yaml")
	if err != nil || len(files) != len(examples) {
		t.Errorf("%d files and %d tests of them: %v", len(files), len(examples), err)
	}
	eachEngineAtOnce(t, func(t *testing.T, e string) {
		for _, f := range files {
			name := filepath.Base(f)
			t.Run(name, func(t *testing.T) {
				if fn := examples[name]; fn == nil {
					t.Error("no test says what it is for")
				} else {
					fn(play(t, e, name))
				}
			})
		}
	})
}
