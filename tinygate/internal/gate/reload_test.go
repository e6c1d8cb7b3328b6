package gate_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/tinygate/internal/certs/certtest"
	"github.com/unio-go/unio/tinygate/internal/cluster"
	"github.com/unio-go/unio/tinygate/internal/config"
	"github.com/unio-go/unio/uniotest"
)

// parse is the configuration of a text.
func parse(t testing.TB, text string, values ...any) *config.Config {
	t.Helper()
	cfg, err := config.Parse("test.yaml", fmt.Appendf(nil, text, values...), func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// eachEngineOf runs a test with a gate of a configuration, on every engine.
func eachEngineOf(t *testing.T, cfg func(*testing.T) *config.Config, fn func(w *world)) {
	t.Helper()
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		fn(newWorldOf(t, rt, cfg(t)))
	})
}

// newWorldOf starts a gate on rt.
func newWorldOf(t *testing.T, rt *unio.Runtime, cfg *config.Config) *world {
	w := &world{T: t, rt: rt, log: new(logText)}
	w.g = startGate(t, rt, cfg, slog.New(slog.NewTextHandler(w.log, nil)))
	w.addr = w.g.Addrs()[0].String()
	return w
}

// reload wants a reload to succeed, and returns what has changed as one text.
func (w *world) reload(cfg *config.Config) string {
	w.Helper()
	changes, err := w.g.Reload(cfg)
	if err != nil {
		w.Fatal(err)
	}
	return strings.Join(changes, "\n")
}

// dialTo connects to another listener than the first.
func (w *world) dialTo(addr net.Addr) *peer {
	w.Helper()
	c, err := net.Dial(addr.Network(), addr.String())
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { c.Close() })
	return newPeer(w.T, c)
}

const upgrade = "GET /socket HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"

// server is an upstream that answers requests, changes to a protocol that echoes where asked, and counts connections.
func server(accepted *atomic.Int64) func(*testing.T) string {
	return script(func(t *testing.T, c *peer, _ int) {
		accepted.Add(1)
		for {
			m, err := c.request()
			if err != nil {
				return
			}
			if value(m, "Upgrade") != "" {
				c.SetDeadline(time.Now().Add(bound))
				c.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
				io.Copy(c, c.r)
				return
			}
			c.send(ok)
		}
	})
}

// socket changes to the protocol that echoes.
func (p *peer) socket() *peer {
	p.t.Helper()
	p.send(upgrade)
	p.wantStatus("101")
	p.wantEcho()
	return p
}

func (p *peer) wantEcho() {
	p.t.Helper()
	p.send("ping")
	b := make([]byte, 4)
	if _, err := io.ReadFull(p.r, b); err != nil || string(b) != "ping" {
		p.t.Errorf("the echo is %q, %v", b, err)
	}
}

func TestReloadsUnderLoadOpenNoConnections(t *testing.T) {
	const clients, reloads = 4, 100
	var accepted atomic.Int64
	eachEngineOf(t, func(t *testing.T) *config.Config {
		accepted.Store(0)
		return parse(t, "listen: 127.0.0.1:0\nto: %s\n", server(&accepted)(t))
	}, func(w *world) {
		to := w.g.Config().Upstreams[0].Servers[0].Address
		socket := w.dial().socket()
		stop := make(chan struct{})
		var all sync.WaitGroup
		for range clients {
			c := w.dial()
			all.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					c.send(getRoot)
					if m := c.wantStatus("200"); value(m, "Connection") != "" {
						t.Errorf("a reload ends a connection: %q", m)
						return
					}
				}
			})
		}
		for i := range reloads {
			said := w.reload(parse(w, "listen: 127.0.0.1:0\nroutes: [{to: %s, response_headers: {set: {X-N: \"%d\"}}}]\n", to, i))
			if i > 0 && !strings.Contains(said, "changed") {
				w.Errorf("reload %d tells %q", i, said)
			}
		}
		close(stop)
		all.Wait()
		socket.wantEcho()
		if n := accepted.Load(); n > clients+1 {
			w.Errorf("%d connections were made for %d clients", n, clients+1)
		}
	})
}

// A listener that is gone takes no one new; its clients get one more response, its WebSockets the limit of draining, and so
// do those who have not begun to speak HTTP.
func TestRemovedListener(t *testing.T) {
	for _, drain := range []time.Duration{bound, 3 * short} { // what comes before the limit, and what comes with it
		t.Run(drain.String(), func(t *testing.T) { testRemovedListener(t, drain) })
	}
}

