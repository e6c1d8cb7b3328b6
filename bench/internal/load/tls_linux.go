package load

import (
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

// clientConfig takes any certificate: the server is a child of the same program, on loopback.
var clientConfig = &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}}

// tlsTarget is a set of connections under TLS, one goroutine each: crypto/tls waits by itself. The generator needs more CPU
// that way than the plain one; it has a CPU of its own, and what is compared is the server's.
type tlsTarget struct {
	conns  []*tls.Conn
	script *script

	mu  sync.Mutex
	lat hist.Hist
}

func openTLS(addr netip.AddrPort, shape Shape, s *script) (_ *tlsTarget, err error) {
	t := &tlsTarget{script: s}
	defer func() {
		if err != nil {
			t.Close()
		}
	}()
	for i := range shape.Conns {
		c, err := net.DialTimeout("tcp", addr.String(), exchangeLimit)
		if err != nil {
			return nil, fmt.Errorf("connection %d of %d to %v: %w", i+1, shape.Conns, addr, err)
		}
		c.(*net.TCPConn).SetLinger(0) // see dial
		tc := tls.Client(c, clientConfig)
		t.conns = append(t.conns, tc)
		c.SetDeadline(time.Now().Add(exchangeLimit))
		if err := tc.Handshake(); err != nil {
			return nil, err
		}
	}
	return t, nil
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
	errs := make(chan error, len(t.conns))
	var wg sync.WaitGroup
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
		then := time.Now()
		t.mu.Lock()
		t.lat.Add(then.Sub(now))
		t.mu.Unlock()
		now = then
	}
	return nil
}
