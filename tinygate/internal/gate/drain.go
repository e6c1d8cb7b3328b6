package gate

import (
	"slices"
	"time"
)

// Drain has every response from now on end its connection, so that clients go elsewhere, and closes those that wait for
// a next request, as nginx does. Nothing is lost by that: a request that has arrived is served, and one that is on its way
// meets a connection that is closed, which clients have to expect of idle ones at any time (RFC 9112 9.5).
func (g *Gate) Drain() {
	g.ending.Store(true)
	for _, sh := range g.shards {
		// When the runtime is closed so are the connections.
		_ = g.rt.GoOn(sh.loop, sh.idle)
	}
}

// Draining reports whether Drain was called.
func (g *Gate) Draining() bool { return g.ending.Load() }

// idle closes the connections of clients that have no request in flight. One whose request has arrived is served.
func (sh *shard) idle() {
	sh.eachClient(func(cl *client) {
		if cl.parked && cl.c.Unawait() {
			c := cl.c
			cl.parked = false
			cl.leave()
			c.SetWriteDeadline(longAgo) // nothing is due but the end of TLS
			c.Close()
		}
	})
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
			cl.raw.SetWriteDeadline(longAgo) // nobody waits for what the client has not taken
			cl.raw.Close()
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
