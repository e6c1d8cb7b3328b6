package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// newUpstream has the defaults.
func newUpstream(name string) *Upstream {
	return &Upstream{Name: name, Eject: ejectDefault, Pool: poolDefault, DNS: dnsDefault}
}

// upstreamReader reads one upstream.
type upstreamReader struct {
	f     *fileReader
	u     *Upstream
	hash  value
	other value // balance
}

var upstreamSection = newSection("an upstream",
	key[upstreamReader]{"servers", func(r *upstreamReader, v value) { readServers(r.u, v) }},
	key[upstreamReader]{"balance", (*upstreamReader).balance},
	key[upstreamReader]{"hash", (*upstreamReader).hashBy},
	key[upstreamReader]{"health", (*upstreamReader).health},
	key[upstreamReader]{"eject", (*upstreamReader).eject},
	key[upstreamReader]{"pool", func(r *upstreamReader, v value) { poolSection.fill(&r.u.Pool, v) }},
	key[upstreamReader]{"tls", (*upstreamReader).tls},
	spanKey("dns", func(r *upstreamReader) *time.Duration { return &r.u.DNS }, time.Second, dayMax, false),
).hint(map[string]string{
	"server": "write servers", "sticky": "write hash: {cookie: NAME}", "address": "write servers", "to": "write servers",
})

// readUpstreams reads all upstreams of the file.
func (f *fileReader) readUpstreams() {
	if !f.upstreams.given() {
		return
	}
	all, _ := f.upstreams.entries("names of upstreams with their servers, such as web: [10.0.0.1:80]")
	for _, e := range all {
		use := &upstreamUse{key: e.key}
		f.ups[e.name] = use
		if !isUpstreamName(e.name) {
			f.r.failAt(e.key, "%q cannot name an upstream; write letters, digits, - and _", e.name)
		}
		before := len(f.r.problems)
		u := newUpstream(e.name)
		f.readUpstream(u, e.value)
		if len(f.r.problems) == before {
			use.upstream = u
		}
	}
}

