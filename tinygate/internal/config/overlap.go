package config

import (
	"net/netip"
	"slices"
	"strings"
)

// spot is where routes compete in the order of the file.
type spot struct {
	host string
	path Path
}

// overlaps warns of routes that no request reaches, because an earlier one for the same host and path takes all that
// they are for.
func (f *fileReader) overlaps() {
	earlier := map[spot][]*Route{}
	for _, r := range f.cfg.Routes {
		hosts := r.Hosts
		if len(hosts) == 0 {
			hosts = []string{""}
		}
		var hidden []string
		var by *Route
		for _, h := range hosts {
			s := spot{h, r.Path.plain()}
			if i := slices.IndexFunc(earlier[s], func(e *Route) bool { return e.covers(r) }); i >= 0 {
				hidden, by = append(hidden, h), earlier[s][i]
				continue
			}
			if len(earlier[s]) < spotMax {
				earlier[s] = append(earlier[s], r)
			}
		}
		if by == nil {
			continue
		}
		what := "no request reaches this route"
		if len(hidden) < len(hosts) {
			what += " for " + strings.Join(hidden, ", ")
		}
		f.r.warnAt(f.places[r], "%s: that in line %d takes all of them; add a condition, or put this route before it",
			what, f.places[by].line)
	}
}

// plain writes a pattern as the other kind of path that fits the same, where there is one.
func (p Path) plain() Path {
	if p.Kind != PathPattern {
		return p
	}
	if front, rest := strings.CutSuffix(p.Text, "/**"); rest && !strings.Contains(front, "*") {
		return Path{PathPrefix, front + "/"}
	}
	if !strings.Contains(p.Text, "*") {
		return Path{PathExact, p.Text}
	}
	return p
}

// spotMax bounds the comparisons of routes with the same host and path.
const spotMax = 100

// covers reports whether r fits all requests that other fits, where host and path are the same.
func (r *Route) covers(other *Route) bool {
	return (r.Scheme == "" || r.Scheme == other.Scheme) &&
		(len(r.Methods) == 0 || len(other.Methods) > 0 && subset(other.Methods, r.Methods)) &&
		subset(r.Headers, other.Headers) &&
		subset(r.Query, other.Query) &&
		(len(r.Clients) == 0 || len(other.Clients) > 0 && within(other.Clients, r.Clients))
}

// subset reports whether all of a are among b.
func subset[T comparable](a, b []T) bool {
	if len(a) == 0 {
		return true
	}
	all := set(b)
	return !slices.ContainsFunc(a, func(x T) bool { return !all[x] })
}

func set[T comparable](list []T) map[T]bool {
	m := make(map[T]bool, len(list))
	for _, x := range list {
		m[x] = true
	}
	return m
}

// within reports whether each network of a lies in one of b.
func within(a, b []netip.Prefix) bool {
	all := set(b)
	return !slices.ContainsFunc(a, func(x netip.Prefix) bool {
		for bits := x.Bits(); bits >= 0; bits-- {
			if all[netip.PrefixFrom(x.Addr(), bits).Masked()] {
				return false
			}
		}
		return true
	})
}