func testRemovedListener(t *testing.T, drain time.Duration) {
	var accepted atomic.Int64
	eachEngineOf(t, func(t *testing.T) *config.Config {
		return parse(t, "listen: [127.0.0.1:0, 127.0.0.1:0, {address: 'localhost:0', proxy_protocol: 127.0.0.0/8}]\ndrain: %v\nto: %s\n",
			drain, server(&accepted)(t))
	}, func(w *world) {
		addrs := w.g.Addrs()
		kept, lost := w.dial().socket(), w.dialTo(addrs[1]).socket()
		again, half, mute := w.dialTo(addrs[1]), w.dialTo(addrs[2]), w.dialTo(addrs[1])
		half.send("PROXY TCP4 192.0")
		again.send(getRoot)
		again.wantStatus("200")
		to := w.g.Config().Upstreams[0].Servers[0].Address
		began := time.Now()
		said := w.reload(parse(w, "listen: 127.0.0.1:0\ndrain: %v\nto: %s\n", drain, to))
		if strings.Count(said, "closed") != 2 || w.g.Addrs()[0].String() != addrs[0].String() {
			w.Errorf("the reload tells %q", said)
		}
		if c, err := net.Dial("tcp", addrs[1].String()); err == nil {
			c.Close()
			w.Error("a listener that is gone accepts")
		}
		if drain == bound {
			again.send(getRoot)
			if m := again.wantStatus("200"); value(m, "Connection") != "close" {
				w.Errorf("the next response on a listener that is gone: %q", m)
			}
			lost.wantEcho()
		} else {
			lost.wantEnd()
			half.wantEnd()
			w.within(began, drain)
			mute.send(getRoot)
			mute.wantEnd()
		}
		kept.wantEcho()
		if n := w.rt.Stats().Panics; n != 0 {
			w.Errorf("%d panics: %s", n, w.log)
		}
	})
}

// Two listeners on ports that the system chooses have the same address in the file.
func TestListenersOfOneAddressStay(t *testing.T) {
	eachEngineOf(t, func(t *testing.T) *config.Config {
		return parse(t, "listen: [127.0.0.1:0, 127.0.0.1:0]\nto: %s\n", replies(ok)(t))
	}, func(w *world) {
		before := w.g.Addrs()
		if said := w.reload(w.g.Config()); said != "" {
			w.Errorf("nothing has changed, but it tells %q", said)
		}
		if after := w.g.Addrs(); !slices.EqualFunc(before, after, func(a, b net.Addr) bool { return a.String() == b.String() }) {
			w.Errorf("listeners %v are %v after a reload", before, after)
		}
	})
}

// Idle connections to a server that is gone are closed at once, and one in use after its response.
func TestRemovedServer(t *testing.T) {
	asked, answer, ended := make(chan struct{}, 10), make(chan struct{}, 10), make(chan struct{}, 10)
	old := script(func(t *testing.T, c *peer, _ int) {
		for {
			m, err := c.request()
			if err != nil {
				ended <- struct{}{}
				return
			}
			if strings.HasPrefix(m, "GET /slow ") {
				asked <- struct{}{}
				if !c.awaits(answer, "leave to answer") {
					return
				}
			}
			c.send(ok)
		}
	})
	other := ""
	eachEngineOf(t, func(t *testing.T) *config.Config {
		other = replies(ok)(t)
		return parse(t, "listen: 127.0.0.1:0\nupstreams: {web: %s}\nroutes: [{to: web}]\n", old(t))
	}, func(w *world) {
		slow, quick := w.dial(), w.dial()
		slow.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n")
		await(w, asked, "the request")
		quick.send(getRoot)
		quick.wantStatus("200")
		said := w.reload(parse(w, "listen: 127.0.0.1:0\nupstreams: {other: %s}\nroutes: [{to: other}]\n", other))
		if !strings.Contains(said, "upstream web: removed") {
			w.Errorf("the reload tells %q", said)
		}
		await(w, ended, "the end of the idle connection")
		answer <- struct{}{}
		slow.wantStatus("200")
		await(w, ended, "the end of the other connection")
		quick.send(getRoot)
		quick.wantStatus("200")
		w.eventually("the end of the connections", func() bool { return w.g.Connections().Upstreams == 1 })
	})
}

