package gate

import (
	"net/netip"
	"sync"
	"sync/atomic"

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
func (cl *client) enter() bool {
	sh, limits := cl.sh, &cl.site.cfg.Limits
	g := sh.g
	if n := g.crowd.all.Add(1); limits.Connections > 0 && n > int64(limits.Connections) {
		g.crowd.all.Add(-1)
		sh.figures.ClientRefused(metrics.RefusedLimit)
		return false
	}
	if !cl.l.how.Load().ProxyProtocol && !cl.alone() { // else the header names the address
		g.crowd.all.Add(-1)
		return false
	}
	cl.at = len(sh.clients)
	sh.clients = append(sh.clients, cl)
	sh.figures.ClientOpened()
	return true
}

// alone counts the client among those of its address, and reports whether there are not too many. Clients without an
// address, on a Unix socket, are not bounded so.
func (cl *client) alone() bool {
	most, addr := cl.site.cfg.Limits.PerClient, cl.peer.Addr()
	if most == 0 || !addr.IsValid() {
		return true
	}
	if !cl.sh.g.crowd.add(addr, most) {
		cl.sh.figures.ClientRefused(metrics.RefusedPerClient)
		return false
	}
	cl.counted = true
	return true
}

// leave counts it out. The connection is closed by whoever calls.
func (cl *client) leave() {
	sh := cl.sh
	last := sh.clients[len(sh.clients)-1]
	sh.clients[cl.at], last.at = last, cl.at
	sh.clients[len(sh.clients)-1] = nil
	sh.clients = sh.clients[:len(sh.clients)-1]
	sh.g.crowd.all.Add(-1)
	if cl.counted {
		sh.g.crowd.drop(cl.peer.Addr())
	}
	sh.figures.ClientClosed()
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