// isUpstreamName keeps names apart from addresses and fit for metrics.
func isUpstreamName(s string) bool {
	for _, c := range []byte(s) {
		if !isLetter(c) && !isDigit(c) && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return s != ""
}

// readUpstream reads the keys, or only the servers.
func (f *fileReader) readUpstream(u *Upstream, v value) {
	if !v.isMapping() {
		readServers(u, v)
		return
	}
	r := &upstreamReader{f: f, u: u}
	given := upstreamSection.fill(r, v)
	if given.has("hash") && given.has("balance") {
		r.hash.fail("hash is a balance of its own; take balance or hash out")
	}
	if !given.has("servers") {
		v.fail("servers are missing; write servers: [10.0.0.1:80]")
	}
	if t := u.TLS; t != nil && t.ServerName == "" && !t.Insecure && slices.ContainsFunc(u.Servers, Server.isUnix) {
		f.r.failAt(given["tls"], "a Unix socket has no name that a certificate could be for; write server_name below tls")
	}
}

func (s Server) isUnix() bool { return strings.HasPrefix(s.Address, "unix:") }

// serverSection reads a server that is more than an address.
var serverSection = newSection("a server",
	key[Server]{"address", func(s *Server, v value) { s.Address, _ = v.address(serverAddress) }},
	numberKey("weight", func(s *Server) *int { return &s.Weight }, 1, weightMax),
	flagKey("backup", func(s *Server) *bool { return &s.Backup }),
)

func readServers(u *Upstream, v value) {
	const want = "addresses such as 10.0.0.1:80"
	first := map[string]place{}
	wrong := false
	for _, e := range v.list(want) {
		s := Server{Weight: 1}
		if e.isMapping() {
			if given := serverSection.fill(&s, e); !given.has("address") {
				e.fail("address is missing; write one such as address: 10.0.0.1:80")
			}
		} else {
			s.Address, _ = e.address(serverAddress)
		}
		if wrong = wrong || s.Address == ""; s.Address == "" {
			continue
		}
		if p, twice := first[s.Address]; twice {
			e.fail("%s is there twice, first in line %d; to send it more, write {address: %[1]q, weight: 2}", s.Address, p.line)
			continue
		}
		first[s.Address] = e.place()
		u.Servers = append(u.Servers, s)
	}
	if !wrong && len(u.Servers) > 0 && !slices.ContainsFunc(u.Servers, func(s Server) bool { return !s.Backup }) {
		v.fail("all servers are backups; take backup out of those that serve first")
	}
}

func (r *upstreamReader) balance(v value) {
	r.other = v
	if v.is("hash") {
		v.fail("a hash needs its key; write, in place of balance, hash: {cookie: NAME}, {header: NAME}, address or path")
		return
	}
	var s string
	v.word(&s, "round_robin", "least_connections", "random_two")
	switch s {
	case "round_robin":
		r.u.Balance = RoundRobin
	case "least_connections":
		r.u.Balance = LeastConnections
	case "random_two":
		r.u.Balance = RandomTwo
	}
}

// hashReader reads what a hash is by.
type hashReader struct{ header, cookie value }

var hashSection = newSection("hash",
	key[hashReader]{"header", func(r *hashReader, v value) { r.header = v }},
	key[hashReader]{"cookie", func(r *hashReader, v value) { r.cookie = v }},
)

func (r *upstreamReader) hashBy(v value) {
	r.hash = v
	r.u.Balance = Hash
	if !v.isMapping() {
		var s string
		v.word(&s, "address", "path")
		if s == "path" {
			r.u.HashKey = HashPath
		}
		return
	}
	var h hashReader
	switch given := hashSection.fill(&h, v); {
	case given.has("header") && given.has("cookie"):
		v.fail("header and cookie are both given; write one of them")
	case given.has("header"):
		r.u.HashKey = HashHeader
		if s, ok := h.header.fieldName(); ok {
			r.u.HashName = strings.ToLower(s)
		}
	case given.has("cookie"):
		r.u.HashKey = HashCookie
		s, ok := h.cookie.text("the name of a cookie")
		if ok && !isToken(s) { // RFC 6265 4.1.1
			h.cookie.fail("%q cannot name a cookie; write letters, digits, - and _", s)
		}
		r.u.HashName = s
	default:
		v.fail("the key is missing; write {cookie: NAME}, {header: NAME}, address or path")
	}
}

// healthReader reads health.
type healthReader struct {
	h       *Health
	connect bool
}

var healthSection = newSection("health",
	key[healthReader]{"path", func(r *healthReader, v value) { r.h.Path, _ = v.checkPath() }},
	key[healthReader]{"connect", func(r *healthReader, v value) { v.flag(&r.connect) }},
	key[healthReader]{"host", func(r *healthReader, v value) { r.h.Host, _ = v.sentHost() }},
	key[healthReader]{"status", func(r *healthReader, v value) {
		if from, to, ok := v.statuses(200, 599); ok {
			r.h.StatusMin, r.h.StatusMax = from, to
		}
	}},
	spanKey("interval", func(r *healthReader) *time.Duration { return &r.h.Interval }, 100*time.Millisecond, dayMax, false),
	spanKey("timeout", func(r *healthReader) *time.Duration { return &r.h.Timeout }, waitMin, time.Hour, false),
	numberKey("rise", func(r *healthReader) *int { return &r.h.Rise }, 1, failuresMax),
	numberKey("fall", func(r *healthReader) *int { return &r.h.Fall }, 1, failuresMax),
)

// health reads a path, "connect", off, or the keys.
func (r *upstreamReader) health(v value) {
	h := healthDefault
	switch {
	case v.is(off):
		return
	case v.is("connect"):
		h.HTTP = false
	case !v.isMapping():
		h.Path, _ = v.checkPath()
	default:
		s := &healthReader{h: &h}
		given := healthSection.fill(s, v)
		h.HTTP = !s.connect
		for _, k := range []string{"path", "host", "status"} {
			if p, ok := given[k]; ok && s.connect {
				v.r.failAt(p, "%s has no effect with connect: true; take one of them out", k)
			}
		}
		if _, ok := given["timeout"]; !ok {
			h.Timeout = min(h.Timeout, h.Interval)
		}
		if h.Timeout > h.Interval {
			v.fail("the timeout of %v is longer than the interval of %v; write a shorter timeout", h.Timeout, h.Interval)
		}
	}
	if !h.HTTP {
		h.Path, h.StatusMin, h.StatusMax = "", 0, 0
	}
	r.u.Health = &h
}

var ejectSection = newSection("eject",
	numberKey("failures", func(e *Eject) *int { return &e.Failures }, 1, failuresMax),
	spanKey("for", func(e *Eject) *time.Duration { return &e.For }, 100*time.Millisecond, dayMax, false),
	key[Eject]{"return", func(e *Eject, v value) { v.duration(&e.Return, waitMin, dayMax, true) }},
	key[Eject]{"most", func(e *Eject, v value) { v.percent(&e.Percent) }},
)

func (r *upstreamReader) eject(v value) {
	if v.is(off) {
		r.u.Eject.Failures = 0
		return
	}
	ejectSection.fill(&r.u.Eject, v)
}

var poolSection = newSection("pool",
	spanKey("idle", func(p *Pool) *time.Duration { return &p.Idle }, waitMin, dayMax, false),
	numberKey("idle_max", func(p *Pool) *int { return &p.IdleMax }, 0, idleMax),
	countKey("max", func(p *Pool) *int { return &p.Max }, countMax),
	spanKey("wait", func(p *Pool) *time.Duration { return &p.Wait }, waitMin, time.Hour, false),
)

// clientTLSReader reads TLS towards servers.
type clientTLSReader struct {
	f         *fileReader
	t         *ClientTLS
	cert, key value
}

var clientTLSSection = newSection("tls of an upstream",
	key[clientTLSReader]{"ca", func(r *clientTLSReader, v value) { r.t.CA, _ = v.file(r.f.cfg) }},
	key[clientTLSReader]{"server_name", func(r *clientTLSReader, v value) { r.t.ServerName, _ = v.serverName() }},
	key[clientTLSReader]{"cert", func(r *clientTLSReader, v value) { r.cert = v }},
	key[clientTLSReader]{"key", func(r *clientTLSReader, v value) { r.key = v }},
	key[clientTLSReader]{"insecure", func(r *clientTLSReader, v value) {
		v.flag(&r.t.Insecure)
		if r.t.Insecure {
			v.warn("any certificate is taken, so whoever is in between can read and change all; write ca instead")
		}
	}},
	key[clientTLSReader]{"min_version", func(r *clientTLSReader, v value) { v.tlsVersion(&r.t.MinVersion) }},
).hint(map[string]string{"certificates": "a client shows one: write cert and key"})

// tls reads true, false or the keys.
func (r *upstreamReader) tls(v value) {
	t := &ClientTLS{MinVersion: tlsMinDefault}
	if !v.isMapping() {
		var on bool
		if v.flag(&on); on {
			r.u.TLS = t
		}
		return
	}
	s := &clientTLSReader{f: r.f, t: t}
	given := clientTLSSection.fill(s, v)
	if s.cert.given() || s.key.given() {
		if c, ok := r.f.pair(v, s.cert, s.key); ok {
			t.Cert, t.Key = c.Cert, c.Key
		}
	}
	if p, ok := given["ca"]; ok && t.Insecure {
		v.r.failAt(p, "ca has no effect with insecure: true; take insecure out")
	}
	r.u.TLS = t
}

// serverName reads the name that the certificate of a server has to have.
func (v value) serverName() (string, bool) {
	s, ok := v.text("a name such as web.internal")
	if !ok {
		return "", false
	}
	if cure := hostFault(s, false); cure != "" {
		v.fail("%q is no name of a server; %s", s, cure)
		return "", false
	}
	return strings.Trim(strings.ToLower(s), "[]"), true
}

// ownUpstream returns the upstream of a route that names servers. Routes with the same servers share one, and so its
// connections and what is known of the servers' health.
func (f *fileReader) ownUpstream(servers []Server) *Upstream {
	made := fmt.Sprint(servers)
	if u := f.own[made]; u != nil {
		return u
	}
	var addresses []string
	for _, s := range servers {
		addresses = append(addresses, s.Address)
	}
	u := newUpstream(f.ownNames.unique(strings.Join(addresses, ",")))
	u.Own, u.Servers = true, servers
	f.own[made] = u
	return u
}

func (f *fileReader) upstreamNames() []string { return slices.Sorted(maps.Keys(f.ups)) }
