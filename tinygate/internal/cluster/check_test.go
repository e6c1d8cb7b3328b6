package cluster

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/unio-go/unio/tinygate/internal/config"
)

func checking(h config.Health, servers ...string) *config.Upstream {
	up := upstream(config.RoundRobin, servers...)
	h.Interval, h.Timeout = 20*time.Millisecond, 200*time.Millisecond
	h.StatusMin, h.StatusMax = 200, 399
	if h.Rise == 0 {
		h.Rise, h.Fall = 2, 3
	}
	up.Health = &h
	return up
}

func listen(t *testing.T, network, addr string) net.Listener {
	t.Helper()
	ln, err := net.Listen(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln
}

// serveHTTP serves h at ln until the test ends or stop is called.
func serveHTTP(t *testing.T, ln net.Listener, h http.HandlerFunc) (stop func()) {
	srv := &http.Server{Handler: h, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		srv.Serve(ln)
	}()
	stop = func() {
		srv.Close()
		<-done
	}
	t.Cleanup(stop)
	return stop
}

// TestChecksSeeWhatHappens has a server that does all that servers do.
func TestChecksSeeWhatHappens(t *testing.T) {
	var mode atomic.Value
	mode.Store("good")
	var host, path, agent atomic.Value
	asked := make(chan struct{}, 1)
	handler := func(w http.ResponseWriter, r *http.Request) {
		host.Store(r.Host)
		path.Store(r.RequestURI)
		agent.Store(r.UserAgent())
		select {
		case asked <- struct{}{}:
		default:
		}
		switch mode.Load() {
		case "503":
			w.WriteHeader(503)
		case "redirect":
			http.Redirect(w, r, "http://192.0.2.1/", http.StatusFound) // nobody is there
		case "hang":
			<-r.Context().Done()
		case "garbage":
			c, _, _ := w.(http.Hijacker).Hijack()
			io.WriteString(c, "SSH-2.0-OpenSSH\r\n")
			c.Close()
		case "short":
			w.Header().Set("Content-Length", "10")
			io.WriteString(w, "short")
		case "cut":
			c, _, _ := w.(http.Hijacker).Hijack()
			c.Close()
		}
	}
	ln := listen(t, "tcp", "127.0.0.1:0")
	addr := ln.Addr().String()
	stop := serveHTTP(t, ln, handler)
	s, log := newSet(t, 1, nil, checking(config.Health{HTTP: true, Path: "/health?full=1"}, addr, "127.0.0.1:1 1 backup"))
	log.wait(t, 1, "is down", "127.0.0.1:1 ", "refused") // by its first check
	await(t, asked, "a check")
	await(t, asked, "the next check") // so the first check is over
	p := s.Cluster("u").Picker(0)
	for i, m := range []struct{ mode, reason string }{
		{"503", "status 503 is not within 200 to 399"},
		{"hang", "no answer within 200ms"},
		{"garbage", "net/http: HTTP/1.x transport connection broken: malformed HTTP response"},
		{"short", "the body does not end: unexpected EOF"},
		{"cut", "EOF"},
	} {
		mode.Store(m.mode)
		log.wait(t, 1, "is down", addr, "reason="+m.reason)
		st := s.Status()[0]
		if st.State != Down || !strings.Contains(st.Reason, m.reason) || st.WeightNow != 0 || st.ChecksFailed < uint64(3*(i+1)) {
			t.Errorf("%s: the status is %+v", m.mode, st)
		}
		mode.Store("redirect")
		log.wait(t, i+1, "is up", addr)
		if got := p.Pick(0, nil, nil); got == nil || got.Addr != addr {
			t.Errorf("after %s and being up again %v was chosen", m.mode, got)
		}
	}
	stop()
	log.wait(t, 1, "is down", addr, "refused")
	serveHTTP(t, listen(t, "tcp", addr), handler)
	log.wait(t, 6, "is up", addr)
	if n := log.count("is down", addr); n != 6 {
		t.Errorf("six times the server went down, and that was logged %d times:\n%s", n, strings.Join(log.lines, "\n"))
	}
	if host.Load() != addr || path.Load() != "/health?full=1" || agent.Load() != "tinygate-check" {
		t.Errorf("checks have host %v, target %v, agent %v", host.Load(), path.Load(), agent.Load())
	}
}

// TestRiseAndFall is the rules in a table, each check a letter: g good, b bad; the states are U and D.
func TestRiseAndFall(t *testing.T) {
	for _, c := range []struct {
		rise, fall   int
		checks, want string
	}{
		{2, 3, "bgg", "DDU"},                     // the first check decides alone
		{2, 3, "gbbgbbb", "UUUUUUD"},             // a good one between forgets the bad ones
		{2, 3, "bgbgg", "DDDDU"},                 // and a bad one the good ones
		{1, 1, "gbgb", "UDUD"},                   //
		{3, 2, "gbbgggbb", "UUDDDUUD"},           //
		{2, 3, "ggbbbbbbbggbb", "UUUUDDDDDDUUU"}, //
	} {
		h, cfg, got := health{up: true}, &config.Health{Rise: c.rise, Fall: c.fall}, ""
		for _, b := range c.checks {
			var err error
			if b == 'b' {
				err = errors.New("bad")
			}
			was := h.up
			if turned := h.learn(err, cfg); turned != (was != h.up) {
				t.Errorf("%+v: turned is %v", c, turned)
			}
			got += map[bool]string{true: "U", false: "D"}[h.up]
		}
		if got != c.want {
			t.Errorf("rise %d, fall %d: %s gives %s, want %s", c.rise, c.fall, c.checks, got, c.want)
		}
	}
}

func TestChecksOfConnections(t *testing.T) {
	sock := filepath.Join(t.TempDir(), "s")
	one, two := listen(t, "tcp", "127.0.0.1:0"), listen(t, "unix", sock)
	addr := one.Addr().String()
	s, log := newSet(t, 1, nil, checking(config.Health{Rise: 1, Fall: 1}, addr, "unix:"+sock))
	one.(*net.TCPListener).SetDeadline(time.Now().Add(bound))
	c, err := one.Accept() // a check has come, and nothing has to be answered
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	one.Close()
	log.wait(t, 1, "is down", addr, "refused")
	two.Close()
	log.wait(t, 1, "is down", "unix:"+sock)
	wantStrings(t, "states", states(s), []string{addr + " down", "unix:" + sock + " down"})
	listen(t, "unix", sock)
	log.wait(t, 1, "is up", "unix:"+sock)
}

func TestChecksOverUnixSockets(t *testing.T) {
	sock := filepath.Join(t.TempDir(), "s")
	asked := make(chan *http.Request, 1)
	serveHTTP(t, listen(t, "unix", sock), func(w http.ResponseWriter, r *http.Request) {
		select {
		case asked <- r:
		default:
		}
	})
	newSet(t, 1, nil, checking(config.Health{HTTP: true, Path: "/"}, "unix:"+sock))
	if r := await(t, asked, "a check"); r.Host != "localhost" || !r.Close {
		t.Errorf("the host of a check is %q, and its connection is closed behind it: %v", r.Host, r.Close)
	}
}

func TestChecksByHTTPS(t *testing.T) {
	srv := httptest.NewUnstartedServer(http.NotFoundHandler())
	srv.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {})
	srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	srv.StartTLS()
	t.Cleanup(srv.Close)
	roots := x509.NewCertPool()
	roots.AddCert(srv.Certificate())
	o := &Options{TLS: func(c *config.ClientTLS, host string) *tls.Config {
		return &tls.Config{RootCAs: roots, ServerName: host, MinVersion: c.MinVersion}
	}}
	addr := srv.Listener.Addr().String()
	for _, c := range []struct{ name, line string }{{"wrong.test", "is down"}, {"example.com", "is up"}} {
		up := checking(config.Health{HTTP: true, Path: "/", Rise: 1, Fall: 1, Host: "h.test"}, addr)
		up.TLS = &config.ClientTLS{ServerName: c.name, MinVersion: tls.VersionTLS13}
		s, log := newSet(t, 1, o, up)
		if c.line == "is up" {
			srv := servers(s)[addr]
			s.Cluster("u").mu.Lock()
			srv.up = false // so that it is told when a check finds it well
			s.Cluster("u").mu.Unlock()
		}
		log.wait(t, 1, c.line, addr)
	}
}

