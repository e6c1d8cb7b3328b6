package cluster

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/unio-go/unio/tinygate/internal/config"
)

// health is what checks have found, under the cluster's lock.
type health struct {
	up           bool
	reason       string // why it is not up
	checked      bool   // a check has ended
	good         int    // checks in a row, while it is down
	bad          int    // checks in a row, while it is up
	checksFailed uint64
	checks       *config.Health     // that are under way; nil: none
	stop         context.CancelFunc // of the goroutine that does them
}

func sameHealth(a, b *config.Health) bool {
	return a == b || a != nil && b != nil && *a == *b
}

// endChecks stops the checks. One that is under way has no effect any more.
func (h *health) endChecks() {
	if h.stop != nil {
		h.stop()
		h.stop = nil
	}
}

// recheck begins the checks that the configuration wants, in place of any others. What is known of the server stays, except
// that one which is not checked any more is up.
func (c *Cluster) recheck(s *Server) {
	s.endChecks()
	s.good, s.bad = 0, 0
	h := c.cfg.Load().Health
	s.checks = h
	if h == nil {
		if !s.up {
			s.up, s.reason, s.back = true, "", time.Now()
			s.logger().Info("tinygate: a server is up: it is not checked any more")
		}
		return
	}
	ctx, stop := context.WithCancel(c.set.ctx)
	s.stop = stop
	first := c.set.checks.wait(time.Now(), h.Interval)
	c.set.wg.Go(func() {
		if sleep(ctx, first) {
			c.check(ctx, s, h)
		}
	})
}

// pace spreads the first checks of servers that are new together. Thousands of handshakes at once would take longer than a
// check may, and the late ones would report healthy servers as down.
type pace struct {
	mu   sync.Mutex
	next time.Time // when the next one may begin
}

// wait is how long a first check has to wait, less than an interval.
func (p *pace) wait(now time.Time, interval time.Duration) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.next.Before(now) {
		p.next = now
	}
	d := p.next.Sub(now)
	p.next = p.next.Add(checkGap)
	return d % interval
}

// check checks a server until ctx ends: now, and then once in each interval.
func (c *Cluster) check(ctx context.Context, s *Server, h *config.Health) {
	for {
		p := newProbe(s, h, c.secure(s)) // which a reload may have made anew
		err := p.run(ctx)
		p.close()
		if !c.checked(ctx, s, err) || !sleep(ctx, h.Interval) {
			return
		}
	}
}

// sleep waits for d, a tenth more or less so that what is regular does not march in step. It reports whether ctx still
// goes on.
func sleep(ctx context.Context, d time.Duration) bool {
	if tenth := int64(d) / 10; tenth > 0 {
		d += time.Duration(rand.Int64N(2*tenth+1) - tenth)
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// checked takes the result of a check, and reports whether there are to be others. A check for which there was no
// descriptor has no result.
func (c *Cluster) checked(ctx context.Context, s *Server, err error) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if ctx.Err() != nil {
		return false
	}
	if IsNoDescriptor(err) {
		s.logger().Debug("tinygate: a server cannot be checked", slog.Any("error", err))
		return true
	}
	if s.learn(err, c.cfg.Load().Health) {
		now := time.Now()
		if s.up {
			s.back = now
			s.logger().Info("tinygate: a server is up")
		} else {
			s.logger().Warn("tinygate: a server is down", slog.String("reason", s.reason))
		}
		c.publish(now)
	}
	return true
}

// learn adds a check's result, and reports whether that has changed the server's state.
func (h *health) learn(err error, cfg *config.Health) (turned bool) {
	first := !h.checked
	h.checked = true
	if err != nil {
		h.checksFailed++
		h.good = 0
		if !h.up {
			h.reason = err.Error()
			return false
		}
		if h.bad++; h.bad < cfg.Fall && !first {
			return false
		}
		h.up, h.reason, h.bad = false, err.Error(), 0
		return true
	}
	h.bad = 0
	if h.up {
		return false
	}
	if h.good++; h.good < cfg.Rise {
		return false
	}
	h.up, h.reason, h.good = true, "", 0
	return true
}

// probe is one check of a server. It makes a connection of its own: one that is kept would not show whether new ones can
// be made.
type probe struct {
	network, addr string
	h             *config.Health
	url           *url.URL // nil: a connection is enough
	host          string
	client        http.Client
}

func newProbe(s *Server, h *config.Health, secure *tls.Config) *probe {
	p := &probe{network: "tcp", addr: s.Addr, h: h, host: h.Host}
	if path, ok := strings.CutPrefix(s.Addr, "unix:"); ok {
		p.network, p.addr = "unix", path
	}
	if !h.HTTP {
		return p
	}
	if p.host == "" {
		p.host = s.Name
		if p.network == "unix" {
			p.host = "localhost"
		}
	}
	p.url, _ = url.ParseRequestURI(h.Path) // Apply has checked it
	p.url.Scheme, p.url.Host = "http", p.host
	t := &http.Transport{
		DialContext:            func(ctx context.Context, _, _ string) (net.Conn, error) { return p.dial(ctx) },
		DisableKeepAlives:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: checkHeadBytes,
	}
	if s.TLS != nil {
		p.url.Scheme = "https"
		t.TLSClientConfig = secure
	}
	p.client.Transport = t
	p.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return p
}

// loadTLS makes the TLS configuration of checks from what is in the files now. Requests get theirs at the same time, so that
// a check fails where a request would. It is called with the lock.
func (c *Cluster) loadTLS(up *config.Upstream) {
	c.tls = nil
	if up.TLS == nil || up.Health == nil || !up.Health.HTTP {
		return
	}
	c.tls = map[string]*tls.Config{}
	for _, n := range c.names {
		c.tls[n.host] = c.set.o.TLS(up.TLS, cmp.Or(up.TLS.ServerName, n.host))
	}
}

// secure is the TLS configuration for a check of the server.
func (c *Cluster) secure(s *Server) *tls.Config {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tls[s.Host]
}

func (p *probe) dial(ctx context.Context) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, p.network, p.addr)
}

func (p *probe) close() { p.client.CloseIdleConnections() }

// run performs the check. An error says why the server is not healthy.
func (p *probe) run(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, p.h.Timeout)
	defer cancel()
	err := p.ask(ctx)
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("no answer within %v: %w", p.h.Timeout, err)
	}
	return err
}

func (p *probe) ask(ctx context.Context) error {
	if p.url == nil {
		conn, err := p.dial(ctx)
		if err != nil {
			return err
		}
		return conn.Close()
	}
	req := (&http.Request{
		Method: http.MethodGet, URL: p.url, Host: p.host,
		Header: http.Header{"User-Agent": {"tinygate-check"}},
	}).WithContext(ctx)
	resp, err := p.client.Do(req)
	if err != nil {
		var of *url.Error // says method and address, which are known
		if errors.As(err, &of) {
			return of.Err
		}
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode < p.h.StatusMin || resp.StatusCode > p.h.StatusMax {
		return fmt.Errorf("status %d is not within %d to %d", resp.StatusCode, p.h.StatusMin, p.h.StatusMax)
	}
	if _, err := io.CopyN(io.Discard, resp.Body, checkBodyBytes); err != nil && err != io.EOF {
		return fmt.Errorf("the body does not end: %w", err)
	}
	return nil
}
