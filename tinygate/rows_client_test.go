package main

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/unio-go/unio/tinygate/internal/certs/certtest"
)

func rowTLS(t *testing.T, e string) {
	ca, dir := certtest.New(t), t.TempDir()
	cert, key := ca.RSA(t, "one.example").Write(t, dir, "one")
	cert2, key2 := ca.ECDSA(t, "two.example", "*.two.example").Write(t, dir, "two")
	p := startFile(t, e, fmt.Sprintf(`
listen:
  address: 127.0.0.1:0
  tls: {certificates: [{cert: %q, key: %q}, {cert: %q, key: %q}]}
routes:
  - to: %q
    request_headers: {set: {X-Name: "${server_name}"}}
`, cert, key, cert2, key2, named(t, "up").addr))
	for _, tc := range []struct{ name, cert string }{
		{"one.example", "one.example"}, {"two.example", "two.example"}, {"www.two.example", "two.example"},
		{"a.www.two.example", "one.example"}, {"unknown.example", "one.example"}, {"", "one.example"},
	} {
		cfg := &tls.Config{RootCAs: ca.Pool, ServerName: tc.name, NextProtos: []string{"h2", "http/1.1"}}
		if tc.cert != tc.name { // looked at below
			cfg.InsecureSkipVerify = true
		}
		r, err := p.send(newClient(t, cfg), 0, "GET /")
		if err != nil {
			t.Fatalf("%s: %v", tc.name, err)
		}
		r.wants(t, "up", "X-Forwarded-Proto: https")
		if has := strings.Contains(r.body, "X-Name: "+tc.name+"\r\n"); has != (tc.name != "") {
			t.Errorf("%q: the upstream was told\n%s", tc.name, r.body)
		}
		got := r.tls.PeerCertificates[0].DNSNames[0]
		if got != tc.cert || r.tls.NegotiatedProtocol != "http/1.1" || r.tls.Version != tls.VersionTLS13 {
			t.Errorf("%q: the certificate is for %s, want %s; protocol %q", tc.name, got, tc.cert, r.tls.NegotiatedProtocol)
		}
	}
}

// chat is an upstream that is a chatter.
func chat(t *testing.T) *server {
	t.Helper()
	return serve(t, chatter(t, "chat"))
}

// chatter speaks WebSocket's handshake (RFC 6455 4.2.2), and then sends back what it gets. To other requests it tells its name.
func chatter(t *testing.T, name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "websocket" {
			tell(w, r, name)
			return
		}
		sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
		c, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		fmt.Fprintf(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
			base64.StdEncoding.EncodeToString(sum[:]))
		io.Copy(c, rw)
	}
}