// A request that waits for its body while its upstream is removed ends with the upstream that it began with.
func TestUpstreamIsRemovedBeforeAServerIsChosen(t *testing.T) {
	eachEngineOf(t, func(t *testing.T) *config.Config {
		return parse(t, "listen: 127.0.0.1:0\nroutes: [{to: %s, buffer: {request: true}}]\n", replies(ok)(t))
	}, func(w *world) {
		c := w.dial()
		c.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
		c.wantStatus("100")
		w.reload(parse(w, "listen: 127.0.0.1:0\nroutes: [{answer: 204}]\n"))
		c.send("body")
		c.wantStatus("200")
	})
}

// A request that waits for its body while its upstream changes goes to a server that the upstream has then, with the path of the
// route that it began with.
func TestUpstreamChangesBeforeAServerIsChosen(t *testing.T) {
	const text = "listen: 127.0.0.1:0\nupstreams: {web: %s}\nroutes: [{to: web, rewrite: {add: %s}, buffer: {request: true}}]\n"
	heads := make(chan string, 1)
	other := ""
	eachEngineOf(t, func(t *testing.T) *config.Config {
		other = script(tellHeads(heads))(t)
		return parse(t, text, replies(ok)(t), "/old")
	}, func(w *world) {
		c := w.dial()
		c.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
		c.wantStatus("100")
		w.reload(parse(w, text, other, "/new"))
		c.send("body")
		c.wantStatus("200")
		if head := await(w, heads, "the request"); !strings.HasPrefix(head, "POST /old/ ") {
			w.Errorf("the server has got %q", head)
		}
	})
}

func TestReloadThatCannotBeIsNotTakenInPart(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	eachEngineOf(t, func(t *testing.T) *config.Config {
		return parse(t, "listen: 127.0.0.1:0\nto: %s\n", replies(ok)(t))
	}, func(w *world) {
		before, addrs := w.g.Config(), w.g.Addrs()
		log := filepath.Join(w.TempDir(), "access.log")
		for _, text := range []string{
			"listen: [127.0.0.1:0, '" + busy.Addr().String() + "']\nto: 10.0.0.1:80\naccess_log: " + log + "\n",
			"listen: [127.0.0.1:0, 'localhost:0']\nto: 10.0.0.1:80\naccess_log: " + filepath.Join(log, "none") + "\n",
		} {
			if changes, err := w.g.Reload(parse(w, "%s", text)); err == nil {
				w.Errorf("it was taken: %q", changes)
			}
			if w.g.Config() != before || len(w.g.Addrs()) != len(addrs) {
				w.Error("something has changed")
			}
			c := w.dial()
			c.send(getRoot)
			c.wantStatus("200")
		}
		w.wantMetric(2, "tinygate_config_reloads_total", "result", "failed")
		w.wantMetric(1, "tinygate_config_reloads_total", "result", "ok")
	})
}

func TestReloadTellsWhatHasChanged(t *testing.T) {
	base := "listen: 127.0.0.1:0\nroutes: [{name: a, path: /a, answer: 204}, {name: b, path: /b, answer: 204}]\n"
	eachEngineOf(t, func(t *testing.T) *config.Config { return parse(t, "%s", base) }, func(w *world) {
		for _, tc := range []struct{ text, want string }{
			{base, ""},
			{base + "log_level: debug\n", "log level: changed"},
			{base, "log level: changed"},
			{base + "admin: 127.0.0.1:1\n", "admin: changed in the file; it takes effect with a restart"},
			{base + "admin: 127.0.0.1:1\n", "admin: changed in the file; it takes effect with a restart"},
			{base + "loops: 7\n", "engine, loops, huge_pages: changed in the file; they take effect with a restart"},
			{base + "limits: {headers: 50}\n", "limits: changed"},
			{base + "trusted_proxies: 10.0.0.0/8\n", "limits: changed\ntrusted proxies: changed"},
			{base, "trusted proxies: changed"},
			{base + "drain: 1s\n", "drain: changed"},
			{base, "drain: changed"},
			{"listen: 127.0.0.1:0\nroutes: [{name: b, path: /b, answer: 204}, {name: a, path: /a, answer: 204}]\n", "order of routes: changed"},
			{"listen: {address: '127.0.0.1:0', proxy_protocol: 10.0.0.0/8}\nroutes: [{name: b, path: /b, answer: 201}]\n",
				"listener 127.0.0.1:0: changed; it holds for new connections\nroute b: changed\nroute a: removed"},
		} {
			if got := w.reload(parse(w, "%s", tc.text)); got != tc.want {
				w.Errorf("for\n%s\nit tells\n%s\nwant\n%s", tc.text, got, tc.want)
			}
		}
	})
}

