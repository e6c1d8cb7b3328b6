package config

import (
	"cmp"
	"slices"
	"strconv"
	"time"
)

// newConfig has the defaults of what stands at the top of a file.
func newConfig(file string) *Config {
	return &Config{
		Engine:    "auto",
		HugePages: "auto",
		Limits:    limitsDefault,
		Times:     timesDefault,
		Drain:     drainDefault,
		LogLevel:  "info",
		file:      file,
		places:    map[string]place{},
	}
}

// fileReader reads a file. What other parts refer to is read first, wherever it stands.
type fileReader struct {
	r   *reader
	cfg *Config

	buffer Buffer // what routes begin with
	retry  Retry

	listen, upstreams, routes, to, forwarded value

	ups      map[string]*upstreamUse // by name
	own      map[string]*Upstream    // those that a route made by naming servers, by what they are made of
	ownNames names

	routeNames map[string]place
	places     map[*Route]place
}

// upstreamUse is an upstream of the file. One that is wrong has no Upstream, so that a route may name it without being
// told of a second mistake.
type upstreamUse struct {
	key      place
	upstream *Upstream
	used     bool
}

var fileSection = newSection("the file",
	key[fileReader]{"listen", func(f *fileReader, v value) { f.listen = v }},
	key[fileReader]{"routes", func(f *fileReader, v value) { f.routes = v }},
	key[fileReader]{"to", func(f *fileReader, v value) { f.to = v }},
	key[fileReader]{"upstreams", func(f *fileReader, v value) { f.upstreams = v }},
	key[fileReader]{"trusted_proxies", func(f *fileReader, v value) { v.believed(&f.cfg.Trusted, &f.cfg.TrustUnix) }},
	key[fileReader]{"forwarded", func(f *fileReader, v value) { f.forwarded = v; forwardedSection.fill(&f.cfg.Forwarded, v) }},
	key[fileReader]{"times", func(f *fileReader, v value) { timesSection.fill(&f.cfg.Times, v) }},
	key[fileReader]{"limits", func(f *fileReader, v value) { readLimits(&f.cfg.Limits, v) }},
	key[fileReader]{"retry", func(f *fileReader, v value) { readRetry(&f.retry, v) }},
	key[fileReader]{"buffer", func(f *fileReader, v value) { bufferSection.fill(&f.buffer, v) }},
	key[fileReader]{"access_log", func(f *fileReader, v value) { readAccessLog(f.cfg, v) }},
	key[fileReader]{"log_level", func(f *fileReader, v value) {
		v.word(&f.cfg.LogLevel, "debug", "info", "warn", "error")
	}},
	key[fileReader]{"admin", func(f *fileReader, v value) { readAdmin(&f.cfg.Admin, v) }},
	spanKey("drain", func(f *fileReader) *time.Duration { return &f.cfg.Drain }, waitMin, dayMax, false),
	key[fileReader]{"engine", func(f *fileReader, v value) { v.word(&f.cfg.Engine, "auto", "uring", "epoll", "std") }},
	key[fileReader]{"loops", func(f *fileReader, v value) { readLoops(&f.cfg.Loops, v) }},
	key[fileReader]{"huge_pages", func(f *fileReader, v value) { v.word(&f.cfg.HugePages, "auto", "on", off) }},
).hint(map[string]string{
	"server": "write listen for where clients connect, upstreams for servers", "servers": "write them below upstreams",
	"backend": "write upstreams", "backends": "write upstreams", "frontend": "write listen", "timeouts": "write times",
	"listener": "write listen", "listeners": "write listen", "log": "write access_log or log_level",
})

func (f *fileReader) read(root value) {
	f.buffer, f.retry = bufferDefault, retryDefault
	if fileSection.fill(f, root) == nil {
		return
	}
	if f.cfg.Forwarded.Read && len(f.cfg.Trusted) == 0 && !f.cfg.TrustUnix {
		f.forwarded.warn("nobody's Forwarded is read without trusted_proxies; write the networks of your load balancers there")
	}
	f.readListeners(root)
	f.readUpstreams()
	f.readRoutes(root)
	f.finishUpstreams()
}

// missing says that a key is not there.
func (f *fileReader) missing(root value, key, cure string) {
	f.r.failAt(root.place(), "%s is missing; %s", key, cure)
}

var forwardedSection = newSection("forwarded",
	flagKey("send", func(o *Forwarded) *bool { return &o.Send }),
	flagKey("read", func(o *Forwarded) *bool { return &o.Read }),
)

// readLoops reads a number, or auto, which is 0.
func readLoops(n *int, v value) {
	if v.is("auto") {
		return
	}
	if v.is("0") {
		v.fail("0 loops serve nobody; write auto for as many as CPUs may be used")
		return
	}
	v.number(n, 1, loopsMax)
}

func readAdmin(a *Admin, v value) {
	if v.is(off) {
		return
	}
	if s, ok := v.address(adminAddress); ok {
		a.Address = s
	}
}

// finishUpstreams puts the upstreams into the order of their names, and says which of them nobody uses.
func (f *fileReader) finishUpstreams() {
	for name, u := range f.ups {
		if !u.used {
			f.r.warnAt(u.key, "the upstream %s is not used; name it in a route, or take it out", name)
		}
		if u.upstream != nil {
			f.cfg.Upstreams = append(f.cfg.Upstreams, u.upstream)
		}
	}
	for _, u := range f.own {
		f.cfg.Upstreams = append(f.cfg.Upstreams, u)
	}
	slices.SortFunc(f.cfg.Upstreams, func(a, b *Upstream) int { return cmp.Compare(a.Name, b.Name) })
}

// names are those that are taken, with the number that the next one of that name gets.
type names map[string]int

// unique returns name, with a number where it is taken, and takes it.
func (taken names) unique(name string) string {
	s := name
	for taken[s] > 0 {
		taken[name]++
		s = name + "#" + strconv.Itoa(taken[name])
	}
	taken[s] = 1
	return s
}
