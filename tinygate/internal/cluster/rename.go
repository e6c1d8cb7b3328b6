package cluster

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/unio-go/unio/tinygate/internal/config"
)

// heir is an upstream that a route has made, and a cluster of that kind with another name that has some of its servers.
type heir struct {
	up     *config.Upstream
	c      *Cluster
	shared int // servers
}

// former is the clusters of upstreams that routes have made, before a change.
type former struct {
	leaving map[string][]*Cluster // those that would be removed, by the address of a server
	drained map[string]bool       // servers that are drained in one of them, those that stay too
}

// rename lets upstreams that routes have made take over clusters that would be removed, those that share most servers first.
// Such an upstream is named after its addresses, so with one server more it would otherwise be a new one, which knows nothing
// of servers that were drained or are down. What is drained in other such clusters is drained in a new one too: of two
// routes that had one list, only one may have been changed. stays has the names of all upstreams.
func (s *Set) rename(ups []*config.Upstream, stays map[string]bool) (changes []string) {
	var fresh []*config.Upstream
	for _, up := range ups {
		if up.Own && s.clusters[up.Name] == nil {
			fresh = append(fresh, up)
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	old := s.former(stays)
	inherit := func(up *config.Upstream, c *Cluster) {
		was := c.name
		delete(s.clusters, was)
		s.clusters[up.Name] = c
		c.call(up.Name)
		changes = append(changes, fmt.Sprintf("upstream %s: has another name now, %s", was, up.Name))
	}
	for _, h := range old.heirs(fresh) {
		if !stays[h.c.name] && s.clusters[h.up.Name] == nil {
			inherit(h.up, h.c)
		}
	}
	for _, up := range fresh {
		if s.clusters[up.Name] == nil {
			if c := old.left(up, stays); c != nil {
				inherit(up, c)
			} else {
				s.clusters[up.Name] = newCluster(s, up.Name)
			}
		}
		s.clusters[up.Name].drainAs(old.drained, up)
	}
	return changes
}

// former looks at all clusters.
func (s *Set) former(stays map[string]bool) *former {
	f := &former{map[string][]*Cluster{}, map[string]bool{}}
	for _, name := range slices.Sorted(maps.Keys(s.clusters)) {
		c := s.clusters[name]
		cfg := c.Config()
		if !cfg.Own {
			continue
		}
		c.mu.Lock()
		for server, on := range c.drained {
			f.drained[server] = f.drained[server] || on
		}
		c.mu.Unlock()
		if stays[name] {
			continue
		}
		for _, e := range cfg.Servers {
			f.leaving[e.Address] = append(f.leaving[e.Address], c)
		}
	}
	return f
}

// listsMax bounds the lists that are compared for a server they share: one that thousands have says little of which became which.
const listsMax = 100

// heirs pairs new upstreams with the clusters that have some of their servers, those that share most first.
func (f *former) heirs(fresh []*config.Upstream) (all []heir) {
	for _, up := range fresh {
		shared := map[*Cluster]int{}
		for _, e := range up.Servers {
			if have := f.leaving[e.Address]; len(have) <= listsMax {
				for _, c := range have {
					shared[c]++
				}
			}
		}
		for c, n := range shared {
			all = append(all, heir{up, c, n})
		}
	}
	slices.SortFunc(all, func(a, b heir) int {
		return cmp.Or(cmp.Compare(b.shared, a.shared), cmp.Compare(a.up.Name, b.up.Name), cmp.Compare(a.c.name, b.c.name))
	})
	return all
}

// left is a cluster with one of the servers that nobody has taken, or nil.
func (f *former) left(up *config.Upstream, stays map[string]bool) *Cluster {
	for _, e := range up.Servers {
		have := f.leaving[e.Address]
		for len(have) > 0 && stays[have[0].name] {
			have = have[1:]
		}
		if f.leaving[e.Address] = have; len(have) > 0 {
			return have[0]
		}
	}
	return nil
}

// drainAs drains those servers of up that are among drained and that the cluster is about to get.
func (c *Cluster) drainAs(drained map[string]bool, up *config.Upstream) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range up.Servers {
		if drained[e.Address] && !slices.ContainsFunc(c.names, func(n *name) bool { return n.Address == e.Address }) {
			c.drained[e.Address] = true
		}
	}
}
