package gate

import (
	"net/http"
	"sync"
	"time"

	"github.com/unio-go/unio/tinygate/internal/admin"
	"github.com/unio-go/unio/tinygate/internal/cluster"
)

// InFlight is the requests that are being served. It asks each loop, and waits for that.
func (g *Gate) InFlight() (all []admin.Request, err error) {
	var mu sync.Mutex
	err = g.onEachLoop(func(sh *shard) {
		now := time.Now()
		mu.Lock()
		defer mu.Unlock()
		for _, cl := range sh.clients {
			if x := cl.x; x != nil && !x.began.IsZero() {
				all = append(all, x.describe(now))
			}
		}
	})
	mu.Lock()
	defer mu.Unlock()
	return all, err
}

// describe says what may be shown of a request: no query, which can hold secrets.
func (x *exchange) describe(now time.Time) admin.Request {
	r := admin.Request{
		ID: string(x.id), Client: x.who.Addr.String(), Age: now.Sub(x.began).Seconds(), Phase: x.phase(),
	}
	if len(x.head) > 0 {
		r.Method = string(x.req.MethodName.Of(x.head))
		r.Host = string(x.req.Host.Of(x.head))
		r.Path = string(x.req.Path.Of(x.head))
	}
	if x.rule != nil && x.rule.group != nil {
		r.Upstream, r.Server = x.rule.group.Name, x.last
	}
	return r
}

// phase is how far a request has come.
func (x *exchange) phase() string {
	switch {
	case x.begun && x.resp.Tunnel:
		return "tunnel"
	case x.begun:
		return "sending the response"
	case x.up != nil && x.uploading:
		return "sending the request"
	case x.up != nil:
		return "waiting for the response"
	case x.server != nil:
		return "connecting"
	}
	return "reading the request"
}

// expel closes, after a while, the connections that a listener has left which is gone.
func (g *Gate) expel(l *listener, after time.Duration) {
	time.AfterFunc(after, func() {
		// A loop that does not answer is ending.
		_ = g.onEachLoop(func(sh *shard) {
			for _, cl := range append([]*client(nil), sh.clients...) {
				if cl.l == l {
					cl.c.Abort()
				}
			}
		})
	})
}

// Connections counts what is open.
func (g *Gate) Connections() admin.Connections {
	c := admin.Connections{Clients: g.crowd.all.Load(), Upstreams: g.lasting.Load()}
	for _, s := range g.servers.Status() {
		c.Requests += s.InFlight
	}
	return c
}

// Servers is what is known of all servers.
func (g *Gate) Servers() []cluster.Status { return g.servers.Status() }

// DrainServer has a server get no new requests, or get some again.
func (g *Gate) DrainServer(upstream, server string, on bool) error {
	return g.servers.Drain(upstream, server, on)
}

// Draining reports whether Drain was called.
func (g *Gate) Draining() bool { return g.ending.Load() }

// Version is that of the program.
func (g *Gate) Version() string { return version() }

// Metrics serves the figures to Prometheus.
func (g *Gate) Metrics() http.Handler { return g.figures.Handler() }
