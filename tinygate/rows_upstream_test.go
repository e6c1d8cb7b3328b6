package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// count asks n times and counts who answers.
func (p *process) count(n int) map[string]int {
	p.t.Helper()
	by := map[string]int{}
	for range n {
		r := p.ask("GET /")
		if r.status != 200 {
			p.t.Errorf("%d: %s", r.status, r.body)
		}
		by[r.name()]++
	}
	return by
}

func rowRoundRobin(t *testing.T, e string) {
	a, b, c := named(t, "a"), named(t, "b"), named(t, "c")
	p := startFile(t, e, fmt.Sprintf(`
listen: 127.0.0.1:0
to: web
upstreams: {web: {servers: [%q, {address: %q, weight: 3}, {address: %q, backup: true}]}}
`, a.addr, b.addr, c.addr))
	if by := p.count(40); by["a"] != 10 || by["b"] != 30 {
		t.Errorf("%v, want 10 for a and 30 for b", by)
	}
}

func rowLeast(t *testing.T, e string) {
	asked, answer := make(chan string, 2), make(chan struct{})
	slow := func(name string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/slow" {
				asked <- name
				select {
				case <-answer:
				case <-r.Context().Done():
				}
			}
			tell(w, r, name)
		}
	}
	a, b := serve(t, slow("a")), serve(t, slow("b"))
	p := startFile(t, e, fmt.Sprintf(`
listen: 127.0.0.1:0
to: web
upstreams: {web: {servers: [%q, %q], balance: least_connections}}
`, a.addr, b.addr))
	var wg sync.WaitGroup
	wg.Go(func() { p.ask("GET /slow") })
	busy := await(t, asked, "the request")
	if by := p.count(10); by[busy] != 0 {
		t.Errorf("%s is busy, and got %d of 10 requests", busy, by[busy])
	}
	close(answer)
	wg.Wait()
}

func rowHealth(t *testing.T, e string) {
	var ill atomic.Bool
	a := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/healthz" && ill.Load() {
			w.WriteHeader(503)
			return
		}
		tell(w, r, "a")
	})
	b := named(t, "b")
	p := startFile(t, e, fmt.Sprintf(`
listen: 127.0.0.1:0
to: web
upstreams: {web: {servers: [%q, %q], health: {path: /healthz, interval: 1s, rise: 2, fall: 2}}}
`, a.addr, b.addr))
	if by := p.count(10); by["a"] != 5 {
		t.Errorf("both are well: %v", by)
	}
	ill.Store(true)
	eventually(t, "a server that is not well gets no requests", func() bool { return p.count(10)["a"] == 0 })
	ill.Store(false)
	eventually(t, "a server that is well again gets requests", func() bool { return p.count(10)["a"] > 0 })
	b.CloseClientConnections()
	b.Close()
	eventually(t, "a server that has gone gets no requests", func() bool {
		return p.count(2)["a"] == 2
	})
}

func rowEject(t *testing.T, e string) {
	var ill atomic.Bool
	ill.Store(true)
	a := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if ill.Load() {
			panic(http.ErrAbortHandler)
		}
		tell(w, r, "a")
	})
	b := named(t, "b")
	p := startFile(t, e, fmt.Sprintf(`
listen: 127.0.0.1:0
to: web
upstreams: {web: {servers: [%q, %q], eject: {failures: 3, for: 500ms, return: off}}}
`, a.addr, b.addr))
	eventually(t, "a server that fails gets no requests", func() bool {
		before := a.asked.Load()
		by := p.count(4) // a failure is made good at the other one
		return by["b"] == 4 && a.asked.Load() == before
	})
	if n := a.asked.Load(); n < 3 {
		t.Errorf("it was taken out after %d failures, and 3 are said", n)
	}
	ill.Store(false)
	eventually(t, "a server comes back", func() bool { return p.count(2)["a"] == 1 })
}

func rowRetry(t *testing.T, e string) {
	resets := serve(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	resets.Config.ErrorLog = nil
	full := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) })
	good := named(t, "good")
	p := startFile(t, e, fmt.Sprintf(`
listen: 127.0.0.1:0
upstreams:
  gone: {servers: [%q, {address: %[4]q, backup: true}], eject: off}
  resets: {servers: [%[2]q, {address: %[4]q, backup: true}], eject: off}
  full: {servers: [%[3]q, {address: %[4]q, backup: true}], eject: off}
routes:
  - {prefix: /gone, to: gone}
  - {prefix: /resets, to: resets}
  - {prefix: /full, to: full, retry: {on: [503]}}
  - {prefix: /default, to: full}
  - {prefix: /never, to: gone, retry: off}
`, "127.0.0.1:1", resets.addr, full.addr, good.addr))
	for _, tc := range []struct {
		what string
		want int
	}{
		{"GET /gone", 200}, {"POST /gone", 200}, // nothing was sent, so any method
		{"GET /resets", 200}, {"PUT /resets", 200}, {"POST /resets", 502},
		{"GET /full", 200}, {"POST /full", 503}, {"GET /default", 503},
		{"GET /never", 502},
	} {
		if r := p.ask(tc.what); r.status != tc.want {
			t.Errorf("%s: %d, want %d", tc.what, r.status, tc.want)
		}
	}
}

