package main

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/unio-go/unio/internal/waitfor"
)

// startFile runs tinygate with a file of this text, on one loop, so that the order in which servers are chosen is known.
func startFile(t *testing.T, engine, text string, args ...string) *process {
	t.Helper()
	file := filepath.Join(t.TempDir(), "gate.yaml")
	return startAs(t, engine, file, text, args...)
}

// startAs is startFile with the name of the file, for tests that change it.
func startAs(t *testing.T, engine, file, text string, args ...string) *process {
	t.Helper()
	writeFile(t, file, text)
	p := start(t, "0", nil, append([]string{"run", file, "--engine", engine, "--loops", "1"}, args...)...)
	if p.addr == "" {
		t.Fatalf("tinygate does not serve\n%s\n%s", text, &p.out)
	}
	return p
}

func writeFile(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// shortDir is a folder for sockets, whose paths have at most 107 bytes.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "tg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// server is an upstream of net/http.
type server struct {
	*httptest.Server
	addr  string
	asked atomic.Int64 // requests that have come
}

// serve runs an upstream until the end of the test.
func serve(t *testing.T, fn http.HandlerFunc) *server {
	t.Helper()
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		fn(w, r)
	}))
	s.addr = s.Listener.Addr().String()
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s
}

// named is an upstream that tells its name and, in a line each, what it was asked.
func named(t *testing.T, name string) *server {
	t.Helper()
	return serve(t, func(w http.ResponseWriter, r *http.Request) { tell(w, r, name) })
}

func tell(w http.ResponseWriter, r *http.Request, name string) {
	w.Header().Set("Server", "upstream")
	fmt.Fprintf(w, "%s\n%s %s\nHost: %s\n", name, r.Method, r.RequestURI, r.Host)
	r.Header.Write(w)
	io.Copy(w, r.Body)
}

// reply is what a client has got.
type reply struct {
	status int
	header http.Header
	body   string
	tls    *tls.ConnectionState
}

// name is the first line of the body: that of the upstream which has answered.
func (r reply) name() string {
	first, _, _ := strings.Cut(r.body, "\n")
	return first
}

// wants fails unless the upstream has answered with its name and been asked with these lines.
func (r reply) wants(t *testing.T, name string, lines ...string) {
	t.Helper()
	if r.status != 200 || r.name() != name {
		t.Errorf("%d from %q, want %q", r.status, r.body, name)
		return
	}
	got := strings.Split(strings.ReplaceAll(r.body, "\r", ""), "\n")
	for _, l := range lines {
		if !slices.Contains(got, l) {
			t.Errorf("the upstream was not asked with %q but\n%s", l, r.body)
		}
	}
}

// newClient is one of net/http, which follows no redirects and keeps its connections until the end of the test.
func newClient(t *testing.T, cfg *tls.Config) *http.Client {
	t.Helper()
	tr := &http.Transport{TLSClientConfig: cfg}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{
		Transport: tr, Timeout: bound,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// send sends a request: "GET /path", to the listener with this number, with fields as "Name: value".
func (p *process) send(c *http.Client, listener int, what string, fields ...string) (reply, error) {
	method, target, _ := strings.Cut(what, " ")
	r, err := http.NewRequest(method, p.urls[listener]+target, nil)
	if err != nil {
		return reply{}, err
	}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		if name == "Host" {
			r.Host = value
		}
		r.Header.Add(name, value)
	}
	a, err := c.Do(r)
	if err != nil {
		return reply{}, err
	}
	defer a.Body.Close()
	b, err := io.ReadAll(a.Body)
	return reply{a.StatusCode, a.Header, string(b), a.TLS}, err
}

// ask is send to the first listener, which has to be answered.
func (p *process) ask(what string, fields ...string) reply {
	p.t.Helper()
	c := newClient(p.t, nil)
	defer c.CloseIdleConnections()
	r, err := p.send(c, 0, what, fields...)
	if err != nil {
		p.t.Errorf("%s: %v", what, err)
	}
	return r
}

// raw is a connection of a client that writes what it likes.
type raw struct {
	net.Conn
	t *testing.T
	r *bufio.Reader
}

func dialRaw(t *testing.T, addr string) *raw {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(bound))
	return &raw{c, t, bufio.NewReader(c)}
}

func (c *raw) send(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		c.t.Fatal(err)
	}
}

// response reads one response.
func (c *raw) response(method string) (*http.Response, string) {
	c.t.Helper()
	r, err := http.ReadResponse(c.r, &http.Request{Method: method})
	if err != nil {
		c.t.Fatalf("no response: %v", err)
	}
	if r.StatusCode < 200 {
		return r, ""
	}
	b, err := io.ReadAll(r.Body)
	if err != nil {
		c.t.Fatalf("a response that is not whole: %v", err)
	}
	return r, string(b)
}

// gone waits for the end of the connection.
func (c *raw) gone() {
	c.t.Helper()
	if b, err := c.r.ReadByte(); err == nil {
		c.t.Errorf("the connection goes on with %q", b)
	} else if isTimeout(err) {
		c.t.Error("the connection stays open")
	}
}

func isTimeout(err error) bool {
	t, ok := err.(net.Error)
	return ok && t.Timeout()
}

// await waits for a channel to be closed or to give something. Only the goroutine of the test may call it.
func await[T any](t *testing.T, c <-chan T, what string) T {
	t.Helper()
	return waitfor.Value(t, c, bound, what)
}

// eventually asks until it is so.
func eventually(t *testing.T, what string, fn func() bool) {
	t.Helper()
	for end := time.Now().Add(bound); !fn(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s", bound, what)
		}
	}
}
