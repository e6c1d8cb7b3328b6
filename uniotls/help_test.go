package uniotls_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	mrand "math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/internal/waitfor"
	"github.com/unio-go/unio/uniotest"
	"github.com/unio-go/unio/uniotls"
)

// bound is how long a test waits for what must happen: far more than it takes on a busy machine.
const bound = 30 * time.Second

// authority signs the certificates of the tests. They are for example.com and 127.0.0.1.
type authority struct {
	pool *x509.CertPool
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

var ca = sync.OnceValue(func() *authority {
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	cert := must(x509.ParseCertificate(must(x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key))))
	a := &authority{pool: x509.NewCertPool(), cert: cert, key: key}
	a.pool.AddCert(cert)
	return a
})

// issue makes a certificate for a key, of which only the public half is used.
func (a *authority) issue(public any) tls.Certificate {
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "example.com"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		DNSNames: []string{"example.com"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
	}
	return tls.Certificate{Certificate: [][]byte{must(x509.CreateCertificate(rand.Reader, tmpl, a.cert, public, a.key))}}
}

// identity is a certificate with its key.
var identity = sync.OnceValue(func() tls.Certificate {
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	cert := ca().issue(key.Public())
	cert.PrivateKey, cert.Leaf = key, must(x509.ParseCertificate(cert.Certificate[0]))
	return cert
})

func serverConfig() *tls.Config { return &tls.Config{Certificates: []tls.Certificate{identity()}} }

func clientConfig() *tls.Config { return &tls.Config{RootCAs: ca().pool, ServerName: "example.com"} }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// listen opens a listener on loopback that ends with the test.
func listen(t testing.TB, rt *unio.Runtime) *unio.Listener {
	t.Helper()
	ln, err := rt.Listen("tcp", "127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln
}

// serve runs a handler for TLS connections on loopback.
func serve(t testing.TB, rt *unio.Runtime, cfg *tls.Config, handler func(*uniotls.Conn)) net.Addr {
	t.Helper()
	ln := listen(t, rt)
	go uniotls.NewListener(ln, cfg).Serve(handler)
	return ln.Addr()
}

// dialPlain is a connection of package net that ends with the test and does not wait for good.
func dialPlain(t testing.TB, addr net.Addr) net.Conn {
	t.Helper()
	p, err := net.Dial(addr.Network(), addr.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	p.SetDeadline(time.Now().Add(bound))
	return p
}

// dialTLS is a client of crypto/tls on package net.
func dialTLS(t testing.TB, addr net.Addr, cfg *tls.Config) *tls.Conn {
	t.Helper()
	c := tls.Client(dialPlain(t, addr), cfg)
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	return c
}

// inTask runs fn as a task and waits for it.
func inTask(t testing.TB, rt *unio.Runtime, fn func()) {
	t.Helper()
	done := make(chan struct{})
	rt.Go(func() {
		defer close(done)
		fn()
	})
	await(t, done, "a task to end")
}

// pair is a client in a task and its server's end, an echo's or whatever handler does.
func dialTask(t testing.TB, rt *unio.Runtime, addr net.Addr, cfg *tls.Config, fn func(c *uniotls.Conn)) {
	t.Helper()
	inTask(t, rt, func() {
		ctx, cancel := context.WithTimeout(context.Background(), bound)
		defer cancel()
		c, err := uniotls.Dial(ctx, rt, addr.Network(), addr.String(), cfg)
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(bound))
		fn(c)
	})
}

// await waits for a channel to be closed or to give something.
func await[T any](t testing.TB, c <-chan T, what string) T {
	t.Helper()
	return waitfor.Value(t, c, bound, what)
}

// exchange sends a line to an echo and wants it back.
func exchange(t testing.TB, c io.ReadWriter) {
	t.Helper()
	const line = "what goes around comes around\n"
	got := make([]byte, len(line))
	if _, err := io.WriteString(c, line); err != nil {
		t.Errorf("write: %v", err)
		return
	}
	if _, err := io.ReadFull(c, got); err != nil || string(got) != line {
		t.Errorf("got %q, %v", got, err)
	}
}

// echo sends back what comes.
func echo(c *uniotls.Conn) { io.Copy(c, c) }

// wantIs fails unless err is target.
func wantIs(t testing.TB, what string, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Errorf("%s: error %v, want %v", what, err, target)
	}
}

// noise is bytes that a seed makes, the same for the one who sends and the one who checks.
func noise(seed byte) io.Reader { return mrand.NewChaCha8([32]byte{seed}) }

// scale makes sizes and counts smaller where the race detector makes everything ten times slower.
func scale(normal, race int) int {
	if raceEnabled {
		return race
	}
	return normal
}

// oneLoop are the options of a runtime in which whoever holds a loop holds all of them, and is soon found.
func oneLoop() *unio.Options { return &unio.Options{Loops: 1, StallLimit: 5 * time.Second} }

// neighbour is a plain echo beside whatever a test does, and proves that the loop of both goes on.
func neighbour(t *testing.T, rt *unio.Runtime) (ask func()) {
	t.Helper()
	ln := listen(t, rt)
	go ln.Serve(func(c *unio.Conn) { io.Copy(c, c) })
	p := dialPlain(t, ln.Addr())
	return func() {
		t.Helper()
		p.SetDeadline(time.Now().Add(bound))
		exchange(t, p)
	}
}

// each runs a test on each engine, with two loops.
func each(t *testing.T, fn func(t *testing.T, rt *unio.Runtime)) {
	t.Helper()
	uniotest.EachEngine(t, fn)
}