// upgrade makes a WebSocket of a connection. The key and its answer are those of RFC 6455 1.3.
func (c *raw) upgrade(path string) {
	c.t.Helper()
	c.send("GET " + path + " HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	r, err := http.ReadResponse(c.r, nil)
	if err != nil || r.StatusCode != 101 || r.Header.Get("Sec-WebSocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" ||
		!strings.EqualFold(r.Header.Get("Connection"), "upgrade") {
		c.t.Fatalf("no WebSocket: %v, %v", r, err)
	}
}

// echoes sends a text over a WebSocket, which has to come back.
func (c *raw) echoes(text string) {
	c.t.Helper()
	c.send(text)
	got := make([]byte, len(text))
	if _, err := io.ReadFull(c.r, got); err != nil || string(got) != text {
		c.t.Errorf("%q, %v came back for %q", got, err, text)
	}
}

func rowWebSocket(t *testing.T, e string) {
	up := chat(t)
	p := startFile(t, e, fmt.Sprintf(`
listen: 127.0.0.1:0
routes:
  - {path: /socket, to: %[1]q}
  - {path: /short, to: %[1]q, times: {tunnel: 1s}}
  - to: %[1]q
`, up.addr))
	c := dialRaw(t, p.addr)
	c.upgrade("/socket")
	for i := range 10 {
		c.echoes(strings.Repeat(fmt.Sprint(i), 1<<(2*i)))
	}
	c.Conn.(*net.TCPConn).CloseWrite()
	c.gone()
	c = dialRaw(t, p.addr)
	c.upgrade("/short")
	c.echoes("hello")
	c.gone()
	p.ask("GET /", "Upgrade: h2c", "Connection: Upgrade").wants(t, "chat")
}

// proxy2 is a header of version 2 for TCP over IPv4 (the specification's section 2.2).
func proxy2(from, to netip.AddrPort) string {
	b := []byte("\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c")
	b = append(append(b, from.Addr().AsSlice()...), to.Addr().AsSlice()...)
	return string(append(b, byte(from.Port()>>8), byte(from.Port()), byte(to.Port()>>8), byte(to.Port())))
}

func rowProxyProtocol(t *testing.T, e string) {
	ca, dir := certtest.New(t), t.TempDir()
	cert, key := ca.ECDSA(t, "h.example").Write(t, dir, "h")
	p := startFile(t, e, fmt.Sprintf(`
listen:
  - {address: "127.0.0.1:0", proxy_protocol: 127.0.0.0/8}
  - {address: "127.0.0.1:0", proxy_protocol: 127.0.0.1, tls: {cert: %q, key: %q}}
  - {address: "127.0.0.1:0", proxy_protocol: 10.0.0.0/8}
routes:
  - {client: 192.0.2.66, answer: 403}
  - to: %q
`, cert, key, named(t, "up").addr))
	two := proxy2(netip.MustParseAddrPort("192.0.2.7:1234"), netip.MustParseAddrPort("192.0.2.8:443"))
	for _, header := range []string{"PROXY TCP4 192.0.2.7 192.0.2.8 1234 443\r\n", two, "PROXY UNKNOWN\r\n"} {
		want := "X-Forwarded-For: 192.0.2.7"
		if strings.Contains(header, "UNKNOWN") {
			want = "X-Forwarded-For: 127.0.0.1"
		}
		c := dialRaw(t, p.addr)
		c.send(header + "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
		if r, body := c.response("GET"); r.StatusCode != 200 || !strings.Contains(body, want+"\r\n") {
			t.Errorf("behind %q: %s\n%s", header, r.Status, body)
		}
		c = dialRaw(t, strings.TrimPrefix(p.urls[1], "https://"))
		c.send(header)
		s := tls.Client(c.Conn, &tls.Config{RootCAs: ca.Pool, ServerName: "h.example"})
		c.Conn, c.r = s, bufio.NewReader(s)
		c.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
		if r, body := c.response("GET"); !strings.Contains(body, want+"\r\n") || !strings.Contains(body, "X-Forwarded-Proto: https") {
			t.Errorf("TLS behind %q: %s\n%s", header, r.Status, body)
		}
	}
	c := dialRaw(t, p.addr)
	c.send("PROXY TCP4 192.0.2.66 192.0.2.8 1234 443\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n")
	if r, _ := c.response("GET"); r.StatusCode != 403 {
		t.Errorf("routes do not see the client of the header: %s", r.Status)
	}
	c = dialRaw(t, p.addr)
	c.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	c.gone()
	c = dialRaw(t, strings.TrimPrefix(p.urls[2], "http://"))
	c.send(two + "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	c.gone()
}

func rowSmuggling(t *testing.T, e string) {
	up := named(t, "up")
	p := startFile(t, e, fmt.Sprintf(`
listen: 127.0.0.1:0
to: %q
limits: {head: 4KiB, line: 2KiB, headers: 20, body: 1KiB}
`, up.addr))
	long := strings.Repeat("a", 3000)
	for _, tc := range []struct {
		name, sent string
		want       int
	}{
		{"length and chunked", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
		{"two lengths", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde", 400},
		{"a length with a sign", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +4\r\n\r\nabcd", 400},
		{"chunked is not last", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", 400},
		{"space before the colon", "GET / HTTP/1.1\r\nHost: h\r\nContent-Length : 4\r\n\r\n", 400},
		{"folded", "GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n", 400},
		{"LF alone", "GET / HTTP/1.1\nHost: h\n\n", 400},
		{"underscore", "POST / HTTP/1.1\r\nHost: h\r\nContent_Length: 4\r\n\r\n", 400},
		{"two hosts", "GET / HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n", 400},
		{"no host", "GET / HTTP/1.1\r\n\r\n", 400},
		{"long target", "GET /" + long + " HTTP/1.1\r\nHost: h\r\n\r\n", 414},
		{"long field", "GET / HTTP/1.1\r\nHost: h\r\nX: " + long + "\r\n\r\n", 431},
		{"long head", "GET / HTTP/1.1\r\nHost: h\r\n" + strings.Repeat("X: "+long[:1000]+"\r\n", 5) + "\r\n", 431},
		{"many fields", "GET / HTTP/1.1\r\nHost: h\r\n" + strings.Repeat("X: a\r\n", 30) + "\r\n", 431},
		{"long body", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2000\r\n\r\n", 413},
		{"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
	} {
		c := dialRaw(t, p.addr)
		c.send(tc.sent)
		if r, _ := c.response("GET"); r.StatusCode != tc.want || !r.Close {
			t.Errorf("%s: %s, close %v; want %d and the end", tc.name, r.Status, r.Close, tc.want)
		}
	}
	if n := up.asked.Load(); n != 0 {
		t.Errorf("%d requests came to the upstream", n)
	}
	c := dialRaw(t, p.addr)
	c.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n" + long[:2000] + "\r\n0\r\n\r\n")
	if r, _ := c.response("POST"); r.StatusCode != 413 {
		t.Errorf("a long body in chunks: %s", r.Status)
	}
}

// rowBuffer has a second half that is sent only when another request has been answered: whoever sees the first half before
// that gets it without a buffer.
func rowBuffer(t *testing.T, e string) {
	var second atomic.Bool // the second half may be there
	early := make(chan bool, 10)
	release := make(chan struct{}, 10)
	up := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/up"):
			early <- !second.Load()
			io.Copy(io.Discard, r.Body)
		case strings.HasSuffix(r.URL.Path, "/down"):
			io.WriteString(w, "first half, ")
			w.(http.Flusher).Flush()
			select {
			case <-release:
			case <-r.Context().Done():
			}
			io.WriteString(w, "second half")
		}
	})
	p := startFile(t, e, fmt.Sprintf(`
listen: 127.0.0.1:0
routes:
  - {prefix: /held/, to: %[1]q, buffer: {request: true, response: true, bytes: 1MiB}}
  - {prefix: /streamed/, to: %[1]q}
  - answer: 204
`, up.addr))
	for _, way := range []string{"/streamed", "/held"} {
		held := way == "/held"
		second.Store(false)
		c := dialRaw(t, p.addr)
		c.send("POST " + way + "/up HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n" + strings.Repeat("a", 50000))
		if !held && !await(t, early, "the request") {
			t.Errorf("%s: the request has waited for its end", way)
		}
		p.ask("GET /other")
		second.Store(true)
		c.send(strings.Repeat("b", 50000))
		if held && await(t, early, "the request") {
			t.Errorf("%s: the request did not wait for its end", way)
		}
		if r, _ := c.response("POST"); r.StatusCode != 200 {
			t.Errorf("%s: %s", way, r.Status)
		}

		second.Store(false)
		c = dialRaw(t, p.addr)
		c.send("GET " + way + "/down HTTP/1.1\r\nHost: h\r\n\r\n")
		got := make(chan bool, 1)
		whole := make(chan string, 1)
		go func() {
			if held {
				c.r.Peek(1) // the head is held too
				got <- !second.Load()
			}
			r, err := http.ReadResponse(c.r, nil)
			if err != nil {
				whole <- err.Error()
				return
			}
			b := make([]byte, 1)
			r.Body.Read(b)
			if !held {
				got <- !second.Load()
			}
			rest, _ := io.ReadAll(r.Body)
			whole <- string(b) + string(rest)
		}()
		if !held && !await(t, got, "the response") {
			t.Errorf("%s: the response has waited for its end", way)
		}
		p.ask("GET /other")
		second.Store(true)
		release <- struct{}{}
		if held && await(t, got, "the response") {
			t.Errorf("%s: the response did not wait for its end", way)
		}
		if s := await(t, whole, "the end of the response"); s != "first half, second half" {
			t.Errorf("%s: %q", way, s)
		}
	}
}

func rowProtocol(t *testing.T, e string) {
	up := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/early" {
			http.Error(w, "not that much", http.StatusRequestEntityTooLarge)
			return
		}
		w.Header().Set("Trailer", "X-Sum")
		b, err := io.ReadAll(r.Body)
		w.Write(b)
		w.Header().Set("X-Sum", fmt.Sprintf("%d %q %v", len(b), r.Trailer.Get("X-Mine"), err))
	})
	p := startFile(t, e, "listen: 127.0.0.1:0\nto: "+up.addr+"\n")
	c := &http.Client{Transport: &http.Transport{ExpectContinueTimeout: bound}, Timeout: bound}
	defer c.CloseIdleConnections()
	for _, expect := range []bool{false, true} {
		body := pattern(100_000)
		r, err := http.NewRequest("PUT", p.urls[0]+"/", io.NopCloser(bytes.NewReader(body)))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("TE", "trailers")
		r.Trailer = http.Header{"X-Mine": {"mine"}}
		if expect { // the body goes when 100 has come, which has to be before the bound
			r.Header.Set("Expect", "100-continue")
		}
		began := time.Now()
		a, err := c.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(a.Body)
		a.Body.Close()
		if want := `100000 "mine" <nil>`; err != nil || !bytes.Equal(got, body) || a.Trailer.Get("X-Sum") != want || time.Since(began) > bound/2 {
			t.Errorf("expect %v: %d bytes, %v, trailers %v, want %s", expect, len(got), err, a.Trailer, want)
		}
	}
	early := dialRaw(t, p.addr)
	early.send("POST /early HTTP/1.1\r\nHost: h\r\nContent-Length: 10000000\r\n\r\nthe beginning")
	if r, body := early.response("POST"); r.StatusCode != 413 || body != "not that much\n" || !r.Close {
		t.Errorf("an answer before the end of the request: %s, %q, close %v", r.Status, body, r.Close)
	}
	half := dialRaw(t, p.addr)
	half.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nhalf")
	half.Conn.(*net.TCPConn).CloseWrite()
	if r, body := half.response("POST"); r.StatusCode != 200 || body != "half" {
		t.Errorf("a client that has closed its side: %s, %q", r.Status, body)
	}
	half.gone()
}

func rowPage(t *testing.T, e string) {
	b, err := os.ReadFile("../docs/tinygate.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(b), -1)
	least := strings.NewReplacer(":8080", "127.0.0.1:0", "127.0.0.1:3000", named(t, "up").addr).Replace(blocks[0][1])
	if n := strings.Count(least, "\n"); n != 2 {
		t.Errorf("the least has %d lines", n)
	}
	startFile(t, e, least).ask("GET /").wants(t, "up")
	a, b2, c, d := named(t, "a"), named(t, "b"), named(t, "c"), named(t, "d")
	usual := strings.NewReplacer(":8080", "127.0.0.1:0", "10.0.0.1:3000", a.addr, "10.0.0.2:3000", b2.addr, "10.0.0.3:3000", c.addr,
		"10.0.0.4:3000", d.addr).Replace(blocks[1][1])
	p := startFile(t, e, usual)
	for _, tc := range []struct{ host, path, either string }{{"example.com", "/", "a b"}, {"example.com", "/api/x", "c d"}} {
		if r := p.ask("GET "+tc.path, "Host: "+tc.host); r.status != 200 || !strings.Contains(tc.either, r.name()) {
			t.Errorf("%s%s: %d from %q", tc.host, tc.path, r.status, r.name())
		}
	}
	if r := p.ask("GET /"); r.status != 404 {
		t.Errorf("any other host: %d", r.status)
	}
}