func rowTimes(t *testing.T, e string) {
	silent := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	trickles := serve(t, func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			io.WriteString(w, "piece\n")
			w.(http.Flusher).Flush()
			time.Sleep(20 * time.Millisecond)
		}
	})
	p := startFile(t, e, fmt.Sprintf(`
listen: 127.0.0.1:0
times: {header: 300ms, idle: 300ms}
upstreams:
  tls: {servers: %[1]q, tls: {insecure: true}}
  slow: {servers: [%[2]q, {address: %[4]q, backup: true}], eject: off}
routes:
  - {path: /connect, to: tls, times: {connect: 100ms}}
  - {path: /response, to: %[2]q, times: {response: 100ms}}
  - {path: /try, to: slow, times: {try: 1s}, retry: {on: [timeout]}}
  - {path: /total, to: %[2]q, times: {total: 100ms}}
  - {path: /body, to: %[3]q, times: {total: 1s}}
`, listens(t), silent.addr, trickles.addr, named(t, "fast").addr))
	for path, want := range map[string]int{"/connect": 504, "/response": 504, "/total": 504, "/try": 200} {
		began := time.Now()
		if r := p.ask("GET " + path); r.status != want || time.Since(began) > 5*time.Second {
			t.Errorf("%s: %d after %v, want %d", path, r.status, time.Since(began), want)
		}
	}
	c := newClient(t, nil)
	if r, err := p.send(c, 0, "GET /body"); err == nil || r.status != 200 {
		t.Errorf("a body that never ends was taken for whole: %d, %v", r.status, err)
	}
	half := dialRaw(t, p.addr)
	half.send("GET / HTTP/1.1\r\nHost:")
	if r, _ := half.response("GET"); r.StatusCode != 408 {
		t.Errorf("half a head: %s", r.Status)
	}
	idle := dialRaw(t, p.addr)
	idle.send("GET /none HTTP/1.1\r\nHost: h\r\n\r\n")
	idle.response("GET")
	idle.gone()
	idle = dialRaw(t, p.addr)
	idle.gone()
}

// listens accepts connections, and says and hears nothing.
func listens(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln.Addr().String()
}

func rowPool(t *testing.T, e string) {
	var conns, open, most atomic.Int64
	answer := make(chan struct{})
	up := &server{Server: httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hold" {
			select {
			case <-answer:
			case <-r.Context().Done():
			}
		}
		tell(w, r, "up")
	}))}
	up.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		switch s {
		case http.StateNew:
			conns.Add(1)
			most.Store(max(most.Load(), open.Add(1)))
		case http.StateClosed, http.StateHijacked:
			open.Add(-1)
		}
	}
	up.Start()
	t.Cleanup(func() {
		up.CloseClientConnections()
		up.Close()
	})
	p := startFile(t, e, fmt.Sprintf(`
listen: 127.0.0.1:0
upstreams:
  kept: %[1]q
  brief: {servers: %[1]q, pool: {idle: 200ms}}
  bounded: {servers: %[1]q, pool: {max: 2, wait: 20s}}
  short: {servers: %[1]q, pool: {max: 1, wait: 50ms}}
routes:
  - {prefix: /kept, to: kept}
  - {prefix: /brief, to: brief}
  - {prefix: /bounded, to: bounded}
  - {path: /hold, to: short}
  - {path: /short, to: short}
`, up.Listener.Addr()))
	p.ask("GET /brief")
	eventually(t, "a connection is closed that is not used", func() bool { return open.Load() == 0 })
	most.Store(0)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() { p.ask("GET /bounded").wants(t, "up") })
	}
	wg.Wait()
	if n := most.Load(); n < 1 || n > 2 {
		t.Errorf("%d connections at once, and 2 are allowed", n)
	}
	before := conns.Load()
	wg.Go(func() { p.ask("GET /hold").wants(t, "up") })
	eventually(t, "the server has a request", func() bool { return conns.Load() > before })
	if r := p.ask("GET /short"); r.status != 503 {
		t.Errorf("a request that waits for its turn longer than allowed: %d", r.status)
	}
	close(answer)
	wg.Wait()
	before = conns.Load()
	for range 10 {
		p.ask("GET /kept")
	}
	if n := conns.Load() - before; n != 1 {
		t.Errorf("%d connections for 10 requests that came one by one", n)
	}
}
