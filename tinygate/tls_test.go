package main

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/unio-go/unio/tinygate/internal/certs/certtest"
)

// eachEngineAtOnce runs a test on each engine, side by side.
func eachEngineAtOnce(t *testing.T, fn func(t *testing.T, e string)) {
	for _, e := range engines(t) {
		t.Run(e, func(t *testing.T) {
			t.Parallel()
			fn(t, e)
		})
	}
}

func TestTLSVersionsAndPlainText(t *testing.T) {
	eachEngineAtOnce(t, func(t *testing.T, e string) {
		ca := certtest.New(t)
		cert, key := ca.ECDSA(t, "h.example").Write(t, t.TempDir(), "h")
		p := startFile(t, e, fmt.Sprintf(`
listen:
  - {address: "127.0.0.1:0", tls: {cert: %[1]q, key: %[2]q}}
  - {address: "127.0.0.1:0", tls: {cert: %[1]q, key: %[2]q, min_version: 1.3}}
to: %[3]q
`, cert, key, named(t, "up").addr))
		for _, tc := range []struct {
			listener int
			version  uint16
			good     bool
		}{
			{0, tls.VersionTLS11, false}, {0, tls.VersionTLS12, true}, {0, tls.VersionTLS13, true},
			{1, tls.VersionTLS12, false}, {1, tls.VersionTLS13, true},
		} {
			cfg := &tls.Config{RootCAs: ca.Pool, ServerName: "h.example", MinVersion: tls.VersionTLS10, MaxVersion: tc.version}
			r, err := p.send(newClient(t, cfg), tc.listener, "GET /")
			if (err == nil) != tc.good || tc.good && r.tls.Version != tc.version {
				t.Errorf("listener %d with %s: %v", tc.listener, tls.VersionName(tc.version), err)
			}
		}
		c := dialRaw(t, p.addr)
		c.send("GET / HTTP/1.1\r\nHost: h.example\r\n\r\n")
		if r, body := c.response("GET"); r.StatusCode != 400 || !strings.Contains(body, "https://") {
			t.Errorf("plain text: %s, %q", r.Status, body)
		}
	})
}

// Sessions are resumed after a reload that adds a certificate, and a certificate that was replaced is served without one.
func TestTLSOverReloads(t *testing.T) {
	eachEngineAtOnce(t, func(t *testing.T, e string) {
		ca, dir := certtest.New(t), t.TempDir()
		cert, key := ca.ECDSA(t, "h.example").Write(t, dir, "h")
		cert2, key2 := ca.ECDSA(t, "i.example").Write(t, dir, "i")
		file := filepath.Join(dir, "gate.yaml")
		text := func(more string) string {
			return fmt.Sprintf("listen: {address: \"127.0.0.1:0\", tls: {certificates: [{cert: %q, key: %q}%s]}}\nto: %q\n",
				cert, key, more, "127.0.0.1:1")
		}
		p := startAs(t, e, file, text(""))
		cfg := &tls.Config{RootCAs: ca.Pool, ServerName: "h.example", ClientSessionCache: tls.NewLRUClientSessionCache(1)}
		connect := func(cfg *tls.Config) tls.ConnectionState {
			c := newClient(t, cfg)
			defer c.CloseIdleConnections()
			r, err := p.send(c, 0, "GET /")
			if err != nil {
				t.Fatal(err)
			}
			return *r.tls
		}
		connect(cfg)
		if !connect(cfg).DidResume {
			t.Error("a session is not resumed")
		}
		writeFile(t, file, text(fmt.Sprintf(", {cert: %q, key: %q}", cert2, key2)))
		p.reload("listener 127.0.0.1:0: changed")
		if !connect(cfg).DidResume {
			t.Error("a session from before the reload is not resumed")
		}
		connect(&tls.Config{RootCAs: ca.Pool, ServerName: "i.example"})
		next := ca.ECDSA(t, "h.example", "renewed.example")
		next.Write(t, dir, "h")
		eventually(t, "a certificate that was replaced is served", func() bool {
			return len(connect(&tls.Config{RootCAs: ca.Pool, ServerName: "h.example"}).PeerCertificates[0].DNSNames) == 2
		})
		p.wants("a new certificate is in use")
	})
}