// A changed listener holds for new connections, trusted proxies hold for the next request of a connection that is there.
func TestReloadHoldsForWhatIsConnected(t *testing.T) {
	eachEngineOf(t, func(t *testing.T) *config.Config {
		return parse(t, "listen: 127.0.0.1:0\ntrusted_proxies: 127.0.0.0/8\nroutes: [{client: 192.0.2.0/24, answer: 201}, {answer: 202}]\n")
	}, func(w *world) {
		get := "GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n"
		old := w.dial()
		old.send(get)
		old.wantStatus("201")
		w.reload(parse(w, "listen: {address: '127.0.0.1:0', proxy_protocol: 127.0.0.0/8}\n"+
			"routes: [{client: 192.0.2.0/24, answer: 201}, {answer: 202}]\n"))
		old.send(get)
		old.wantStatus("202")
		c := w.dial()
		c.send("PROXY TCP4 192.0.2.8 192.0.2.9 1 2\r\n" + get)
		c.wantStatus("201")
	})
}

// pool.max holds for the requests before and after a reload together.
func TestReloadKeepsTurns(t *testing.T) {
	var now, most atomic.Int64
	answer := make(chan struct{}, 10)
	up := script(func(t *testing.T, c *peer, _ int) {
		for {
			if _, err := c.request(); err != nil {
				return
			}
			most.Store(max(most.Load(), now.Add(1)))
			if !c.awaits(answer, "leave to answer") {
				return
			}
			now.Add(-1)
			c.send(ok)
		}
	})
	const text = "listen: 127.0.0.1:0\nupstreams: {u: {servers: %s, pool: {max: 1, wait: 10s}}}\nroutes: [{to: u, response_headers: {set: {X-N: '%d'}}}]\n"
	eachEngineOf(t, func(t *testing.T) *config.Config { return parse(t, text, up(t), 0) }, func(w *world) {
		to := w.g.Config().Upstreams[0].Servers[0].Address
		first, second := w.dial(), w.dial()
		first.send(getRoot)
		w.eventually("the first request", func() bool { return now.Load() == 1 })
		w.reload(parse(w, text, to, 1))
		second.send(getRoot)
		w.eventually("the second request", func() bool {
			all, err := w.g.InFlight()
			return err == nil && len(all) == 2 && all[0].Server != "" && all[1].Server != ""
		})
		answer <- struct{}{}
		first.wantStatus("200")
		answer <- struct{}{}
		second.wantStatus("200")
		if most.Load() != 1 {
			w.Errorf("%d requests at a time, and one is the most", most.Load())
		}
	})
}

// What reloads open is closed again: 200 of them leave no goroutine, descriptor or memory.
func TestReloadsLeaveNothing(t *testing.T) {
	eachEngineOf(t, func(t *testing.T) *config.Config {
		return parse(t, "listen: 127.0.0.1:0\nto: %s\n", replies(ok)(t))
	}, func(w *world) {
		dir, to := w.TempDir(), w.g.Config().Upstreams[0].Servers[0].Address
		c := w.dial()
		round := func(n int) {
			for i := range n {
				w.reload(parse(w, "listen: [127.0.0.1:0, 'localhost:0']\nupstreams: {u: {servers: [%s, 'localhost:1'], health: connect}}\n"+
					"routes: [{to: u}]\ndrain: 10ms\naccess_log: %s/%d\n", to, dir, i%2))
				c.send(getRoot)
				c.wantStatus("200")
				w.reload(parse(w, "listen: 127.0.0.1:0\nto: %s\ndrain: 10ms\n", to))
				c.send(getRoot)
				c.wantStatus("200")
			}
		}
		round(10)
		fds, memory := openFiles(w), liveBytes()
		goroutines := goroutinesNow()
		round(90)
		w.eventually("the end of goroutines", func() bool { return goroutinesNow() <= goroutines+2 })
		if w.Failed() {
			b := make([]byte, 1<<20)
			w.Logf("%d goroutines, %d before:\n%s", goroutinesNow(), goroutines, b[:runtime.Stack(b, true)])
		}
		w.eventually("the end of descriptors", func() bool { return openFiles(w) <= fds+2 })
		if n := liveBytes(); n > memory+2<<20 {
			w.Errorf("%d KiB are in use, and %d before 180 reloads", n>>10, memory>>10)
		}
	})
}

