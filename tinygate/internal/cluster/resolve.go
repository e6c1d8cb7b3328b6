package cluster

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/unio-go/unio/tinygate/internal/config"
)

// name is a server as configured, and the addresses that it stands for, under the cluster's lock.
type name struct {
	config.Server
	host, port string // "" for unix

	addrs    []string // where to connect to; none: not resolved yet
	err      error    // of the last lookup
	slow     bool     // servers that are new from now on come in slowly
	interval time.Duration
	stop     context.CancelFunc // of the goroutine that resolves; nil: none
}

// newName makes a name, which has its address at once if there is nothing to resolve.
func newName(e config.Server, slow bool) *name {
	n := &name{Server: e, slow: slow}
	n.host, n.port, _ = splitAddress(e.Address) // Apply has checked it
	switch {
	case n.host == "":
		n.addrs = []string{e.Address}
	case !isName(n.host):
		n.addrs = []string{net.JoinHostPort(n.host, n.port)}
	}
	return n
}

// every has the name resolved now, and then once in each interval. An interval of 0 means now only.
func (n *name) every(c *Cluster, interval time.Duration) {
	if !isName(n.host) || n.stop != nil && n.interval == interval {
		return
	}
	n.end()
	n.interval = interval
	ctx, stop := context.WithCancel(c.set.ctx)
	n.stop = stop
	c.set.wg.Go(func() { c.resolve(ctx, n, interval) })
}

// isNew reports whether the first lookup of the name has not ended.
func (n *name) isNew() bool { return len(n.addrs) == 0 && n.err == nil }

// end stops lookups. One that is under way has no effect any more.
func (n *name) end() {
	if n.stop != nil {
		n.stop()
		n.stop = nil
	}
}

// resolve looks the name up until ctx ends. A failure is repeated soon.
func (c *Cluster) resolve(ctx context.Context, n *name, interval time.Duration) {
	retryMax := interval
	if interval <= 0 {
		retryMax = lookupRetryMax
	}
	for retry := lookupRetry; ; {
		addrs, err := c.lookup(ctx, n)
		if !c.resolved(ctx, n, addrs, err) {
			return
		}
		wait := interval
		if err != nil {
			wait = min(retry, retryMax)
			retry = min(2*retry, retryMax)
		} else if retry = lookupRetry; interval <= 0 {
			return
		}
		if !sleep(ctx, wait) {
			return
		}
	}
}

var errNoAddresses = errors.New("the name has no addresses: look at its A and AAAA records")

// lookup asks once, and sorts the answer.
func (c *Cluster) lookup(ctx context.Context, n *name) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	ips, err := c.set.o.Resolver.LookupNetIP(ctx, "ip", n.host)
	if err != nil {
		return nil, err
	}
	for i := range ips {
		ips[i] = ips[i].Unmap()
	}
	slices.SortFunc(ips, netip.Addr.Compare)
	ips = slices.Compact(ips)
	if len(ips) == 0 {
		return nil, errNoAddresses
	}
	var addrs []string
	for _, ip := range ips[:min(len(ips), addressesMax)] {
		addrs = append(addrs, net.JoinHostPort(ip.String(), n.port))
	}
	return addrs, nil
}

// resolved takes the result of a lookup, and reports whether there are to be others.
func (c *Cluster) resolved(ctx context.Context, n *name, addrs []string, err error) bool {
	c.mu.Lock()
	if ctx.Err() != nil {
		c.mu.Unlock()
		return false
	}
	log := c.log.With(slog.String("server", n.Address))
	before := n.err
	n.err = err
	if err != nil {
		n.slow = true
		if before == nil {
			log.Warn("tinygate: a name does not resolve; its last addresses stay", slog.Int("addresses", len(n.addrs)),
				slog.Any("error", err))
			c.publish(time.Now()) // nobody has to wait for it any more
		}
		c.mu.Unlock()
		return true
	}
	if before != nil {
		log.Info("tinygate: a name resolves again")
	}
	var gone []*Server
	if !slices.Equal(addrs, n.addrs) {
		log.Info("tinygate: a name has other addresses", slog.Any("addresses", addrs))
		n.addrs = addrs
		now := time.Now()
		gone = c.fill(now)
		c.publish(now)
	}
	n.slow = true
	c.mu.Unlock()
	c.leave(gone)
	return true
}
