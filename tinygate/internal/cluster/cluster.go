package cluster

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/unio-go/unio/tinygate/internal/cluster/maglev"
	"github.com/unio-go/unio/tinygate/internal/config"
)

// Cluster is the servers of an upstream.
type Cluster struct {
	set         *Set
	cfg         atomic.Pointer[config.Upstream]
	view        atomic.Pointer[view]
	failuresMax atomic.Int32 // in a row, until a server is judged; 0: never
	pickers     []*Picker
	awaiting    awaiting

	mu      sync.Mutex // of what follows and of the conditions of servers; loops never take it
	name    string     // also under that of the set
	log     *slog.Logger
	names   []*name                // as configured
	members []*Server              // in the order of names, and of addresses within a name
	slots   []*Server              // those in use are not nil
	drained map[string]bool        // names of which all servers are drained, those that DNS will bring too
	tls     map[string]*tls.Config // of checks, by the host of a server
	table   table
	timer   *time.Timer // for what changes by time alone
	closed  bool
}

// condition is what a cluster knows of one of its servers, under its lock.
type condition struct {
	slot    int32
	weight  int32
	backup  bool
	drained bool
	health
	ejection
	back    time.Time // since when it comes back; zero: it has its full share
	known   State     // as of the last view
	changed time.Time // when known began
}

func newCluster(s *Set, name string) *Cluster {
	c := &Cluster{set: s, drained: map[string]bool{}}
	c.call(name)
	c.view.Store(&view{})
	for loop := range s.loops {
		c.pickers = append(c.pickers, newPicker(c, loop, s.loops))
	}
	return c
}

// call names the cluster, or renames it.
func (c *Cluster) call(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.name, c.log = name, c.set.log.With(slog.String("upstream", name))
}

// Config is what the cluster was last told. It is not to be changed.
func (c *Cluster) Config() *config.Upstream { return c.cfg.Load() }

// Picker is the loop's view of the cluster, always the same one. Only tasks of that loop may use it.
func (c *Cluster) Picker(loop int) *Picker { return c.pickers[loop] }

// apply makes the cluster what the configuration says.
func (c *Cluster) apply(up *config.Upstream) (changes []string) {
	c.mu.Lock()
	old := c.cfg.Swap(up)
	c.failuresMax.Store(int32(max(up.Eject.Failures, 0)))
	now := time.Now()
	if old != nil {
		changes = c.settingsChanged(old, up)
	}
	changes = append(changes, c.applyNames(up, old == nil)...)
	c.loadTLS(up)
	gone := c.fill(now)
	c.publish(now)
	c.mu.Unlock()
	c.leave(gone)
	return changes
}

// settingsChanged tells which settings have changed, except for the servers.
func (c *Cluster) settingsChanged(old, up *config.Upstream) (changes []string) {
	for _, s := range []struct {
		what string
		same bool
	}{
		{"balance", old.Balance == up.Balance && old.HashKey == up.HashKey && old.HashName == up.HashName},
		{"health check", sameHealth(old.Health, up.Health)},
		{"ejection", old.Eject == up.Eject},
		{"pool", old.Pool == up.Pool},
		{"TLS", sameTLS(old.TLS, up.TLS)},
		{"time between lookups", old.DNS == up.DNS},
	} {
		if !s.same {
			changes = append(changes, fmt.Sprintf("upstream %s: %s changed", c.name, s.what))
		}
	}
	return changes
}

func sameTLS(a, b *config.ClientTLS) bool {
	return a == b || a != nil && b != nil && *a == *b
}

// applyNames makes the names those of the configuration. New ones come in slowly beside others.
func (c *Cluster) applyNames(up *config.Upstream, first bool) (changes []string) {
	tell := func(format string, args ...any) {
		changes = append(changes, fmt.Sprintf("upstream %s: ", c.name)+fmt.Sprintf(format, args...))
	}
	old := c.names
	c.names = nil
	for _, e := range up.Servers {
		i := slices.IndexFunc(old, func(n *name) bool { return n.Address == e.Address })
		if i < 0 {
			c.names = append(c.names, newName(e, !first))
			if !first {
				tell("server %s added", e.Address)
			}
			continue
		}
		n := old[i]
		old = slices.Delete(slices.Clone(old), i, i+1)
		if n.Weight != e.Weight {
			tell("server %s has weight %d, was %d", e.Address, e.Weight, n.Weight)
		}
		if n.Backup != e.Backup {
			tell("server %s is a backup: %v", e.Address, e.Backup)
		}
		n.Server = e
		c.names = append(c.names, n)
	}
	for _, n := range old {
		n.end()
		delete(c.drained, n.Address)
		tell("server %s removed", n.Address)
	}
	for _, n := range c.names {
		n.every(c, up.DNS)
	}
	return changes
}

