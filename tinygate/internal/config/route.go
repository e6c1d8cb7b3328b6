package config

import (
	"net/netip"
	"strconv"
	"strings"
)

// routeReader reads one route.
type routeReader struct {
	f       *fileReader
	r       *Route
	v       value
	rewrite value
}

var routeSection = newSection("a route",
	key[routeReader]{"name", (*routeReader).name},
	key[routeReader]{"host", (*routeReader).host},
	key[routeReader]{"path", func(r *routeReader, v value) { v.path(&r.r.Path, PathExact) }},
	key[routeReader]{"prefix", func(r *routeReader, v value) { v.path(&r.r.Path, PathPrefix) }},
	key[routeReader]{"pattern", func(r *routeReader, v value) { v.path(&r.r.Path, PathPattern) }},
	key[routeReader]{"method", (*routeReader).method},
	key[routeReader]{"headers", func(r *routeReader, v value) { v.matches(&r.r.Headers, true) }},
	key[routeReader]{"query", func(r *routeReader, v value) { v.matches(&r.r.Query, false) }},
	key[routeReader]{"client", func(r *routeReader, v value) { v.prefixes(&r.r.Clients) }},
	key[routeReader]{"scheme", func(r *routeReader, v value) { v.word(&r.r.Scheme, "http", "https") }},
	key[routeReader]{"to", (*routeReader).to},
	key[routeReader]{"redirect", func(r *routeReader, v value) { r.r.Redirect = readRedirect(v) }},
	key[routeReader]{"answer", func(r *routeReader, v value) { r.r.Answer = readAnswer(v) }},
	key[routeReader]{"rewrite", func(r *routeReader, v value) { r.rewrite, r.r.Rewrite = v, readRewrite(v) }},
	key[routeReader]{"upstream_host", func(r *routeReader, v value) {
		if s, ok := v.sentHost(); ok {
			r.r.Request.Set = append(r.r.Request.Set, Field{"Host", s})
		}
	}},
	key[routeReader]{"request_headers", func(r *routeReader, v value) { editSection.fill(&r.r.Request, v) }},
	key[routeReader]{"response_headers", func(r *routeReader, v value) { editSection.fill(&r.r.Response, v) }},
	key[routeReader]{"limits", func(r *routeReader, v value) { routeLimitsSection.fill(r.r, v) }},
	key[routeReader]{"buffer", func(r *routeReader, v value) { bufferSection.fill(&r.r.Buffer, v) }},
	key[routeReader]{"times", func(r *routeReader, v value) { routeTimesSection.fill(&r.r.Times, v) }},
	key[routeReader]{"retry", func(r *routeReader, v value) { readRetry(&r.r.Retry, v) }},
	key[routeReader]{"log", (*routeReader).log},
).hint(map[string]string{
	"upstream": "write to: NAME", "backend": "write to: NAME", "proxy": "write to: NAME", "proxy_pass": "write to: NAME",
	"location": "write path, prefix or pattern", "url": "write path, prefix or pattern", "hosts": "write host",
	"timeout": "write times", "header": "write headers", "methods": "write method", "clients": "write client",
})

// readRoutes reads routes, or the one that to at the top of the file stands for.
func (f *fileReader) readRoutes(root value) {
	switch {
	case f.routes.given() && f.to.given():
		f.to.fail("to stands beside routes; write it into a route")
		f.newRoute(root).to(f.to)
		f.readAll()
	case f.to.given():
		r := f.newRoute(root)
		r.to(f.to)
		f.cfg.Routes = append(f.cfg.Routes, r.r)
	case f.routes.given():
		f.readAll()
	default:
		f.missing(root, "routes", "write what is done with requests, or for all of them the same, such as to: 127.0.0.1:3000")
		return
	}
	f.nameRoutes()
	if len(f.r.problems) == 0 { // routes that are half read would be compared
		f.overlaps()
	}
}

func (f *fileReader) readAll() {
	for _, v := range f.routes.list("a route such as to: 127.0.0.1:3000") {
		f.cfg.Routes = append(f.cfg.Routes, f.readRoute(v))
	}
}

// used marks upstreams that a value names, so that a mistake elsewhere is not told as theirs.
func (f *fileReader) used(v value) {
	if u := f.ups[v.n.Value]; u != nil {
		u.used = true
	}
}

