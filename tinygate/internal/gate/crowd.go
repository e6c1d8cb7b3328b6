package gate

import (
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/unio-go/unio/tinygate/internal/config"
	"github.com/unio-go/unio/tinygate/internal/metrics"
)

// crowd counts the clients that are connected, on all loops.
type crowd struct {
	all atomic.Int64

	mu    sync.Mutex // held for a look at the map; only where connections of one address are bounded
	peers map[netip.Addr]int
}

// enter counts a client in, and reports whether the limits let it stay. A client that is refused is closed without a word:
// it may not even speak HTTP yet.
func (cl *client) enter(limits *config.Limits) bool {
	sh := cl.sh
	g := sh.g
	if n := g.crowd.all.Add(1); limits.Connections > 0 && n > int64(limits.Connections) {
		g.crowd.all.Add(-1)
		sh.metrics.ClientRefused(metrics.RefusedLimit)
		return false
	}
	cl.at = len(sh.clients)
	sh.clients = append(sh.clients, cl)
	sh.metrics.ClientOpened()
	return true
}

// admit counts a client for its address, which a PROXY header may have told, and reports whether the limits let it stay. It
// may be counted for another address already: a reload can switch PROXY headers on after the connection was accepted.
func (cl *client) admit(limits *config.Limits) bool {
	a := cl.peer.Addr()
	if limits.PerClient == 0 || !a.IsValid() || cl.counted == a {
		return true
	}
	cl.uncount()
	if !cl.sh.g.crowd.add(a, limits.PerClient) {
		cl.sh.metrics.ClientRefused(metrics.RefusedPerClient)
		return false
	}
	cl.counted = a
	return true
}

// uncount has a client count for no address.
func (cl *client) uncount() {
	if cl.counted.IsValid() {
		cl.sh.g.crowd.drop(cl.counted)
		cl.counted = netip.Addr{}
	}
}

// leave counts a client out. The caller closes the connection.
func (cl *client) leave() {
	sh := cl.sh
	last := sh.clients[len(sh.clients)-1]
	sh.clients[cl.at], last.at = last, cl.at
	sh.clients[len(sh.clients)-1] = nil
	sh.clients = sh.clients[:len(sh.clients)-1]
	sh.g.crowd.all.Add(-1)
	cl.uncount()
	sh.metrics.ClientClosed()
}

func (c *crowd) add(a netip.Addr, most int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.peers[a] >= most {
		return false
	}
	if c.peers == nil {
		c.peers = map[netip.Addr]int{}
	}
	c.peers[a]++
	return true
}

func (c *crowd) drop(a netip.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.peers[a]--; c.peers[a] <= 0 {
		delete(c.peers, a)
	}
}
