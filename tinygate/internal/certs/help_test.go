package certs_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/internal/waitfor"
	"github.com/unio-go/unio/tinygate/internal/certs"
	"github.com/unio-go/unio/tinygate/internal/certs/certtest"
	"github.com/unio-go/unio/tinygate/internal/config"
	"github.com/unio-go/unio/tinygate/internal/stream"
)

// bound is how long anything in these tests may take before it counts as hanging.
const bound = 20 * time.Second

// logText collects what is logged.
type logText struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write keeps a line.
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

// site is a folder with the files of a Server.
type site struct {
	testing.TB
	*certtest.Authority
	folder string
	cfg    config.ServerTLS
	log    logText
}

func newSite(t testing.TB) *site {
	return &site{TB: t, Authority: certtest.New(t), folder: t.TempDir(), cfg: config.ServerTLS{TicketTime: time.Hour}}
}

// add puts a pair into the folder and the configuration.
func (s *site) add(name string, p certtest.Pair) {
	s.Helper()
	cert, key := p.Write(s, s.folder, name)
	s.cfg.Certificates = append(s.cfg.Certificates, config.Certificate{Cert: cert, Key: key})
}

// clientCA has clients checked by an authority.
func (s *site) clientCA(auth config.ClientAuth, pem []byte) {
	s.cfg.ClientCA, s.cfg.ClientAuth = filepath.Join(s.folder, "ca.pem"), auth
	certtest.File(s, s.cfg.ClientCA, pem)
}

// open makes the Server, which ends with the test.
func (s *site) open(t testing.TB, tickets *certs.Tickets) *certs.Server {
	t.Helper()
	srv, err := certs.NewServer(&s.cfg, tickets, slog.New(slog.NewTextHandler(&s.log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	return srv
}

// serve runs an echo behind the Server's TLS; what handshakes fail with goes to failed.
func serve(t testing.TB, rt *unio.Runtime, srv *certs.Server, failed chan error) string {
	t.Helper()
	return serveBy(t, rt, srv, failed, echo)
}

// serveBy is serve with a handler of the test's own.
func serveBy(t testing.TB, rt *unio.Runtime, srv *certs.Server, failed chan error, handler func(stream.Conn)) string {
	t.Helper()
	ln, err := rt.Listen("tcp", "127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	var served sync.WaitGroup
	served.Go(func() {
		ln.Serve(func(u *unio.Conn) {
			stream.Serve(u, srv.Config(), func(c stream.Conn) {
				if err := c.Handshake(bound); err != nil {
					failed <- err
					return
				}
				handler(c)
			})
		})
	})
	t.Cleanup(func() {
		ln.Close()
		served.Wait()
	})
	return ln.Addr().String()
}

func echo(c stream.Conn) {
	for {
		b, err := c.Recv()
		if err != nil || c.Send(b) != nil {
			return
		}
	}
}

// client is the configuration of a client that trusts the site's authority.
func (s *site) client(name string) *tls.Config {
	return &tls.Config{RootCAs: s.Pool, ServerName: name, ClientSessionCache: tls.NewLRUClientSessionCache(1)}
}

// dial makes a connection and its handshake.
func dial(t testing.TB, addr string, cfg *tls.Config) (*tls.Conn, error) {
	t.Helper()
	p, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	p.SetDeadline(time.Now().Add(bound))
	c := tls.Client(p, cfg)
	return c, c.Handshake()
}

// open makes a connection that works.
func open(t testing.TB, addr string, cfg *tls.Config) *tls.Conn {
	t.Helper()
	c, err := dial(t, addr, cfg)
	if err != nil {
		t.Fatal(err)
	}
	exchange(t, c)
	return c
}

// exchange wants a word back.
func exchange(t testing.TB, c *tls.Conn) {
	t.Helper()
	got := make([]byte, 4)
	if _, err := io.WriteString(c, "word"); err != nil {
		t.Error(err)
	}
	if _, err := io.ReadFull(c, got); err != nil || string(got) != "word" {
		t.Errorf("%q came back, %v", got, err)
	}
}

// refused wants a connection to fail with an alert. In TLS 1.3 the client's handshake ends before the server has seen its
// certificate, so the alert may come with the first read.
func refused(t testing.TB, addr string, cfg *tls.Config, alert string) {
	t.Helper()
	c, err := dial(t, addr, cfg)
	if err == nil {
		_, err = c.Read(make([]byte, 1))
	}
	if err == nil || !strings.Contains(err.Error(), alert) {
		t.Errorf("the client got %v, want %q", err, alert)
	}
}

// leaf is the serial number of the certificate that a client got.
func leaf(c *tls.Conn) string { return c.ConnectionState().PeerCertificates[0].SerialNumber.String() }

// serial is that of a pair.
func serial(t testing.TB, p certtest.Pair) string { return p.TLS(t).Leaf.SerialNumber.String() }

// await waits for a channel to give something.
func await[T any](t testing.TB, c <-chan T, what string) T {
	t.Helper()
	return waitfor.Value(t, c, bound, what)
}

// eventually waits for a condition.
func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(bound); !cond(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s does not come", what)
		}
	}
}

func wantIs(t testing.TB, what string, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Errorf("%s: error %v, want %v", what, err, target)
	}
}