// newRoute begins a route, with the settings at the top of the file.
func (f *fileReader) newRoute(v value) *routeReader {
	r := &Route{BodyBytes: f.cfg.Limits.BodyBytes, HalfClose: f.cfg.Limits.HalfClose, Buffer: f.buffer, Times: f.cfg.Times, Retry: f.retry}
	return &routeReader{f: f, r: r, v: v}
}

func (f *fileReader) readRoute(v value) *Route {
	r := f.newRoute(v)
	f.places[r.r] = v.place()
	given := routeSection.fill(r, v)
	if given == nil {
		return r.r
	}
	r.oneOf(given, "path", "prefix", "pattern")
	if r.oneOf(given, "to", "redirect", "answer") == 0 {
		v.fail("the route does nothing; write to, redirect or answer")
	}
	r.effects(given)
	if d := r.r.Redirect; d != nil && d.HTTPS {
		if r.r.Scheme == "https" {
			r.v.r.failAt(given["scheme"], "https is redirected to itself; take scheme out")
		}
		r.r.Scheme = "http"
	}
	return r.r
}

// oneOf says that of some keys all but the first in the file are too many, and returns how many there are.
func (r *routeReader) oneOf(given keys, names ...string) int {
	var there []string
	for _, n := range names {
		if given.has(n) {
			there = append(there, n)
		}
	}
	if len(there) > 1 {
		r.v.fail("%s are given; a route has one of %s", strings.Join(there, " and "), strings.Join(names, ", "))
	}
	return len(there)
}

// effects refuses keys that do nothing with the route's action.
func (r *routeReader) effects(given keys) {
	if given.has("to") {
		r.stripFits()
		return
	}
	for _, k := range []string{"rewrite", "upstream_host", "request_headers", "buffer", "retry", "times"} {
		if k == "rewrite" && r.r.Redirect != nil && !given.has("answer") {
			continue
		}
		if p, ok := given[k]; ok {
			r.v.r.failAt(p, "%s has no effect without to; take it out", k)
		}
	}
}

// stripFits warns of a strip that no path of the route begins with.
func (r *routeReader) stripFits() {
	w, p := r.r.Rewrite, r.r.Path
	if w == nil || w.Strip == "" || p.Kind != PathPrefix && p.Kind != PathExact {
		return
	}
	if !strings.HasPrefix(p.Text, w.Strip) && !strings.HasPrefix(w.Strip, p.Text) {
		r.rewrite.warn("strip %s fits no path that begins with %s; write what is to be taken off", w.Strip, p.Text)
	}
}

// noRoute is the route of requests that no route takes, in metrics. One of that name would be counted with them.
const noRoute = "(none)"

func (r *routeReader) name(v value) {
	s, ok := v.text("a name for logs and metrics")
	switch {
	case !ok:
	case s == "" || len(s) > 200 || controlAt(s) >= 0 || strings.ContainsAny(s, "\t\""):
		v.fail("%q cannot name a route; write at most 200 bytes without quotation marks", s)
	case s == noRoute:
		v.fail("%s is what metrics have for requests that no route takes; write another name", s)
	default:
		r.r.Name = s
		if p, twice := r.f.routeNames[s]; twice {
			v.fail("%s names two routes, the first in line %d; write another", s, p.line)
		}
		r.f.routeNames[s] = v.place()
	}
}

func (r *routeReader) host(v value) {
	seen := map[string]bool{}
	for _, e := range v.list("a host such as example.com") {
		s, ok := e.host()
		if ok && seen[s] {
			e.fail("%s is there twice; take one of them out", s)
			ok = false
		}
		if seen[s] = true; ok {
			r.r.Hosts = append(r.r.Hosts, s)
		}
	}
}

func (r *routeReader) method(v value) {
	seen := map[string]bool{}
	for _, e := range v.list("a method such as GET") {
		s, ok := e.text("a method such as GET")
		switch {
		case !ok:
		case seen[s]:
			e.fail("%s is there twice; take one of them out", s)
		case !isToken(s):
			e.fail("%q is no method; write one such as GET", s)
		case strings.ToUpper(s) != s:
			e.fail("%q is not what clients send, case makes a difference; write %s", s, strings.ToUpper(s))
		default:
			seen[s] = true
			r.r.Methods = append(r.r.Methods, s)
		}
	}
}

func (r *routeReader) log(v value) {
	on := true
	v.flag(&on)
	r.r.NoLog = !on
}

// matchReader reads a condition that is not a value.
type matchReader struct{ present, absent bool }

