package cluster

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/unio-go/unio/tinygate/internal/config"
)

// heir is an upstream that a route has made, and a cluster of that kind whose name it has not, but some of its servers.
type heir struct {
	up     *config.Upstream
	c      *Cluster
	shared int // servers
}

// rename has upstreams that routes have made go on with clusters that would be removed, those that share most servers first.
// Their names are their addresses, so a server more would else be another upstream, which knows nothing of those that were
// drained or are down. What is drained in other such clusters is drained in a new one too: of two routes that had one list
// only one may have been changed. stays has the names of all upstreams.
func (s *Set) rename(ups []*config.Upstream, stays map[string]bool) (changes []string) {
	all := s.heirs(ups)
	for _, h := range all {
		was := h.c.name
		if stays[was] || s.clusters[h.up.Name] != nil {
			continue
		}
		delete(s.clusters, was)
		s.clusters[h.up.Name] = h.c
		h.c.call(h.up.Name)
		changes = append(changes, fmt.Sprintf("upstream %s: has another name now, %s", was, h.up.Name))
	}
	for _, h := range all {
		c := s.clusters[h.up.Name]
		if c == nil {
			c = newCluster(s, h.up.Name)
			s.clusters[h.up.Name] = c
		}
		if c != h.c {
			c.drainAs(h.c, h.up)
		}
	}
	return changes
}

// drainAs has servers of up that the cluster is about to get be drained where they are in another one.
func (c *Cluster) drainAs(other *Cluster, up *config.Upstream) {
	other.mu.Lock()
	drained := maps.Clone(other.drained)
	other.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range up.Servers {
		if drained[e.Address] && !slices.ContainsFunc(c.names, func(n *name) bool { return n.Address == e.Address }) {
			c.drained[e.Address] = true
		}
	}
}

// heirs pairs new upstreams with the clusters that have some of their servers, those with most first.
func (s *Set) heirs(ups []*config.Upstream) (all []heir) {
	at := map[string][]*Cluster{} // by the address of a server
	for _, c := range s.clusters {
		if cfg := c.Config(); cfg.Own {
			for _, e := range cfg.Servers {
				at[e.Address] = append(at[e.Address], c)
			}
		}
	}
	for _, up := range ups {
		if !up.Own || s.clusters[up.Name] != nil {
			continue
		}
		shared := map[*Cluster]int{}
		for _, e := range up.Servers {
			for _, c := range at[e.Address] {
				shared[c]++
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
