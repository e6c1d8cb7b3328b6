package gate

import (
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/unio-go/unio/tinygate/internal/accesslog"
	"github.com/unio-go/unio/tinygate/internal/config"
)

// Reload takes a configuration that config has found good, and tells in a line each what has changed. Requests in flight
// end under the one that they began with. Connections stay: those of a listener that is gone until their next response,
// at most for the limit of draining. Pools, health and counters of what did not change are kept. After an error nothing
// has changed.
func (g *Gate) Reload(cfg *config.Config) (changes []string, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	before := g.site.Load().cfg
	if cfg.Engine != before.Engine || cfg.Loops != before.Loops {
		changes = append(changes, "engine, loops: changed in the file; they take effect with a restart")
	}
	told, err := g.adopt(cfg)
	if err != nil {
		g.figures.Reloaded(false)
		return nil, err
	}
	g.figures.Reloaded(true)
	return append(append(changes, told...), settingsChanged(before, cfg)...), nil
}

// adopt makes a configuration the one that is served. What can fail is done before anything changes. It is called with mu
// held.
func (g *Gate) adopt(cfg *config.Config) ([]string, error) {
	s, err := compile(cfg)
	if err != nil {
		return nil, err
	}
	c := &change{g: g, cfg: cfg}
	if err := c.prepare(); err != nil {
		c.undo()
		return nil, err
	}
	told, err := g.servers.Apply(cfg.Upstreams)
	if err != nil {
		c.undo()
		return nil, err
	}
	s.connect(g)
	for i, n := range g.figures.SetRoutes(s.names()) {
		s.rules[i].number = n
	}
	g.site.Store(s)
	told = append(c.take(), told...)
	return told, c.finish()
}

// change is what has to be opened for a configuration.
type change struct {
	g         *Gate
	cfg       *config.Config
	listeners []*listener
	manners   []*manner
	opened    []*listener
	access    *accesslog.Log
	old       *accesslog.Log // to be closed when no loop writes to it any more
}

// prepare opens what is new.
func (c *change) prepare() error {
	for _, lc := range c.cfg.Listeners {
		l := c.g.listenerAt(lc.Address)
		m, err := c.g.manner(l, lc)
		if err != nil {
			return err
		}
		c.manners = append(c.manners, m)
		if l == nil {
			if l, err = c.g.open(lc.Address, c.cfg); err != nil {
				return err
			}
			c.opened = append(c.opened, l)
		}
		c.listeners = append(c.listeners, l)
	}
	c.access = c.g.access
	if s := c.g.site.Load(); s == nil || s.cfg.Access != c.cfg.Access {
		c.old, c.access = c.access, nil
		if c.cfg.Access.Path != "" {
			var err error
			if c.access, err = accesslog.Open(c.cfg.Access, len(c.g.shards)); err != nil {
				return fmt.Errorf("access log: %w", err)
			}
		}
	}
	return nil
}

// undo closes what prepare has opened.
func (c *change) undo() {
	for i, m := range c.manners {
		if m.certs != nil && (i >= len(c.listeners) || c.listeners[i].how.Load() == nil || c.listeners[i].how.Load().certs != m.certs) {
			m.certs.Close()
		}
	}
	c.g.dropTickets()
	for _, l := range c.opened {
		l.ln.Close()
	}
	if c.access != nil && c.access != c.g.access {
		c.access.Close()
	}
}

// take puts what was prepared in its place.
func (c *change) take() (told []string) {
	g := c.g
	for i, l := range c.listeners {
		if old := l.how.Swap(c.manners[i]); old != nil && old.certs != nil && old.certs != c.manners[i].certs {
			old.certs.Close()
		}
	}
	for _, l := range c.opened {
		told = append(told, fmt.Sprintf("listener %s: opened", l.address))
		if g.started {
			go l.serve(g)
		}
	}
	for _, l := range g.listeners {
		if !slices.Contains(c.listeners, l) {
			told = append(told, fmt.Sprintf("listener %s: closed", l.address))
			l.retire()
			g.expel(l, c.cfg.Drain)
		}
	}
	g.listeners, g.access = c.listeners, c.access
	g.dropTickets()
	return told
}

// finish has the loops see the change, and closes what they do not use any more.
func (c *change) finish() error {
	access := c.access
	err := c.g.onEachLoop(func(sh *shard) {
		if sh.access = nil; access != nil {
			sh.access = access.Writer(sh.loop)
		}
		sh.sweep()
	})
	if c.old != nil && c.old != c.access {
		err = errors.Join(err, c.old.Close())
	}
	return err
}

// settingsChanged tells what a reload has changed beside listeners and upstreams.
func settingsChanged(a, b *config.Config) (told []string) {
	was := map[string]*config.Route{}
	for _, r := range a.Routes {
		was[r.Name] = r
	}
	for _, r := range b.Routes {
		switch old := was[r.Name]; {
		case old == nil:
			told = append(told, fmt.Sprintf("route %s: new", r.Name))
		case !same(old, r):
			told = append(told, fmt.Sprintf("route %s: changed", r.Name))
		}
		delete(was, r.Name)
	}
	for _, r := range a.Routes {
		if was[r.Name] != nil {
			told = append(told, fmt.Sprintf("route %s: removed", r.Name))
		}
	}
	for _, s := range []struct {
		what string
		a, b any
	}{
		{"limits", a.Limits, b.Limits}, {"times", a.Times, b.Times}, {"trusted proxies", a.Trusted, b.Trusted},
		{"access log", a.Access, b.Access}, {"drain", a.Drain, b.Drain},
	} {
		if !reflect.DeepEqual(s.a, s.b) {
			told = append(told, s.what+": changed")
		}
	}
	return told
}

// same compares routes without what their upstreams are, which has lines of its own.
func same(a, b *config.Route) bool {
	x, y := *a, *b
	if (x.Upstream == nil) != (y.Upstream == nil) || x.Upstream != nil && x.Upstream.Name != y.Upstream.Name {
		return false
	}
	x.Upstream, y.Upstream = nil, nil
	return reflect.DeepEqual(x, y)
}
