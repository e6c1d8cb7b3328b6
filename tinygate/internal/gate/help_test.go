package gate_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/internal/atonce"
	"github.com/unio-go/unio/internal/waitfor"
	"github.com/unio-go/unio/tinygate/internal/config"
	"github.com/unio-go/unio/tinygate/internal/gate"
	"github.com/unio-go/unio/uniotest"
)

// bound is how long anything in these tests may take before it counts as hanging.
const bound = 20 * time.Second

// logText collects what a gate logs.
type logText struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// world is a gate with its upstreams.
type world struct {
	*testing.T
	rt   *unio.Runtime
	g    *gate.Gate
	addr string
	log  *logText
}

// setup is what a test wants of its gate beside what a file without settings gives. Zero times mean the default.
type setup struct {
	Upstreams []string
	Times     config.Times
	Logger    *slog.Logger
	Change    func(*config.Config)
}

// config is the configuration.
func (s setup) config(t testing.TB) *config.Config {
	t.Helper()
	cfg, err := config.Simple("127.0.0.1:0", s.Upstreams)
	if err != nil {
		t.Fatal(err)
	}
	// All upstreams are one, so what the tests of one of several find is not changed by ejections.
	for _, times := range []*config.Times{&cfg.Times, &cfg.Routes[0].Times} {
		was, to := reflect.ValueOf(s.Times), reflect.ValueOf(times).Elem()
		for i := range was.NumField() {
			if !was.Field(i).IsZero() {
				to.Field(i).Set(was.Field(i))
			}
		}
	}
	if s.Change != nil {
		s.Change(cfg)
	}
	return cfg
}

// eachEngine runs a test with a gate in front of the given upstreams, on every engine. One loop lets a
// test know which pooled connection a request takes.
func eachEngine(t *testing.T, s setup, fn func(w *world), upstreams ...func(*testing.T) string) {
	t.Helper()
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		fn(newWorld(t, rt, s, upstreams...))
	})
}

// atOnce runs a test on all engines side by side.
func atOnce(t *testing.T, fn func(t *testing.T, rt *unio.Runtime)) {
	t.Helper()
	atonce.Run(t, uniotest.Engines(), 1, fn)
}

// eachEngineAtOnce is eachEngine for atOnce.
func eachEngineAtOnce(t *testing.T, s setup, fn func(w *world), upstreams ...func(*testing.T) string) {
	t.Helper()
	atOnce(t, func(t *testing.T, rt *unio.Runtime) { fn(newWorld(t, rt, s, upstreams...)) })
}

func newWorld(t *testing.T, rt *unio.Runtime, s setup, upstreams ...func(*testing.T) string) *world {
	t.Helper()
	w := &world{T: t, rt: rt, log: new(logText)}
	for _, u := range upstreams {
		s.Upstreams = append(s.Upstreams, u(t))
	}
	if s.Logger == nil {
		s.Logger = slog.New(slog.NewTextHandler(w.log, nil))
	}
	w.g = startGate(t, rt, s.config(t), s.Logger)
	w.addr = w.g.Addrs()[0].String()
	return w
}

// startGate starts a gate, which ends with the test and has to do so in time.
func startGate(t testing.TB, rt *unio.Runtime, cfg *config.Config, log *slog.Logger) *gate.Gate {
	t.Helper()
	g, err := gate.New(rt, cfg, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), bound)
		defer cancel()
		if err := rt.Shutdown(ctx); err != nil {
			t.Errorf("the gate's tasks did not end: %v", err)
		}
		if err := g.Close(); err != nil {
			t.Errorf("the gate: %v", err)
		}
	})
	g.Start()
	return g
}

// script is an upstream that a function plays for each connection; n counts them from 1.
func script(play func(t *testing.T, c *peer, n int)) func(*testing.T) string {
	return func(t *testing.T) string {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		var count atomic.Int64
		all.Go(func() {
			for {
				c, err := ln.Accept()
				if err != nil {
					return
				}
				p := newPeer(t, c)
				all.Go(func() {
					defer c.Close()
					play(t, p, int(count.Add(1)))
				})
			}
		})
		t.Cleanup(func() {
			ln.Close()
			all.Wait()
		})
		return ln.Addr().String()
	}
}

// tellHeads is an upstream's play that answers every request and tells what its head was.
func tellHeads(heads chan<- string) func(*testing.T, *peer, int) {
	return func(_ *testing.T, c *peer, _ int) {
		for {
			m, err := c.request()
			if err != nil {
				return
			}
			heads <- m
			c.send(ok)
		}
	}
}

// replies is an upstream that answers each request on a connection, with its body read, by the same bytes.
func replies(response string) func(*testing.T) string {
	return script(func(t *testing.T, c *peer, _ int) {
		for {
			if _, err := c.request(); err != nil {
				return
			}
			if c.send(response) != nil {
				return
			}
		}
	})
}

