package gate

import (
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/unio-go/unio/tinygate/internal/accesslog"
	"github.com/unio-go/unio/tinygate/internal/certs"
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
	told, err := g.adopt(cfg)
	if err != nil {
		g.metrics.Reloaded(false)
		return nil, err
	}
	g.metrics.Reloaded(true)
	return slices.Concat(restartNeeded(g.first, cfg), told, settingsChanged(before, cfg)), nil
}

// restartNeeded tells which settings have changed that a running program cannot change.
func restartNeeded(runs, cfg *config.Config) (told []string) {
	if cfg.Engine != runs.Engine || cfg.Loops != runs.Loops || cfg.HugePages != runs.HugePages {
		told = append(told, "engine, loops, huge_pages: changed in the file; they take effect with a restart")
	}
	if cfg.Admin != runs.Admin {
		told = append(told, "admin: changed in the file; it takes effect with a restart")
	}
	return told
}

// errEnding says that nothing new is begun at the end.
var errEnding = errors.New("tinygate is ending: it takes no other configuration")

// adopt makes a configuration the one that is served. What can fail is done before anything changes. It is called with mu
// held.
func (g *Gate) adopt(cfg *config.Config) ([]string, error) {
	if g.ending.Load() {
		return nil, errEnding
	}
	g.clients = certs.NewClients()
	s, err := compile(cfg, g.site.Load(), g.clients)
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
	for i, n := range g.metrics.SetRoutes(s.names()) {
		s.rules[i].number = n
	}
	if g.first == nil {
		g.first = cfg
	}
	g.site.Store(s)
	told = append(c.take(), told...)
	c.finish(s)
	return told, nil
}

// change is what has to be opened for a configuration.
type change struct {
	g         *Gate
	cfg       *config.Config
	listeners []*listener
	settings  []*settings
	opened    []*listener
	access    *accesslog.Log
}

// prepare opens what is new.
func (c *change) prepare() error {
	for _, lc := range c.cfg.Listeners {
		l := c.g.listenerAt(lc.Address, c.listeners)
		set, err := c.g.settingsOf(l, lc)
		if err != nil {
			return err
		}
		c.settings = append(c.settings, set)
		if l == nil {
			if l, err = c.g.open(lc.Address); err != nil {
				return c.g.cure(lc.Address, err)
			}
			c.opened = append(c.opened, l)
			if err := l.deferAccept(lc.DeferAccept); err != nil {
				return err
			}
		}
		c.listeners = append(c.listeners, l)
	}
	if c.g.ending.Load() {
		return errEnding // the runtime may have closed its listeners before these were among them
	}
	if s := c.g.site.Load(); s != nil && s.cfg.Access == c.cfg.Access {
		c.access = c.g.logs.now()
		return nil
	}
	var err error
	if c.access, err = accesslog.Open(c.cfg.Access, len(c.g.shards)); err != nil {
		return err
	}
	c.access.SetLogger(c.g.log)
	return nil
}

// undo closes what prepare has opened.
func (c *change) undo() {
	for i, set := range c.settings {
		if set.certs != nil && (i >= len(c.listeners) || c.listeners[i].settings.Load() == nil || c.listeners[i].settings.Load().certs != set.certs) {
			set.certs.Close()
		}
	}
	c.g.dropTickets()
	for _, l := range c.opened {
		l.file.Remove()
		l.ln.Close()
	}
	if c.access != c.g.logs.now() {
		c.access.Close()
	}
}

// take puts what was prepared into use.
func (c *change) take() (told []string) {
	g := c.g
	for i, l := range c.listeners {
		set := c.settings[i]
		old := l.settings.Swap(set)
		if old == nil {
			continue
		}
		if old.certs != nil && old.certs != set.certs {
			old.certs.Close()
		}
		if old.DeferAccept != set.DeferAccept {
			if err := l.deferAccept(set.DeferAccept); err != nil {
				told = append(told, err.Error())
			}
		}
		if !reflect.DeepEqual(old.Listener, set.Listener) {
			told = append(told, fmt.Sprintf("listener %s: changed; it holds for new connections", l.address))
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
	g.listeners = c.listeners
	g.dropTickets()
	return told
}

// finish lets the loops see the change, and closes what they do not use any more. A loop that a task holds sees it when it
// goes on, and is not waited for.
func (c *change) finish(s *site) {
	g := c.g
	closeOld := g.logs.change(c.access)
	for _, sh := range g.shards {
		sh.access.Store(c.access.Writer(sh.loop))
	}
	if err := g.onEachLoop(func(sh *shard) { sh.follow(s) }); err != nil {
		g.log.Warn("tinygate: reload: a loop does not see it yet", "error", err)
	}
	if err := closeOld(); err != nil {
		g.log.Error("tinygate: reload: the access log before", "error", err)
	}
}

// follow lets go of earlier sites. A connection that waits for its next request would else keep the site of its last one.
func (sh *shard) follow(s *site) {
	clear(sh.spare)
	sh.spare = sh.spare[:0]
	sh.left = nil
	for _, cl := range sh.clients {
		if cl.parked {
			cl.follow(s)
		}
	}
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
		{"limits", a.Limits, b.Limits}, {"times", a.Times, b.Times},
		{"trusted proxies", []any{a.Trusted, a.TrustUnix}, []any{b.Trusted, b.TrustUnix}},
		{"forwarded", a.Forwarded, b.Forwarded},
		{"access log", a.Access, b.Access}, {"drain", a.Drain, b.Drain}, {"log level", a.LogLevel, b.LogLevel},
		{"order of routes", order(a, b), order(b, a)},
	} {
		if !reflect.DeepEqual(s.a, s.b) {
			told = append(told, s.what+": changed")
		}
	}
	return told
}

// order is the names of the routes of a that b has too, in their order: of routes that fit equally well the first wins.
func order(a, b *config.Config) (names []string) {
	has := map[string]bool{}
	for _, r := range b.Routes {
		has[r.Name] = true
	}
	for _, r := range a.Routes {
		if has[r.Name] {
			names = append(names, r.Name)
		}
	}
	return names
}

// same compares routes but for the settings of their upstreams, whose changes are told by cluster.Set.
func same(a, b *config.Route) bool {
	x, y := *a, *b
	if (x.Upstream == nil) != (y.Upstream == nil) || x.Upstream != nil && x.Upstream.Name != y.Upstream.Name {
		return false
	}
	x.Upstream, y.Upstream = nil, nil
	return reflect.DeepEqual(x, y)
}
