package gate

import (
	"slices"
	"time"

	"github.com/unio-go/unio/tinygate/internal/admin"
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

// expel closes, after a while, the connections that a listener has left which is gone. It is called with mu held.
func (g *Gate) expel(l *listener, after time.Duration) {
	var t *time.Timer
	t = time.AfterFunc(after, func() {
		l.expelled.Store(true)
		for _, sh := range g.shards {
			// When the runtime is closed so are the connections.
			_ = g.rt.GoOn(sh.loop, func() { sh.expel(l) })
		}
		g.mu.Lock()
		defer g.mu.Unlock()
		if i := slices.Index(g.expelling, t); i >= 0 {
			g.expelling = slices.Delete(g.expelling, i, i+1)
		}
	})
	g.expelling = append(g.expelling, t)
}

// expel closes the connections of a listener on the loop, also those that have not come to their first request.
func (sh *shard) expel(l *listener) {
	sh.eachClient(func(cl *client) {
		if cl.l == l {
			cl.raw.SetWriteDeadline(time.Unix(1, 0)) // nobody waits for what the client has not taken
			cl.raw.Close()
		}
	})
}

// idle closes the connections of clients that have no request in flight. One whose request has arrived is served.
func (sh *shard) idle() {
	sh.eachClient(func(cl *client) {
		if cl.parked && cl.c.Unawait() {
			c := cl.c
			cl.parked = false
			cl.leave()
			c.SetWriteDeadline(time.Unix(1, 0)) // nothing is due but the end of TLS
			c.Close()
		}
	})
}

// closersMax is how many connections of a loop are closed at a time: each has a task meanwhile, and a client that does not
// read holds its own for a quarter of a second.
const closersMax = 64

// eachClient calls fn for all who are connected now, in tasks of the loop. Fn may wait, and clients leave meanwhile.
func (sh *shard) eachClient(fn func(*client)) {
	list := slices.Clone(sh.clients)
	work := func() {
		for len(list) > 0 {
			cl := list[0]
			list = list[1:]
			fn(cl)
		}
	}
	for range min(closersMax, len(list)) {
		sh.g.rt.Go(work)
	}
}

// Connections counts what is open.
func (g *Gate) Connections() admin.Connections {
	return admin.Connections{Clients: g.crowd.all.Load(), Upstreams: g.lasting.Load(), Requests: g.figures.InFlight()}
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