// dead is an address on which nobody listens. The port lies outside the range that the kernel chooses from, so no other
// test gets it, as it might get that of a listener which was closed.
func dead(*testing.T) string { return "127.0.0.1:1" }

// peer is a raw connection of a script.
type peer struct {
	t *testing.T
	net.Conn
	r *bufio.Reader
}

func newPeer(t *testing.T, c net.Conn) *peer {
	c.SetDeadline(time.Now().Add(bound))
	return &peer{t: t, Conn: c, r: bufio.NewReader(c)}
}

func (w *world) dial() *peer {
	w.Helper()
	c, err := net.Dial("tcp", w.addr)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { c.Close() })
	return newPeer(w.T, c)
}

func (p *peer) send(s string) error {
	_, err := io.WriteString(p, s)
	return err
}

// head reads up to and with the empty line.
func (p *peer) head() (string, error) {
	var b strings.Builder
	for {
		line, err := p.r.ReadString('\n')
		b.WriteString(line)
		if err != nil {
			return b.String(), err
		}
		if line == "\r\n" {
			return b.String(), nil
		}
	}
}

// request reads a whole request, head and body as they stand on the wire.
func (p *peer) request() (string, error) { return p.message(false) }

// message reads a head and the body that it announces. noBody is for responses that have none in spite of
// their fields.
func (p *peer) message(noBody bool) (string, error) {
	head, err := p.head()
	if err != nil || noBody {
		return head, err
	}
	switch {
	case value(head, "Transfer-Encoding") == "chunked":
		body, err := p.chunked()
		return head + body, err
	case value(head, "Content-Length") != "":
		n := 0
		for _, c := range value(head, "Content-Length") {
			n = n*10 + int(c-'0')
		}
		b := make([]byte, n)
		n, err := io.ReadFull(p.r, b)
		return head + string(b[:n]), err
	}
	return head, nil
}

// chunked reads a chunked body raw.
func (p *peer) chunked() (string, error) {
	var b strings.Builder
	for {
		line, err := p.r.ReadString('\n')
		b.WriteString(line)
		if err != nil {
			return b.String(), err
		}
		n := 0
		for _, c := range strings.TrimSpace(line) {
			n = n*16 + strings.IndexRune("0123456789abcdef", c)
		}
		if n == 0 {
			trailer, err := p.head()
			return b.String() + trailer, err
		}
		if _, err := io.CopyN(&b, p.r, int64(n+2)); err != nil {
			return b.String(), err
		}
	}
}

// unchunk gives the payload of a raw chunked body of which every chunk is whole.
func unchunk(raw string) string {
	var b strings.Builder
	for {
		line, rest, ok := strings.Cut(raw, "\r\n")
		n := 0
		for _, c := range line {
			n = n*16 + strings.IndexRune("0123456789abcdef", c)
		}
		if !ok || n == 0 || len(rest) < n+2 {
			return b.String()
		}
		b.WriteString(rest[:n])
		raw = rest[n+2:]
	}
}

// value is that of a field in a raw head.
func value(head, name string) string {
	for line := range strings.SplitSeq(head, "\r\n") {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.EqualFold(k, name) {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// wantEnd reads to the end of the connection and wants nothing before it.
func (p *peer) wantEnd() {
	p.t.Helper()
	rest, err := io.ReadAll(p.r)
	if len(rest) > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		p.t.Errorf("the connection is not at its end: %q, %v", rest, err)
	}
}

// wantStatus reads a response and wants its status.
func (p *peer) wantStatus(status string) string {
	p.t.Helper()
	m, err := p.message(strings.HasPrefix(status, "1") || status == "204" || status == "304")
	if err != nil || !strings.HasPrefix(m, "HTTP/1.1 "+status+" ") {
		p.t.Errorf("got %q, %v; want status %s", m, err, status)
	}
	return m
}

// wantLog waits until the log has all of the words.
func (w *world) wantLog(words ...string) {
	w.Helper()
	w.eventually("a log line", func() bool {
		for _, word := range words {
			if !strings.Contains(w.log.String(), word) {
				return false
			}
		}
		return true
	})
	if w.Failed() {
		w.Logf("want %q, the log is:\n%s", words, w.log)
	}
}

// await waits for a channel to be closed or to give something. Only the goroutine of the test may call it.
func await[T any](t testing.TB, c <-chan T, what string) T {
	t.Helper()
	return waitfor.Value(t, c, bound, what)
}

// awaits is await for a script, which must not end the test: it reports whether what it waits for has come. A script that waited
// for good would keep the test from telling why it has failed.
func (p *peer) awaits(c <-chan struct{}, what string) bool {
	select {
	case <-c:
		return true
	case <-time.After(bound):
		p.t.Errorf("a server waits in vain for %s", what)
		return false
	}
}

// eventually waits for a condition.
func (w *world) eventually(what string, cond func() bool) {
	w.Helper()
	for end := time.Now().Add(bound); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			w.Errorf("%s does not come", what)
			return
		}
	}
}