func TestReloadChangesChecksInPlace(t *testing.T) {
	ln := listen(t, "tcp", "127.0.0.1:0")
	addr := ln.Addr().String()
	serveHTTP(t, ln, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/good" {
			w.WriteHeader(500)
		}
	})
	s, log := newSet(t, 1, nil, checking(config.Health{HTTP: true, Path: "/bad"}, addr))
	srv := servers(s)[addr]
	log.wait(t, 1, "is down", addr)
	changes := apply(t, s, checking(config.Health{HTTP: true, Path: "/good"}, addr))
	wantStrings(t, "changes", changes, []string{"upstream u: health check changed"})
	log.wait(t, 1, "is up", addr)
	apply(t, s, checking(config.Health{HTTP: true, Path: "/bad"}, addr))
	log.wait(t, 2, "is down", addr)
	apply(t, s, upstream(config.RoundRobin, addr))
	wantStrings(t, "without checks", states(s), []string{addr + " up"})
	if servers(s)[addr] != srv {
		t.Error("the server has another object")
	}
}

// TestServerThatIsGoneIsNotChecked waits for the connection of a check to end, and for none to come.
func TestServerThatIsGoneIsNotChecked(t *testing.T) {
	ln := listen(t, "tcp", "127.0.0.1:0")
	up := checking(config.Health{HTTP: true, Path: "/"}, ln.Addr().String())
	up.Health.Timeout = time.Minute
	s, _ := newSet(t, 1, nil, up)
	ln.(*net.TCPListener).SetDeadline(time.Now().Add(bound))
	c, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	apply(t, s, checking(config.Health{HTTP: true, Path: "/"}, "127.0.0.1:1"))
	c.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.Copy(io.Discard, c); err != nil {
		t.Errorf("the check that was under way still waits: %v", err)
	}
	s.Close()
	ln.(*net.TCPListener).SetDeadline(time.Now().Add(100 * time.Millisecond))
	if c, err := ln.Accept(); err == nil {
		c.Close()
		t.Error("a check came after the end")
	}
}

