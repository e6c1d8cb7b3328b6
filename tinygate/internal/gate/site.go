package gate

import (
	"crypto/tls"
	"fmt"
	"net"

	"github.com/unio-go/unio/tinygate/internal/certs"
	"github.com/unio-go/unio/tinygate/internal/cluster"
	"github.com/unio-go/unio/tinygate/internal/config"
	"github.com/unio-go/unio/tinygate/internal/edit"
	"github.com/unio-go/unio/tinygate/internal/forwarded"
	"github.com/unio-go/unio/tinygate/internal/http1"
	"github.com/unio-go/unio/tinygate/internal/route"
)

// site is a configuration, compiled for serving. It does not change: a reload makes another one, and a request is served
// by the one with which it began.
type site struct {
	cfg    *config.Config
	limits http1.Limits
	table  *route.Table
	rules  []*rule
	groups []*group
	trust  *forwarded.Resolver
}

// rule is a route, compiled.
type rule struct {
	*config.Route
	number   int    // in the metrics
	group    *group // nil for a response of our own
	request  *edit.Edit
	response *edit.Edit
	redirect *route.Redirect
}

// group is an upstream, compiled.
type group struct {
	*config.Upstream
	name    []byte
	pickers []*cluster.Picker          // of each loop
	tls     map[string]*tls.Config     // by the host of a server; nil: plain
	turns   *turnsOf                   // nil: the servers' requests were never bounded
	full    func(*cluster.Server) bool // of turns
}

// compile makes a site of a configuration that config has found good. was is the one before it, or nil.
func compile(cfg *config.Config, was *site, clients *certs.Clients) (s *site, err error) {
	s = &site{cfg: cfg, limits: http1.Limits{
		HeadBytes: cfg.Limits.HeadBytes, LineBytes: cfg.Limits.LineBytes, Headers: cfg.Limits.Headers,
	}}
	if s.table, err = route.Compile(cfg.Routes); err != nil {
		return nil, err
	}
	read := forwarded.XForwardedFor
	if cfg.Forwarded.Read {
		read = forwarded.Forwarded
	}
	s.trust = forwarded.New(forwarded.Options{
		Trusted: cfg.Trusted, TrustUnix: cfg.TrustUnix, Read: read, SendRFC7239: cfg.Forwarded.Send,
	})
	groups := map[*config.Upstream]*group{}
	for _, u := range cfg.Upstreams {
		if groups[u], err = newGroup(u, clients); err != nil {
			return nil, fmt.Errorf("upstream %s: %w", u.Name, err)
		}
		// Requests that are in flight keep their turns, so that the bound holds over a reload.
		if old := was.group(u.Name); old != nil && old.turns != nil {
			groups[u].turns = old.turns
		}
		s.groups = append(s.groups, groups[u])
	}
	for _, r := range cfg.Routes {
		rule := &rule{Route: r, group: groups[r.Upstream]}
		if err := rule.compile(); err != nil {
			return nil, fmt.Errorf("route %s: %w", r.Name, err)
		}
		s.rules = append(s.rules, rule)
	}
	return s, nil
}

// compile makes the edits and the redirect.
func (r *rule) compile() (err error) {
	if r.request, err = edit.CompileRequest(r.Request); err != nil {
		return fmt.Errorf("request header: %w", err)
	}
	if r.response, err = edit.CompileResponse(r.Response); err != nil {
		return fmt.Errorf("response header: %w", err)
	}
	if r.Redirect != nil {
		if r.redirect, err = route.CompileRedirect(r.Redirect); err != nil {
			return fmt.Errorf("redirect: %w", err)
		}
	}
	return nil
}

// connect gives the groups the servers that the gate has for them, and sets how many requests each may have at a time.
func (s *site) connect(g *Gate) {
	for _, group := range s.groups {
		c := g.servers.Cluster(group.Name)
		for i := range g.shards {
			group.pickers = append(group.pickers, c.Picker(i))
		}
		if group.turns != nil {
			group.turns.bound(group.Pool.Max)
			group.full = group.turns.full
		}
	}
}

// newGroup reads the files that an upstream names.
func newGroup(u *config.Upstream, clients *certs.Clients) (*group, error) {
	g := &group{Upstream: u, name: []byte(u.Name)}
	if u.Pool.Max > 0 {
		g.turns = new(turnsOf)
	}
	if u.TLS == nil {
		return g, nil
	}
	g.tls = map[string]*tls.Config{}
	for _, s := range u.Servers {
		host, _, err := net.SplitHostPort(s.Address)
		if err != nil {
			host = "" // a Unix socket: the configuration has a name
		}
		if g.tls[host], err = clients.Config(u.TLS, host); err != nil {
			return nil, fmt.Errorf("server %s: %w", s.Address, err)
		}
	}
	return g, nil
}

// group is the upstream of a name, or nil.
func (s *site) group(name string) *group {
	if s == nil {
		return nil
	}
	for _, g := range s.groups {
		if g.Name == name {
			return g
		}
	}
	return nil
}

// names are those of the routes, for the metrics.
func (s *site) names() (all []string) {
	for _, r := range s.rules {
		all = append(all, r.Name)
	}
	return all
}