// goroutinesNow counts goroutines without the coroutines that loops keep for the next tasks.
func goroutinesNow() int {
	b := make([]byte, 1<<20)
	all := string(b[:runtime.Stack(b, true)])
	return strings.Count(all, "\ngoroutine ") - strings.Count(all, " [coroutine]:\n")
}

// openFiles counts the descriptors of the process.
func openFiles(w *world) int {
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		w.Skip("lacks: /proc/self/fd")
	}
	return len(all)
}

// liveBytes is the memory of the heap that is in use.
func liveBytes() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// mutual is a server that speaks TLS to who shows a certificate, both of the authority that it is of now.
func mutual(t *testing.T, now *atomic.Pointer[certtest.Authority]) string {
	ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			ca := now.Load()
			return &tls.Config{
				Certificates: []tls.Certificate{ca.ECDSA(t, "localhost").TLS(t)},
				ClientAuth:   tls.RequireAndVerifyClientCert, ClientCAs: ca.Pool,
			}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{
		Handler:  http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}),
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0),
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		srv.Serve(ln)
	}()
	t.Cleanup(func() {
		srv.Close()
		<-done
	})
	return ln.Addr().String()
}

// TestChecksHaveTheCertificatesOfTheReload has a server and what it trusts change in the files alone, which are named as
// they were before.
func TestChecksHaveTheCertificatesOfTheReload(t *testing.T) {
	dir := t.TempDir()
	first, second := certtest.New(t), certtest.New(t)
	var now atomic.Pointer[certtest.Authority]
	become := func(t *testing.T, ca *certtest.Authority) {
		certtest.File(t, filepath.Join(dir, "ca.pem"), ca.PEM)
		ca.ECDSA(t, "gate").Write(t, dir, "gate")
	}
	now.Store(first)
	addr := mutual(t, &now)
	again := func(t *testing.T) *config.Config {
		cfg := parse(t, `
listen: 127.0.0.1:0
upstreams:
  web:
    servers: [%s]
    tls: {ca: %[2]s/ca.pem, cert: %[2]s/gate.pem, key: %[2]s/gate.key, server_name: localhost}
    health: {path: /, interval: 100ms, timeout: 100ms, rise: 1, fall: 1}
routes:
  - to: web
`, addr, dir)
		cfg.Upstreams[0].Health.Timeout = bound
		return cfg
	}
	eachEngineOf(t, func(t *testing.T) *config.Config {
		now.Store(first)
		become(t, first)
		return again(t)
	}, func(w *world) {
		state := func() cluster.State { return w.g.Servers()[0].State }
		c := w.dial()
		c.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
		c.wantStatus("200")
		now.Store(second)
		w.eventually("a check that fails", func() bool { return state() == cluster.Down })
		become(w.T, second)
		w.reload(again(w.T))
		w.eventually("a check that succeeds", func() bool { return state() == cluster.Up })
		if n := w.g.Servers()[0].Outcomes[cluster.OK]; n != 1 {
			w.Errorf("%d requests are counted, of one", n)
		}
	})
}

// A request that began before a reload and is sent again after it, to a server that the reload has brought, goes there by TLS.
func TestRetryAfterAReloadKeepsTLS(t *testing.T) {
	cert := certtest.New(t).ECDSA(t, "localhost").TLS(t)
	asked, end := make(chan struct{}, 1), make(chan struct{}, 1)
	secure := func(play func(*peer)) func(*testing.T) string {
		return script(func(t *testing.T, c *peer, _ int) {
			play(newPeer(t, tls.Server(c.Conn, &tls.Config{Certificates: []tls.Certificate{cert}})))
		})
	}
	first := secure(func(c *peer) {
		if _, err := c.request(); err == nil {
			asked <- struct{}{}
			c.awaits(end, "leave to end")
		}
		c.Close()
	})
	second := secure(func(c *peer) {
		if _, err := c.request(); err == nil {
			c.send(ok)
		}
		c.Close()
	})
	const text = `
listen: 127.0.0.1:0
retry: {on: [reset]}
upstreams:
  web:
    servers: %s
    tls: {insecure: true}
routes:
  - to: web
`
	at := func(t *testing.T, host string, up func(*testing.T) string) string {
		_, port, _ := net.SplitHostPort(up(t))
		return net.JoinHostPort(host, port)
	}
	eachEngineOf(t, func(t *testing.T) *config.Config {
		return parse(t, text, at(t, "localhost", first))
	}, func(w *world) {
		w.eventually("an address", func() bool { return w.g.Servers()[0].Addr != "" })
		c := w.dial()
		c.send(getRoot)
		await(w, asked, "the request")
		w.reload(parse(w, text, at(w.T, "127.0.0.1", second)))
		end <- struct{}{}
		c.wantStatus("200")
	})
}

