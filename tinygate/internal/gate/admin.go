package gate

import (
	"time"

	"github.com/unio-go/unio/tinygate/internal/admin"
	"github.com/unio-go/unio/tinygate/internal/certs"
	"github.com/unio-go/unio/tinygate/internal/cluster"
)

// InFlight is the requests that are being served. It asks each loop, and waits for that; what a loop that does not answer
// has to say is left out, and the error says so.
func (g *Gate) InFlight() (all []admin.Request, err error) {
	told := make(chan []admin.Request, len(g.shards))
	err = g.onEachLoop(func(sh *shard) {
		var list []admin.Request
		now := time.Now()
		for _, cl := range sh.clients {
			if x := cl.x; x != nil && x.inFlight() {
				list = append(list, x.describe(now))
			}
		}
		told <- list
	})
	for {
		select {
		case list := <-told:
			all = append(all, list...)
		default:
			return all, err
		}
	}
}

// inFlight reports whether a request has begun and has not been noted.
func (x *exchange) inFlight() bool {
	return x.counted || len(x.head) == 0 && !x.began.IsZero() && x.status == 0
}

// describe says what may be shown of a request: no query, which can hold secrets.
func (x *exchange) describe(now time.Time) admin.Request {
	r := admin.Request{
		ID: string(x.id), Client: x.clientName(), Age: now.Sub(x.began).Seconds(), Phase: x.phase(),
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

// clientName is the client's address; one on a Unix socket has none.
func (x *exchange) clientName() string {
	if !x.who.Addr.IsValid() {
		return "unix"
	}
	return x.who.Addr.String()
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
	case x.server != nil, x.out != nil:
		return "connecting"
	}
	return "reading the request"
}

// Connections counts what is open.
func (g *Gate) Connections() admin.Connections {
	return admin.Connections{Clients: g.crowd.all.Load(), Upstreams: g.lasting.Load(), Requests: g.metrics.InFlight()}
}

// Servers is what is known of all servers.
func (g *Gate) Servers() []cluster.Status { return g.servers.Status() }

// DrainServer has a server get no new requests, or get some again.
func (g *Gate) DrainServer(upstream, server string, on bool) error {
	return g.servers.Drain(upstream, server, on)
}

// Version is that of the program.
func (g *Gate) Version() string { return version() }

// Certificates tells about the certificates that clients get, and about the authorities of clients, in the order of the
// listeners. It waits for a reload that is under way.
func (g *Gate) Certificates() (all []certs.Status) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, l := range g.listeners {
		if set := l.settings.Load(); set.certs != nil {
			all = append(all, set.certs.Status()...)
		}
	}
	return all
}
