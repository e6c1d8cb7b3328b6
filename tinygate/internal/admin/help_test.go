package admin

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/unio-go/unio/internal/waitfor"
	"github.com/unio-go/unio/tinygate/internal/config"
)

// deadline bounds each wait of these tests.
const deadline = 10 * time.Second

// await waits for a channel to be closed or to give something.
func await[T any](t testing.TB, c <-chan T, what string) T {
	t.Helper()
	return waitfor.Value(t, c, deadline, what)
}

// fakeGate is a gate with one upstream.
type fakeGate struct {
	mu       sync.Mutex
	drained  bool
	draining bool
	level    string
	reload   Reload
	inFlight []Request
	began    time.Time
	block    chan struct{} // Reload waits for it
	blocked  chan struct{} // and says here that it does
}

func (g *fakeGate) Status() Status {
	return Status{
		Version: "1.2.3", Started: g.began, Loops: 2,
		Engine:      Engine{Name: "uring", Reason: "it works here", Kernel: "6.1", Rejected: []string{"x: no"}},
		Listeners:   []Listener{{Address: ":443", TLS: true, ProxyProtocol: true}},
		Connections: Connections{Clients: 7, Upstreams: 3, Requests: 2},
		Config:      Config{File: "/etc/tinygate.yaml", Loaded: g.began},
		Certificates: []Certificate{
			{File: "a.pem", Names: []string{"a.example", "*.b.example"}, NotAfter: g.began.Add(time.Hour), Error: "no PEM"},
			{File: "ca.pem", NotAfter: g.began.Add(1000 * time.Hour)},
		},
	}
}

func (g *fakeGate) Upstreams() []Upstream {
	g.mu.Lock()
	defer g.mu.Unlock()
	state := "up"
	if g.drained {
		state = "draining"
	}
	return []Upstream{{Name: "web", Servers: []ServerStatus{
		{Address: "10.0.0.1:80", State: state, Since: g.began, Weight: 10, InFlight: 2, Connections: 5, Idle: 3},
		{Address: "10.0.0.2:80", State: "down", Reason: "connection refused", Weight: 1, Backup: true},
	}}}
}

func (g *fakeGate) InFlight() []Request {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]Request(nil), g.inFlight...)
}

func (g *fakeGate) Drain(upstream, server string, on bool) error {
	if upstream != "web" || server != "10.0.0.1:80" {
		return fmt.Errorf("%w: upstream %q has no server %q", ErrUnknown, upstream, server)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.drained = on
	return nil
}

func (g *fakeGate) Reload(ctx context.Context) Reload {
	if g.block != nil {
		close(g.blocked)
		<-g.block
	}
	return g.reload
}

func (g *fakeGate) LogLevel() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.level
}

func (g *fakeGate) SetLogLevel(level string) error {
	if level != "debug" && level != "info" {
		return fmt.Errorf("there is no level %q, but debug and info", level)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.level = level
	return nil
}

func (g *fakeGate) Draining() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.draining
}

func newFake() *fakeGate {
	return &fakeGate{level: "info", began: time.Now().Add(-90 * time.Minute), reload: Reload{OK: true}}
}

func logger() *slog.Logger { return slog.New(slog.DiscardHandler) }

func metricsHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "tinygate_info 1\n") })
}

func socket(t *testing.T) string { return filepath.Join(t.TempDir(), "admin.sock") }

// serve serves g at address until the test ends. change may change timeouts.
func serve(t *testing.T, address string, g Gate, connections int, change func(*http.Server)) *Server {
	t.Helper()
	s, err := prepare(config.Admin{Address: address}, g, metricsHandler(), logger())
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(&s.http)
	}
	s.start(connections)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), deadline)
		defer cancel()
		s.Close(ctx)
	})
	return s
}

// dial connects as a client does that speaks for itself.
func dial(t *testing.T, s *Server) net.Conn {
	t.Helper()
	network, address := "tcp", s.Addr()
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		network, address = "unix", path
	}
	c, err := net.DialTimeout(network, address, deadline)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(deadline))
	return c
}

func client(t *testing.T, s *Server) *Client {
	t.Helper()
	c, err := NewClient(s.Addr(), deadline)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
