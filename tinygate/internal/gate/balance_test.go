package gate_test

import (
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/unio-go/unio/tinygate/internal/cluster"
	"github.com/unio-go/unio/tinygate/internal/config"
)

// named is an upstream that answers with its name.
func named(name string) func(*testing.T) string {
	return replies(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(name), name))
}

// whose sends a request on c and returns the body of the response, which is the name of a server.
func (p *peer) whose(fields string) string {
	p.t.Helper()
	p.send("GET / HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n")
	_, name, _ := strings.Cut(p.wantStatus("200"), "\r\n\r\n")
	return name
}

func TestWeights(t *testing.T) {
	change := func(cfg *config.Config) {
		for i, weight := range []int{3, 1, 1, 100} {
			cfg.Upstreams[0].Servers[i].Weight = weight
		}
		cfg.Upstreams[0].Servers[3].Backup = true
	}
	eachEngine(t, setup{Change: change}, func(w *world) {
		c, got := w.dial(), map[string]int{}
		for range 50 {
			got[c.whose("")]++
		}
		if got["a"] != 30 || got["b"] != 10 || got["c"] != 10 {
			w.Errorf("%v; want a: 30, b and c: 10, and nothing for the backup", got)
		}
	}, named("a"), named("b"), named("c"), named("backup"))
}

// A server that fails gets no requests for a while and comes back. Clients see nothing of it.
func TestEjectionAndReturn(t *testing.T) {
	var broken atomic.Bool
	a := script(func(t *testing.T, c *peer, _ int) {
		for {
			if _, err := c.request(); err != nil || broken.Load() {
				return
			}
			c.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na")
		}
	})
	change := func(cfg *config.Config) {
		cfg.Upstreams[0].Eject = config.Eject{Failures: 3, For: 4 * short, Return: short, Percent: 50}
		cfg.Routes[0].Retry.Budget = 100
	}
	eachEngine(t, setup{Change: change}, func(w *world) {
		state := func() cluster.State { return w.g.Servers()[0].State }
		broken.Store(true)
		c := w.dial()
		w.eventually("the ejection", func() bool { return c.whose("") == "b" && state() == cluster.Ejected })
		before := w.g.Servers()[0].Requests
		for range 10 {
			if c.whose("") != "b" {
				w.Error("an ejected server answers")
			}
		}
		if after := w.g.Servers()[0].Requests; after != before && state() == cluster.Ejected {
			w.Errorf("an ejected server got %d requests", after-before)
		}
		broken.Store(false)
		w.eventually("the return", func() bool { return c.whose("") == "a" })
	}, a, named("b"))
}

// With no good server left clients are told so, until one is back.
func TestAllServersAreOutAndOneReturns(t *testing.T) {
	// On an address where nobody else listens: on that of the gate it might get the port that is free now, and be its own server.
	ln, err := net.Listen("tcp", "127.0.0.3:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	ln.Close()
	change := func(cfg *config.Config) { cfg.Upstreams[0].Eject.For = short }
	eachEngine(t, setup{Upstreams: []string{addr, dead(t)}, Change: change}, func(w *world) {
		c := w.dial()
		for range 20 {
			c.send(getRoot)
			c.wantStatus("502")
		}
		ln, err := net.Listen("tcp", addr)
		if err != nil {
			w.Skipf("lacks: the port %s, which somebody else has now", addr)
		}
		defer ln.Close()
		go serveListener(w.T, ln, func(c *peer) {
			if _, err := c.request(); err == nil {
				c.send(ok)
			}
		})
		w.eventually("an answer", func() bool {
			c.send(getRoot)
			m, _ := c.message(false)
			return strings.HasPrefix(m, "HTTP/1.1 200 ")
		})
	})
}

func TestHashSticks(t *testing.T) {
	for _, tc := range []struct {
		name   string
		key    config.HashKey
		by     string
		fields string // with the key
	}{
		{"header", config.HashHeader, "x-user", "X-User: %d\r\n"},
		{"cookie", config.HashCookie, "id", "Cookie: a=b; id=%d; c=d\r\n"},
		{"address", config.HashAddress, "", "X-Nothing: %d\r\n"},
		{"header that is not there", config.HashHeader, "x-user", "X-Other: %d\r\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			change := func(cfg *config.Config) {
				behindProxy(cfg)
				u := cfg.Upstreams[0]
				u.Balance, u.HashKey, u.HashName = config.Hash, tc.key, tc.by
			}
			byAddress := tc.key == config.HashAddress || !strings.Contains(strings.ToLower(tc.fields), tc.by)
			eachEngine(t, setup{Change: change}, func(w *world) {
				used := map[string]bool{}
				for i := range 30 {
					var first string
					for n := range 3 {
						address, key := n+1, i
						if byAddress {
							address, key = i+1, n
						}
						c := w.dial()
						c.send(fmt.Sprintf("PROXY TCP4 10.0.0.%d 10.0.1.1 1000 80\r\n", address))
						name := c.whose(fmt.Sprintf(tc.fields, key))
						if c.Close(); n == 0 {
							first = name
						}
						if used[name] = true; name != first {
							w.Errorf("%d goes to %s and to %s", i, first, name)
						}
					}
				}
				if len(used) != 3 {
					w.Errorf("of three servers the keys have found %v", used)
				}
			}, named("a"), named("b"), named("c"))
		})
	}
}

// A server that is slow gets no more than it answers.
func TestLeastConnectionsWithASlowServer(t *testing.T) {
	slow := newGatekeeper()
	change := func(cfg *config.Config) { cfg.Upstreams[0].Balance = config.LeastConnections }
	eachEngine(t, setup{Change: change}, func(w *world) {
		held := w.dial()
		other := w.dial()
		for !w.takes(held, slow) { // the quick one was first
			held.whoseIs(w, "b")
		}
		for range 20 {
			if name := other.whose(""); name != "b" {
				w.Fatalf("%q has answered", name)
			}
		}
		slow.answer <- struct{}{}
		held.wantStatus("200")
	}, slow.upstream, named("b"))
}

// whoseIs reads a response and wants its body.
func (p *peer) whoseIs(w *world, name string) {
	w.Helper()
	if m := p.wantStatus("200"); !strings.HasSuffix(m, "\r\n\r\n"+name) {
		w.Errorf("%q, want %q", m, name)
	}
}

// Idle connections are kept up to a number and for a time.
func TestIdleConnectionsAreBounded(t *testing.T) {
	for _, tc := range []struct {
		name string
		idle time.Duration
		left int
	}{{"in number", bound, 2}, {"in time", 3 * short, 0}} {
		t.Run(tc.name, func(t *testing.T) {
			up := newGatekeeper()
			change := func(cfg *config.Config) { cfg.Upstreams[0].Pool.IdleMax, cfg.Upstreams[0].Pool.Idle = 2, tc.idle }
			eachEngine(t, setup{Change: change}, func(w *world) {
				all := make([]*peer, 5)
				ask := func(n int) { // at the same time
					for i := range n {
						all[i].send(getRoot)
						await(w, up.came, "the request")
					}
					for range n {
						up.answer <- struct{}{}
					}
					for _, c := range all[:n] {
						c.wantStatus("200")
					}
				}
				for i := range all {
					all[i] = w.dial()
				}
				ask(len(all))
				w.eventually("the end of the others", func() bool { return w.g.Connections().Upstreams == int64(tc.left) })
				ask(tc.left)
				if n := w.g.Opened(); n != int64(len(all)) {
					w.Errorf("%d connections were opened, and %d are enough: those that are kept are used", n, len(all))
				}
			}, up.upstream)
		})
	}
}
