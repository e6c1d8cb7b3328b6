package cluster

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"

	"github.com/unio-go/unio/tinygate/internal/config"
)

// Resolver finds the addresses of a name. *net.Resolver is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Options are what a Set can be given. Nil and zero values are good.
type Options struct {
	// Resolver resolves names; nil means net.DefaultResolver.
	Resolver Resolver
	// TLS makes what a check by HTTPS connects with: t is the upstream's setting, host the name that the certificate has
	// to be for. Each Apply calls it for each host, so that checks have what is in the files then. An upstream with such a
	// check needs it.
	TLS func(t *config.ClientTLS, host string) *tls.Config
	// Gone is called once for each server that is not used any more, after it was marked Gone, in the background: idle
	// connections to it can be closed. It must not call the Set.
	Gone func(*Server)
}

// Set is all upstreams of a program. It is made once and told of each configuration by Apply.
type Set struct {
	loops int
	log   *slog.Logger
	o     Options

	ctx    context.Context // of all that runs in the background
	stop   context.CancelFunc
	wg     sync.WaitGroup
	checks pace

	mu       sync.Mutex // held across Apply
	clusters map[string]*Cluster
	closed   bool
}

// New makes a set without upstreams for a program of so many loops. log hears of each change of a server's state once;
// nil means slog.Default().
func New(loops int, log *slog.Logger, o *Options) *Set {
	s := &Set{loops: loops, log: log, clusters: map[string]*Cluster{}}
	if o != nil {
		s.o = *o
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	if s.o.Resolver == nil {
		s.o.Resolver = net.DefaultResolver
	}
	s.ctx, s.stop = context.WithCancel(context.Background())
	return s
}

// ErrClosed says that the set was closed.
var ErrClosed = errors.New("cluster: the set is closed")

// Apply has the set be what a configuration says, and tells in a line each what changed. A server that stays the same in
// upstream, address and TLS settings stays the same object, with its pools, health, ejection and counters; its weight and
// checks change in place. An upstream that a route has made takes over from one that is gone and has most of its servers,
// since its name changes with them. After an error nothing was changed. It waits for no server and no DNS; a cluster that is
// balanced by hash takes a few milliseconds.
func (s *Set) Apply(ups []*config.Upstream) (changes []string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrClosed
	}
	if err := s.validate(ups); err != nil {
		return nil, fmt.Errorf("cluster: apply: %w", err)
	}
	stays := map[string]bool{}
	for _, up := range ups {
		stays[up.Name] = true
	}
	changes = s.rename(ups, stays)
	for _, up := range ups {
		c := s.clusters[up.Name]
		if c == nil {
			c = newCluster(s, up.Name)
			s.clusters[up.Name] = c
		}
		if c.Config() == nil {
			changes = append(changes, fmt.Sprintf("upstream %s: new, with %d servers", up.Name, len(up.Servers)))
		}
		changes = append(changes, c.apply(up)...)
	}
	for _, name := range slices.Sorted(maps.Keys(s.clusters)) {
		if !stays[name] {
			s.clusters[name].close()
			delete(s.clusters, name)
			changes = append(changes, fmt.Sprintf("upstream %s: removed", name))
		}
	}
	return changes, nil
}

// Cluster is the upstream of that name, or nil. It stays the same over changes by Apply until it is removed.
func (s *Set) Cluster(name string) *Cluster {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.clusters[name]
}

// Close marks all servers as gone, ends checks and lookups, and returns when they have ended. Closing twice is fine.
func (s *Set) Close() {
	s.mu.Lock()
	s.closed = true
	for name, c := range s.clusters {
		c.close()
		delete(s.clusters, name)
	}
	s.mu.Unlock()
	s.stop()
	s.wg.Wait()
}

// names is those of all clusters.
func (s *Set) names() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.clusters))
}

// all is the clusters by name.
func (s *Set) all() []*Cluster {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.SortedFunc(maps.Values(s.clusters), func(a, b *Cluster) int { return cmp.Compare(a.name, b.name) })
}