// TestNothingIsLeft compares the goroutines of this package before and after.
func TestNothingIsLeft(t *testing.T) {
	ln := listen(t, "tcp", "127.0.0.1:0") // accepts nothing: checks hang
	r := &fakeResolver{}
	r.set("web.test", "127.0.0.1")
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	for range 20 {
		up := checking(config.Health{HTTP: true, Path: "/"}, "web.test:"+port, "none.test:80", ln.Addr().String())
		up.DNS = time.Millisecond
		s, log := newSet(t, 1, &Options{Resolver: r}, up)
		log.wait(t, 1, "none.test", "does not resolve")
		s.Close()
		s.Close()
	}
	limit := time.Now().Add(10 * time.Second)
	for {
		buf := make([]byte, 1<<20)
		stacks := bytes.Split(buf[:runtime.Stack(buf, true)], []byte("\n\n"))
		var left []string
		for _, s := range stacks[1:] {
			if bytes.Contains(s, []byte("internal/cluster.(*")) || bytes.Contains(s, []byte("http.(*Transport)")) {
				left = append(left, string(s))
			}
		}
		if len(left) == 0 {
			return
		}
		if time.Now().After(limit) {
			t.Fatalf("%d goroutines are left:\n%s", len(left), strings.Join(left, "\n\n"))
		}
		runtime.Gosched()
	}
}

func TestSleepHasATenthOfJitter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		least, most := time.Hour, time.Duration(0)
		for range 1000 {
			began := time.Now()
			if !sleep(t.Context(), time.Second) {
				t.Fatal("the context has not ended")
			}
			d := time.Since(began)
			least, most = min(least, d), max(most, d)
		}
		if least < 900*time.Millisecond || least > 910*time.Millisecond || most > 1100*time.Millisecond || most < 1090*time.Millisecond {
			t.Errorf("a thousand sleeps of a second take from %v to %v, want from 900 ms to 1100 ms", least, most)
		}
	})
}

func TestSleepEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if sleep(ctx, time.Hour) {
		t.Error("an hour has passed")
	}
}

// TestManyServersAreNotCheckedAtOnce has a thousand servers begin together: the first is checked at once, and all within an interval.
func TestManyServersAreNotCheckedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const servers = 1000
		up := upstream(config.RoundRobin)
		for i := range servers {
			up.Servers = append(up.Servers, config.Server{Address: fmt.Sprintf("unix:/nowhere/%d", i), Weight: 1})
		}
		up.Health = &config.Health{Interval: 5 * time.Second, Timeout: time.Second, Rise: 1, Fall: 1}
		s, _ := newSet(t, 1, nil, up)
		checked := func() (n int) {
			synctest.Wait()
			for _, st := range s.Status() {
				n += int(min(st.ChecksFailed, 1))
			}
			return n
		}
		if n := checked(); n != 1 {
			t.Errorf("%d servers were checked at once, want 1", n)
		}
		time.Sleep(up.Health.Interval / 10)
		if n := checked(); n < 200 || n > 300 {
			t.Errorf("a tenth of the interval later %d servers were checked", n)
		}
		time.Sleep(up.Health.Interval)
		if n := checked(); n != servers {
			t.Errorf("after an interval %d of %d servers were checked", n, servers)
		}
	})
}
