package load

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"time"

	"github.com/unio-go/unio/bench/internal/hist"
)

// clientConfig takes any certificate: the server is a child of the same program, on loopback. All servers agree on one key
// exchange, which each of them has, and none resumes a session: there is no cache.
var clientConfig = &tls.Config{
	InsecureSkipVerify: true, NextProtos: []string{"http/1.1"},
	MinVersion: tls.VersionTLS13, CurvePreferences: []tls.CurveID{tls.X25519},
}

// tlsTarget is a set of connections under TLS, one goroutine each: crypto/tls waits by itself. The generator needs more CPU
// that way than the plain one; it has a CPU of its own, and what is compared is the server's.
type tlsTarget struct {
	addr   netip.AddrPort
	fresh  int         // so many at a time, each for one request; 0: conns are kept
	conns  []*tls.Conn // each used by one goroutine
	script *script

	mu  sync.Mutex
	lat hist.Hist
}

func openTLS(addr netip.AddrPort, shape Shape, s *script) (_ *tlsTarget, err error) {
	t := &tlsTarget{addr: addr, script: s}
	if shape.Fresh {
		t.fresh = shape.Conns
		return t, nil
	}
	defer func() {
		if err != nil {
			t.Close()
		}
	}()
	for i := range shape.Conns {
		c, err := dialTLS(addr)
		if err != nil {
			return nil, fmt.Errorf("connection %d of %d to %v: %w", i+1, shape.Conns, addr, err)
		}
		c.NetConn().(*net.TCPConn).SetLinger(0) // see dial
		t.conns = append(t.conns, c)
	}
	return t, nil
}

// dialTLS connects, handshake included.
func dialTLS(addr netip.AddrPort) (*tls.Conn, error) {
	c, err := net.DialTimeout("tcp", addr.String(), exchangeLimit)
	if err != nil {
		return nil, err
	}
	c.SetDeadline(time.Now().Add(exchangeLimit))
	tc := tls.Client(c, clientConfig)
	if err := tc.Handshake(); err != nil {
		c.Close()
		return nil, err
	}
	return tc, nil
}

// Close resets all connections.
func (t *tlsTarget) Close() {
	for _, c := range t.conns {
		c.NetConn().Close()
	}
	t.conns = nil
}

// Run keeps one request under way on each connection.
func (t *tlsTarget) Run(s Slice) (Result, error) {
	defer runtime.GC() // there is none while a slice runs
	start := time.Now()
	t.lat.Reset()
	errs := make(chan error, len(t.conns)+t.fresh)
	var wg sync.WaitGroup
	for range t.fresh {
		wg.Go(func() {
			if err := t.loadFresh(start.Add(s.Duration), s.Verify); err != nil {
				errs <- err
			}
		})
	}
	for _, c := range t.conns {
		wg.Go(func() {
			if err := t.load(c, start.Add(s.Duration), s.Verify); err != nil {
				errs <- err
			}
		})
	}
	wg.Wait()
	elapsed := time.Since(start)
	select {
	case err := <-errs:
		return Result{}, err
	default:
	}
	return resultOf(&t.lat, elapsed), nil
}

func (t *tlsTarget) load(c *tls.Conn, end time.Time, verify bool) error {
	buf := make([]byte, t.script.inSize)
	for now := time.Now(); now.Before(end); {
		if err := t.exchange(c, buf, now, verify); err != nil {
			return err
		}
		now = t.count(now)
	}
	return nil
}

// loadFresh makes a connection for each request, which the server closes behind its answer.
func (t *tlsTarget) loadFresh(end time.Time, verify bool) error {
	buf := make([]byte, t.script.inSize)
	for now := time.Now(); now.Before(end); {
		c, err := dialTLS(t.addr)
		if err != nil {
			return err
		}
		if err := t.exchange(c, buf, now, verify); err != nil {
			c.Close()
			return err
		}
		t.count(now)
		_, err = c.Read(buf[:1])
		c.NetConn().Close()
		if err != io.EOF {
			return fmt.Errorf("the server was to close the connection, but: %w", cmp.Or(err, ErrMismatch))
		}
		now = time.Now()
	}
	return nil
}

// exchange performs one request.
func (t *tlsTarget) exchange(c *tls.Conn, buf []byte, now time.Time, verify bool) error {
	c.SetDeadline(now.Add(stallLimit))
	if _, err := c.Write(t.script.out[:t.script.outSize]); err != nil {
		return err
	}
	if _, err := io.ReadFull(c, buf); err != nil {
		return err
	}
	if verify && !t.script.matches(buf, 0) {
		return ErrMismatch
	}
	return nil
}

// count counts a request that began at a time and has ended now.
func (t *tlsTarget) count(since time.Time) (now time.Time) {
	now = time.Now()
	t.mu.Lock()
	t.lat.Add(now.Sub(since))
	t.mu.Unlock()
	return now
}