func TestTLSClientCertificates(t *testing.T) {
	eachEngineAtOnce(t, func(t *testing.T, e string) {
		ca, clients, others, dir := certtest.New(t), certtest.New(t), certtest.New(t), t.TempDir()
		cert, key := ca.ECDSA(t, "h.example").Write(t, dir, "h")
		clientCA := filepath.Join(dir, "clients.pem")
		certtest.File(t, clientCA, clients.PEM)
		p := startFile(t, e, fmt.Sprintf(`
listen:
  - {address: "127.0.0.1:0", tls: {cert: %[1]q, key: %[2]q, client_ca: %[3]q}}
  - {address: "127.0.0.1:0", tls: {cert: %[1]q, key: %[2]q, client_ca: %[3]q, client_auth: optional}}
  - {address: "127.0.0.1:0"}
routes:
  - {to: %[4]q, request_headers: {set: {X-Subject: "${client_cert_subject}", X-Verified: "${client_cert_verify}"}}}
`, cert, key, clientCA, named(t, "up").addr))
		const claim, subject = "X-Subject: CN=root", "X-Subject: CN=test"
		good, bad := clients.ECDSA(t, "client").TLS(t), others.ECDSA(t, "client").TLS(t)
		for _, tc := range []struct {
			name     string
			listener int
			shown    []tls.Certificate
			served   bool
		}{
			{"required, good", 0, []tls.Certificate{good}, true}, {"required, none", 0, nil, false},
			{"required, of another authority", 0, []tls.Certificate{bad}, false},
			{"optional, good", 1, []tls.Certificate{good}, true}, {"optional, none", 1, nil, true},
			{"optional, of another authority", 1, []tls.Certificate{bad}, false},
		} {
			cfg := &tls.Config{RootCAs: ca.Pool, ServerName: "h.example"}
			// Shown whatever the server asks for, or a client would not show one of another authority.
			cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
				if len(tc.shown) == 0 {
					return &tls.Certificate{}, nil
				}
				return &tc.shown[0], nil
			}
			cfg.ClientSessionCache = tls.NewLRUClientSessionCache(1)
			for range 2 { // the second connection resumes the session of the first
				r, err := p.send(newClient(t, cfg), tc.listener, "GET /", claim, "X-Verified: SUCCESS")
				if served := err == nil && r.status == 200; served != tc.served {
					t.Errorf("%s: %d, %v", tc.name, r.status, err)
				}
				switch {
				case !tc.served:
				case len(tc.shown) > 0:
					r.wants(t, "up", subject, "X-Verified: SUCCESS")
				default:
					r.wants(t, "up", "X-Verified: NONE")
				}
				if strings.Contains(r.body, claim) || len(tc.shown) == 0 && strings.Contains(r.body, "X-Subject") {
					t.Errorf("%s: the server is told\n%s", tc.name, r.body)
				}
			}
		}
		r, err := p.send(newClient(t, nil), 2, "GET /", claim)
		if err != nil || strings.Contains(r.body, "X-Subject") {
			t.Errorf("without TLS the server is told\n%s, %v", r.body, err)
		}
		r.wants(t, "up", "X-Verified: NONE")
	})
}

// TLS that ends without its own word is a client that has left, and its request is given up; one that says its word may wait for
// its response, and for its body.
func TestTLSThatIsCutWhileItWaits(t *testing.T) {
	eachEngineAtOnce(t, func(t *testing.T, e string) {
		ca, dir := certtest.New(t), t.TempDir()
		cert, key := ca.ECDSA(t, "h.example").Write(t, dir, "h")
		asked, left, answer := make(chan struct{}, 10), make(chan struct{}, 10), make(chan struct{}, 10)
		up := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/body" {
				w.(http.Flusher).Flush()
			}
			asked <- struct{}{}
			select {
			case <-answer:
				io.WriteString(w, "late")
			case <-r.Context().Done():
				left <- struct{}{}
			case <-time.After(bound):
			}
		})
		p := startFile(t, e, fmt.Sprintf("listen: {address: '127.0.0.1:0', tls: {cert: %q, key: %q}}\nto: %q\n", cert, key, up.addr))
		ask := func(target string) *tls.Conn {
			c, err := tls.Dial("tcp", p.addr, &tls.Config{RootCAs: ca.Pool, ServerName: "h.example"})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { c.Close() })
			c.SetDeadline(time.Now().Add(bound))
			io.WriteString(c, "GET "+target+" HTTP/1.1\r\nHost: h.example\r\n\r\n")
			await(t, asked, "the request")
			return c
		}
		for _, target := range []string{"/", "/body"} {
			ask(target).NetConn().Close()
			await(t, left, "the end of the request at the server")
			c := ask(target)
			c.CloseWrite()
			time.Sleep(300 * time.Millisecond) // it is watched
			answer <- struct{}{}
			r, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				t.Fatal(err)
			}
			if b, _ := io.ReadAll(r.Body); string(b) != "late" {
				t.Errorf("%s, %q", r.Status, b)
			}
		}
	})
}