// The name of an upstream that a route makes is the list of its servers. A list that changes must not bring a server back
// that was drained, and keeps the connections to the others.
func TestReloadOfAListOfServersKeepsADrain(t *testing.T) {
	up := [3]func(*testing.T) string{
		replies("HTTP/1.1 200 OK\r\nServer: a\r\nContent-Length: 0\r\n\r\n"),
		replies("HTTP/1.1 200 OK\r\nServer: b\r\nContent-Length: 0\r\n\r\n"),
		replies("HTTP/1.1 200 OK\r\nServer: c\r\nContent-Length: 0\r\n\r\n"),
	}
	var a, b, c string
	eachEngineOf(t, func(t *testing.T) *config.Config {
		a, b, c = up[0](t), up[1](t), up[2](t)
		return parse(t, "listen: 127.0.0.1:0\nto: [%s, %s]\n", a, b)
	}, func(w *world) {
		client := w.dial()
		ask := func() string {
			client.send(getRoot)
			return value(client.wantStatus("200"), "Server")
		}
		ask()
		ask()
		if err := w.g.DrainServer(a+","+b, a, true); err != nil {
			w.Fatal(err)
		}
		w.reload(parse(w, "listen: 127.0.0.1:0\nto: [%s, %s, %s]\n", c, a, b))
		got := map[string]bool{}
		for range 10 {
			got[ask()] = true
		}
		if got["a"] || !got["b"] {
			w.Errorf("%v answer with a drained", got)
		}
		if n := w.g.Opened(); n > 3 {
			w.Errorf("%d connections to three servers", n)
		}
		if err := w.g.DrainServer(c+","+a+","+b, a, false); err != nil {
			w.Error(err)
		}
		w.eventually("a", func() bool { return ask() == "a" })
	})
}

// A request that goes on at a server which a reload has taken out is in flight still; the status forgot it.
func TestStatusCountsRequestsAtServersThatAreGone(t *testing.T) {
	eachEngineOf(t, func(t *testing.T) *config.Config {
		return parse(t, "listen: 127.0.0.1:0\nto: %s\n", server(new(atomic.Int64))(t))
	}, func(w *world) {
		socket := w.dial().socket()
		for range 2 {
			if n := w.g.Connections().Requests; n != 1 {
				w.Errorf("%d requests are in flight beside the WebSocket", n-1)
			}
			w.reload(parse(w, "listen: 127.0.0.1:0\nto: 127.0.0.1:1\n"))
		}
		socket.wantEcho()
		socket.CloseWriteHalf()
		socket.wantEnd()
		w.eventually("the end of the request", func() bool { return w.g.Connections().Requests == 0 })
	})
}

// Who cannot listen is told what to do. A listener that keeps the port of a new one is named, for nobody would look for it in this
// program.
func TestListenersThatCannotBeOpened(t *testing.T) {
	text := "listen: '%s'\nroutes: [{answer: 204}]\n"
	eachEngineOf(t, func(t *testing.T) *config.Config { return parse(t, text, "127.0.0.1:0") }, func(w *world) {
		port := w.addr[strings.LastIndexByte(w.addr, ':'):]
		_, err := w.g.Reload(parse(t, text, port))
		if err == nil || !strings.Contains(err.Error(), "in use: the listener 127.0.0.1:0 has the port") {
			w.Errorf("%v", err)
		}
		other, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			w.Fatal(err)
		}
		defer other.Close()
		for address, want := range map[string]string{
			other.Addr().String():                "in use (a process listens there: ",
			"203.0.113.5:1":                      " (this machine does not have the address: ", // of documentation, RFC 5737
			"unix:" + t.TempDir() + "/none/sock": " (its folder has to be there)",
		} {
			if _, err := w.g.Reload(parse(t, text, address)); err == nil || !strings.Contains(err.Error(), want) {
				w.Errorf("%s: %v; want %q", address, err, want)
			}
		}
	})
}
