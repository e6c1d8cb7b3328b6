package gate_test

import (
	"io"
	"sync"
	"testing"
	"time"

	"github.com/unio-go/unio/tinygate/internal/cluster"
	"github.com/unio-go/unio/tinygate/internal/config"
)

// turns is a change to one request at a time for each server.
func turns(wait time.Duration) func(*config.Config) {
	return func(cfg *config.Config) { cfg.Upstreams[0].Pool.Max, cfg.Upstreams[0].Pool.Wait = 1, wait }
}

// gatekeeper is an upstream that says when a request has come, and answers when it is told.
type gatekeeper struct{ came, answer chan struct{} }

func newGatekeeper() *gatekeeper {
	return &gatekeeper{make(chan struct{}, 100), make(chan struct{}, 100)}
}

func (g *gatekeeper) upstream(t *testing.T) string {
	return script(func(t *testing.T, c *peer, _ int) {
		for {
			if _, err := c.request(); err != nil {
				return
			}
			g.came <- struct{}{}
			if !c.awaits(g.answer, "leave to answer") || c.send(ok) != nil {
				return
			}
		}
	})(t)
}

// takes sends a request, and reports whether it has come to the gatekeeper, which is the first of the servers, and not to one that
// answers.
func (w *world) takes(c *peer, g *gatekeeper) bool {
	w.Helper()
	asked := func(i int) uint64 { return w.g.Servers()[i].Requests }
	first, second := asked(0), asked(1)
	c.send(getRoot)
	w.eventually("the choice of a server", func() bool { return asked(0) > first || asked(1) > second })
	if w.Failed() {
		w.FailNow()
	}
	if asked(0) == first {
		return false
	}
	await(w, g.came, "the request")
	return true
}

// Requests for which a server has no turn wait, and are refused in the end. That is no failure of the server.
func TestWaitingForATurn(t *testing.T) {
	up := newGatekeeper()
	eachEngine(t, setup{Change: turns(short / 5)}, func(w *world) {
		first := w.dial()
		first.send(getRoot)
		await(w, up.came, "the request")
		for range 2 * w.g.Config().Upstreams[0].Eject.Failures {
			if status := w.ask("GET", "/", 0); status != "503" {
				w.Fatalf("status %s while the only turn is taken", status)
			}
			if w.g.Servers()[0].Failures > 0 {
				break
			}
		}
		if s := w.g.Servers()[0]; s.State != cluster.Up || s.Failures > 0 || s.InFlight != 1 || s.Outcomes[cluster.NoTurn] == 0 {
			w.Errorf("%+v", s)
		}
		up.answer <- struct{}{}
		first.wantStatus("200")
		w.eventually("the free turn", func() bool { return w.g.Servers()[0].InFlight == 0 })
		up.answer <- struct{}{}
		if status := w.ask("GET", "/", 0); status != "200" {
			w.Errorf("status %s with a free turn", status)
		}
		await(w, up.came, "the request")
	}, up.upstream)
}

// A request does not wait for a server whose connections are all in use while another one is free.
func TestNobodyWaitsBesideAFreeServer(t *testing.T) {
	slow := newGatekeeper()
	eachEngine(t, setup{Change: turns(short)}, func(w *world) {
		held := w.dial()
		for !w.takes(held, slow) { // the other one's turn was first
			held.wantStatus("200")
		}
		for range 6 {
			if status := w.ask("GET", "/", 0); status != "200" {
				w.Errorf("status %s", status)
			}
		}
		slow.answer <- struct{}{}
		held.wantStatus("200")
	}, slow.upstream, echo)
}

// Who waits is served in the order of coming, never more than Max at a time, also when some have gone away meanwhile.
func TestTurnsComeInOrder(t *testing.T) {
	up := newGatekeeper()
	eachEngine(t, setup{Change: turns(bound)}, func(w *world) {
		all := make([]*peer, 8)
		for i := range all {
			all[i] = w.dial()
			all[i].send(getRoot)
			w.eventually("the request", func() bool { return w.g.Servers()[0].InFlight == int64(i+1) })
		}
		all[2].Close() // the gate learns of it when it answers
		for i, c := range all {
			await(w, up.came, "the request")
			select {
			case <-up.came:
				w.Fatal("two requests at a time")
			default:
			}
			up.answer <- struct{}{}
			if i != 2 {
				c.wantStatus("200")
			}
		}
		w.eventually("the end of all", func() bool { return w.g.Servers()[0].InFlight == 0 })
		if n := w.g.Opened(); n != 1 {
			w.Errorf("%d connections", n)
		}
	}, up.upstream)
}