// A server with a certificate that is not right gets no request, and is taken out.
func TestTLSToServers(t *testing.T) {
	eachEngineAtOnce(t, func(t *testing.T, e string) {
		ca, others, dir := certtest.New(t), certtest.New(t), t.TempDir()
		up := &server{Server: httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			tell(w, r, "up by "+r.TLS.ServerName+" to "+fmt.Sprint(len(r.TLS.PeerCertificates)))
		}))}
		up.TLS = &tls.Config{Certificates: []tls.Certificate{ca.ECDSA(t, "web.internal").TLS(t)}, ClientAuth: tls.RequestClientCert}
		up.StartTLS()
		t.Cleanup(up.Close)
		right := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { tell(w, r, "right") }))
		right.TLS = &tls.Config{Certificates: []tls.Certificate{ca.ECDSA(t, "other.internal").TLS(t)}}
		right.StartTLS()
		t.Cleanup(right.Close)
		authority, other := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "other.pem")
		certtest.File(t, authority, ca.PEM)
		certtest.File(t, other, others.PEM)
		cert, key := ca.ECDSA(t, "gate").Write(t, dir, "gate")
		socket := filepath.Join(shortDir(t), "admin.sock")
		p := startFile(t, e, fmt.Sprintf(`
listen: 127.0.0.1:0
admin: unix:%[6]s
upstreams:
  good: {servers: %[1]q, tls: {ca: %[2]q, server_name: web.internal, cert: %[4]q, key: %[5]q}}
  name: {servers: [%[1]q, %[7]q], tls: {ca: %[2]q, server_name: other.internal}, eject: {failures: 2, for: 1h}}
  other: {servers: %[1]q, tls: {ca: %[3]q, server_name: web.internal}}
  any: {servers: %[1]q, tls: {insecure: true, server_name: web.internal}}
routes:
  - {path: /good, to: good}
  - {path: /name, to: name}
  - {path: /other, to: other}
  - {path: /any, to: any}
`, up.Listener.Addr(), authority, other, cert, key, socket, right.Listener.Addr()))
		p.ask("GET /good").wants(t, "up by web.internal to 1", "GET /good")
		p.ask("GET /any").wants(t, "up by web.internal to 0", "GET /any")
		if r := p.ask("POST /other"); r.status != 502 {
			t.Errorf("a server whose certificate is of another authority: %d", r.status)
		}
		for range 6 {
			p.ask("POST /name").wants(t, "right")
		}
		p.wants("certificate")
		upstreams := start(t, "0", nil, "upstreams", "--admin", "unix:"+socket)
		if upstreams.wait() != 0 || !strings.Contains(upstreams.out.String(), "ejected") {
			t.Errorf("a server with a wrong certificate is not taken out:\n%s", &upstreams.out)
		}
	})
}

// The redirect to https is per host, and makes no loop behind a proxy that has ended TLS.
func TestRedirectToHTTPS(t *testing.T) {
	eachEngineAtOnce(t, func(t *testing.T, e string) {
		p := startFile(t, e, fmt.Sprintf(`
listen: 127.0.0.1:0
trusted_proxies: 127.0.0.0/8
routes:
  - {host: secure.example, redirect: https}
  - {host: secure.example, to: %[1]q}
  - {to: %[1]q}
`, named(t, "up").addr))
		r := p.ask("GET /a?b=c", "Host: secure.example:80")
		if r.status != 308 || r.header.Get("Location") != "https://secure.example/a?b=c" {
			t.Errorf("%d to %q", r.status, r.header.Get("Location"))
		}
		p.ask("GET /a", "Host: secure.example", "X-Forwarded-Proto: https").wants(t, "up", "X-Forwarded-Proto: https")
		p.ask("GET /a", "Host: plain.example").wants(t, "up", "X-Forwarded-Proto: http")
	})
}