// fill makes the members what the names stand for, and returns those that are left over.
func (c *Cluster) fill(now time.Time) (gone []*Server) {
	old := c.members
	c.members = nil
	for _, n := range c.names {
		for _, addr := range n.addrs {
			i := slices.IndexFunc(old, func(s *Server) bool { return s.Name == n.Address && s.Addr == addr })
			var s *Server
			if i >= 0 && sameTLS(old[i].TLS, c.cfg.Load().TLS) {
				s = old[i]
				old = slices.Delete(slices.Clone(old), i, i+1)
			} else {
				s = c.newServer(n, addr)
				if n.slow {
					s.back = now
				}
				if i >= 0 { // it may be one address of its name that was drained
					s.drained = old[i].drained
				}
			}
			s.weight, s.backup = int32(n.Weight), n.Backup
			c.members = append(c.members, s)
		}
	}
	for _, s := range old {
		s.endChecks()
		c.slots[s.slot] = nil
	}
	for _, s := range c.members {
		c.place(s)
		if !sameHealth(s.checks, c.cfg.Load().Health) {
			c.recheck(s)
		}
	}
	return old
}

// newServer makes a server that is up. It has no slot yet.
func (c *Cluster) newServer(n *name, addr string) *Server {
	s := &Server{
		Name: n.Address, Addr: addr, Host: n.host, TLS: c.cfg.Load().TLS, Cluster: c,
		Pools: make([]any, c.set.loops), hash: maglev.Hash(n.Address + " " + addr),
		loops: make([]counters, c.set.loops),
	}
	s.slot = -1
	s.up = true
	s.drained = c.drained[n.Address]
	return s
}

// place gives a server without a slot the lowest one that is free.
func (c *Cluster) place(s *Server) {
	if s.slot >= 0 {
		return
	}
	i := slices.Index(c.slots, nil)
	if i < 0 {
		i = len(c.slots)
		c.slots = append(c.slots, nil)
	}
	c.slots[i] = s
	s.slot = int32(i)
}

// leave marks servers as gone, once no new view has them any more. It is called without the lock.
func (c *Cluster) leave(gone []*Server) {
	for _, s := range gone {
		s.gone.Store(true)
		if c.set.o.Gone != nil {
			c.set.o.Gone(s)
		}
	}
}

// close ends the cluster. Pickers go on with the servers that they see, for requests that began before the end.
func (c *Cluster) close() {
	c.mu.Lock()
	c.closed = true
	for _, n := range c.names {
		n.end()
	}
	c.names = nil
	gone := c.fill(time.Now())
	if c.timer != nil {
		c.timer.Stop()
		c.timer = nil
	}
	v := *c.view.Load()
	v.awaited = false
	c.show(&v)
	c.mu.Unlock()
	c.leave(gone)
}

// publish lets the loops see what has changed, and sets the timer for what will change by time alone.
func (c *Cluster) publish(now time.Time) {
	if c.timer != nil {
		c.timer.Stop()
		c.timer = nil
	}
	var next time.Time
	for _, s := range c.members {
		if state := s.state(); state != s.known {
			s.known, s.changed = state, now
		}
		if at := s.changes(now, c.cfg.Load().Eject.Return); !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	if !next.IsZero() {
		c.timer = time.AfterFunc(next.Sub(now), c.tick)
	}
	c.show(c.makeView(now))
}

// tick is called by the timer: it readmits servers, and lets the loops see their shares.
func (c *Cluster) tick() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	now := time.Now()
	for _, s := range c.members {
		c.readmit(s, now)
	}
	c.publish(now)
}

// usable reports whether the server gets requests.
func (s *Server) usable() bool { return s.up && !s.ejected() && !s.drained }

// share is how much of its weight counts, of fullShare, for a server that comes back over a time.
func (s *Server) share(now time.Time, over time.Duration) int64 {
	if s.back.IsZero() {
		return fullShare
	}
	step := returnStep(over)
	steps := now.Sub(s.back)/step + 1
	if steps*step >= over {
		s.back = time.Time{}
		return fullShare
	}
	return max(int64(steps*step)*fullShare/int64(over), 1)
}

// changes is when this server makes the next view due; zero: time alone changes nothing.
func (s *Server) changes(now time.Time, over time.Duration) (at time.Time) {
	if s.ejected() {
		return s.until
	}
	if s.share(now, over); s.back.IsZero() || !s.usable() {
		return time.Time{}
	}
	step := returnStep(over)
	at = s.back.Add((now.Sub(s.back)/step + 1) * step)
	if soon := now.Add(returnStepMin); at.Before(soon) { // in one view with the steps of others
		return soon
	}
	return at
}

func returnStep(over time.Duration) time.Duration { return max(over/returnSteps, returnStepMin) }

// serverNames lists the servers as configured, for errors.
func (c *Cluster) serverNames() string {
	var names []string
	for _, n := range c.names {
		names = append(names, n.Address)
	}
	return strings.Join(names, ", ")
}