var matchSection = newSection("a condition",
	flagKey("present", func(m *matchReader) *bool { return &m.present }),
	flagKey("absent", func(m *matchReader) *bool { return &m.absent }),
)

// matches reads NAME: VALUE, NAME: {present: true} and NAME: {absent: true}.
func (v value) matches(into *[]Match, fields bool) {
	all, _ := v.entries("names with the values that they must have, such as X-Env: canary")
	for _, e := range all {
		m := Match{Name: e.name}
		if fields {
			if !v.r.checkName(e.key, e.name) {
				continue
			}
			if m.Name = strings.ToLower(e.name); m.Name == "host" {
				v.r.failAt(e.key, "Host is compared without its port; write host: NAME into the route")
			}
		}
		if e.name == "" {
			v.r.failAt(e.key, "a parameter has an empty name; write its name")
		}
		e.value.match(&m, fields)
		*into = append(*into, m)
	}
}

func (v value) match(m *Match, field bool) {
	if !v.isMapping() {
		s, ok := v.text("a value, {present: true} or {absent: true}")
		if ok && (!field || v.fieldValue(s)) {
			m.Value = s
		}
		return
	}
	var r matchReader
	if matchSection.fill(&r, v); r.present == r.absent {
		v.fail("it says nothing; write {present: true} or {absent: true}")
	}
	m.Any, m.Absent = r.present, r.absent
}

// to reads the name of an upstream, the address of a server, or a list of servers.
func (r *routeReader) to(v value) {
	if v.isMapping() {
		v.fail("keys with values stand here; write the name of an upstream, and its keys below upstreams")
		return
	}
	if !v.isSequence() {
		s, ok := v.text("the name of an upstream, or an address such as 127.0.0.1:3000")
		if !ok {
			return
		}
		if !strings.Contains(s, ":") {
			r.toNamed(v, s)
			return
		}
	}
	for _, e := range v.list("addresses") {
		if !e.isMapping() && !e.isSequence() && r.f.ups[e.n.Value] != nil {
			e.fail("%s is an upstream among servers; write to: %[1]s, or put all servers into one upstream", e.n.Value)
			r.f.used(e)
			return
		}
	}
	u := &Upstream{}
	before := len(v.r.problems)
	readServers(u, v)
	if len(v.r.problems) == before {
		r.r.Upstream = r.f.ownUpstream(u.Servers)
	}
}

func (r *routeReader) toNamed(v value, name string) {
	u := r.f.ups[name]
	if u == nil && hasNoPort(name) {
		v.fail("%q is not HOST:PORT; %s", name, serverAddress.cure(name))
		return
	}
	if u == nil {
		names := r.f.upstreamNames()
		cure := "there are none; write servers, such as to: 127.0.0.1:3000, or define it below upstreams"
		if len(names) > 0 {
			cure = guess(name, names) + "there are " + strings.Join(names, ", ") + "; an address has a port, such as " + name + ":80"
		}
		v.fail("there is no upstream %q; %s", name, cure)
		return
	}
	u.used = true
	r.r.Upstream = u.upstream
}

// hasNoPort tells an address without its port, or a port, from a name.
func hasNoPort(s string) bool {
	_, notAddress := netip.ParseAddr(s)
	_, notPort := strconv.ParseUint(s, 10, 16)
	return notAddress == nil || notPort == nil
}

// sentHost reads the value of a Host field, with a port where it is not the usual one (RFC 9110 7.2).
func (v value) sentHost() (string, bool) {
	s, ok := v.text("a host such as example.com or example.com:8080")
	if !ok {
		return "", false
	}
	name, port := s, ""
	if i := strings.LastIndexByte(s, ':'); i >= 0 && !strings.HasSuffix(s, "]") {
		name, port = s[:i], s[i+1:]
		if fault := serverAddress.fault("x", port); fault != "" {
			v.fail("%q has no possible port; %s", s, fault)
			return "", false
		}
	}
	if cure := hostFault(name, false); cure != "" {
		v.fail("%q is no host; %s", s, cure)
		return "", false
	}
	return s, true
}

// nameRoutes gives names to routes that have none: the first host and the path, and a number where that is taken.
func (f *fileReader) nameRoutes() {
	taken := names{}
	for name := range f.routeNames {
		taken[name] = 1
	}
	for _, r := range f.cfg.Routes {
		if r.Name != "" {
			continue
		}
		host := "*"
		if len(r.Hosts) > 0 {
			host = r.Hosts[0]
		}
		r.Name = taken.unique(host + r.Path.Text)
	}
}