// A slow client of a buffered response keeps no server from others.
func TestHeldResponseGivesTheTurnBack(t *testing.T) {
	const size = 8 << 20
	body := make([]byte, size)
	up := script(func(t *testing.T, c *peer, _ int) {
		for {
			if _, err := c.request(); err != nil {
				return
			}
			c.send("HTTP/1.1 200 OK\r\nContent-Length: 8388608\r\n\r\n" + string(body))
		}
	})
	change := func(cfg *config.Config) {
		turns(bound)(cfg)
		cfg.Routes[0].Buffer = config.Buffer{Response: true, Bytes: 2 * size}
	}
	eachEngine(t, setup{Change: change}, func(w *world) {
		var all sync.WaitGroup
		defer all.Wait()
		for range 3 {
			c := w.dial()
			c.send(getRoot)
			c.head()
			w.eventually("the end of the server's part", func() bool { return w.g.Servers()[0].InFlight == 0 })
			all.Go(func() {
				time.Sleep(short)
				if n, err := io.CopyN(io.Discard, c.r, size); err != nil {
					w.Errorf("%d bytes, %v", n, err)
				}
			})
		}
		if n := w.g.Opened(); n != 1 {
			w.Errorf("%d connections", n)
		}
	}, up)
}

// A limit of the request that ends its wait for a turn is told as a limit, and not as the servers' want of connections. The
// server has done nothing wrong.
func TestTimeIsOverWhileWaitingForATurn(t *testing.T) {
	up := newGatekeeper()
	eachEngineOf(t, func(t *testing.T) *config.Config {
		return parse(t, `
listen: 127.0.0.1:0
upstreams: {a: {servers: "%s", pool: {max: 1, wait: 20s}, eject: {failures: 1}}}
routes:
  - {path: /total, to: a, times: {total: 100ms}}
  - {path: /try, to: a, times: {try: 100ms}, retry: {on: [timeout]}}
  - {to: a}
`, up.upstream(t))
	}, func(w *world) {
		first := w.dial()
		first.send(getRoot)
		await(w, up.came, "the request")
		for _, path := range []string{"/total", "/try"} {
			if status := w.ask("GET", path, 0); status != "504" {
				w.Errorf("%s: status %s", path, status)
			}
		}
		if s := w.g.Servers()[0]; s.State != cluster.Up || s.Failures > 0 || s.Outcomes[cluster.NoTurn] != 2 {
			w.Errorf("%+v", s)
		}
		up.answer <- struct{}{}
		first.wantStatus("200")
	})
}

// A reload that changes the bound let each server have as many requests of the new configuration beside those of the old one,
// and who waited under the old one waited on.
func TestReloadChangesTheBoundInPlace(t *testing.T) {
	const text = "listen: 127.0.0.1:0\nupstreams: {a: {servers: \"%s\", pool: {max: %v, wait: 20s}}}\nto: a\n"
	var up *gatekeeper
	var addr string
	eachEngineOf(t, func(t *testing.T) *config.Config {
		up = newGatekeeper()
		addr = up.upstream(t)
		return parse(t, text, addr, 3)
	}, func(w *world) {
		var all []*peer
		ended := 0
		more := func(n int) {
			for range n {
				c := w.dial()
				all = append(all, c)
				c.send(getRoot)
				w.eventually("the request", func() bool { return w.g.Servers()[0].InFlight == int64(len(all)-ended) })
			}
		}
		end := func() { up.answer <- struct{}{}; ended++ }
		came := func(what string, n int) {
			w.Helper()
			w.eventually(what, func() bool { return len(up.came) >= n })
			if time.Sleep(short / 2); len(up.came) != n {
				w.Errorf("%s: %d requests have come to the server, want %d", what, len(up.came), n)
			}
		}
		more(4)
		came("a bound of 3", 3)
		w.reload(parse(w, text, addr, 2))
		more(2)
		came("lowered to 2", 3)
		end()
		came("2 are left of 3", 3)
		end()
		came("1 was left", 4)
		w.reload(parse(w, text, addr, 3))
		came("raised to 3", 5)
		w.reload(parse(w, text, addr, "off"))
		came("off", 6)
		w.reload(parse(w, text, addr, 4))
		more(1)
		came("bounded by the 4 that there are", 6)
		for range all[ended:] {
			end()
		}
		for _, c := range all {
			c.wantStatus("200")
		}
		w.eventually("the end of all", func() bool { return w.g.Servers()[0].InFlight == 0 })
	})
}
