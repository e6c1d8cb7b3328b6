package route

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// hostBytesMax is the longest name of DNS without the dot at its end (RFC 1035 2.3.4). A longer one gets the routes for
// any host, so that a name costs a bounded number of look-ups.
const hostBytesMax = 253

// site is all routes of one host text.
type site struct {
	root   *node   // of the paths; nil: none
	routes []int32 // for any path
	next   *site   // the next less specific one, which fits the same hosts; nil behind that for any host
}

func (s *site) add(p path, i int32) {
	if p.any {
		s.routes = append(s.routes, i)
		return
	}
	if s.root == nil {
		s.root = &node{}
	}
	s.root.add(p, i)
}

var (
	errHostEmpty = errors.New("this is no host: write NAME or *.NAME")
	errHostStar  = errors.New("'*' stands only for all names below one: write *.NAME, or leave hosts out for any")
	errHostLong  = fmt.Errorf("a name has at most %d bytes", hostBytesMax)
	errHostLabel = errors.New("a name has no empty part: take one dot away")
	errHostName  = errors.New("this is no host: write the name alone, without port, and what is not ASCII in its xn-- form")
)

// sites returns those of a route's hosts, made where they are new.
func (t *Table) sites(hosts []string) ([]*site, error) {
	if len(hosts) == 0 {
		return []*site{t.any}, nil
	}
	sites := make([]*site, 0, len(hosts))
	for _, host := range hosts {
		name := strings.TrimSuffix(strings.ToLower(host), ".")
		in := t.exact
		if rest, ok := strings.CutPrefix(name, "*."); ok {
			name, in = rest, t.below
		}
		if err := checkHost(name); err != nil {
			return nil, fmt.Errorf("host %q: %w", host, err)
		}
		s := in[name]
		if s == nil {
			s = &site{}
			in[name] = s
		}
		if !slices.Contains(sites, s) {
			sites = append(sites, s)
		}
	}
	return sites, nil
}

// checkHost accepts what http1 accepts as a host, and no empty labels.
func checkHost(name string) error {
	switch {
	case name == "":
		return errHostEmpty
	case len(name) > hostBytesMax:
		return errHostLong
	case name[0] == '[':
		if a, err := netip.ParseAddr(strings.Trim(name, "[]")); err != nil || !a.Is6() || name[len(name)-1] != ']' {
			return errHostName
		}
		return nil
	case strings.Contains(name, "*"):
		return errHostStar
	case name[0] == '.' || strings.Contains(name, ".."):
		return errHostLabel
	}
	for i := range len(name) {
		if c := name[i]; !isUnreserved(c) && strings.IndexByte("!$&'()+,;=", c) < 0 {
			return errHostName
		}
	}
	return nil
}

// link connects each site to the next less specific one.
func (t *Table) link() {
	for name, s := range t.exact {
		s.next = t.above([]byte(name))
	}
	for name, s := range t.below {
		s.next = t.above([]byte(name))
	}
}

// above returns the longest wildcard that fits a host, or the site for any host.
func (t *Table) above(host []byte) *site {
	if len(t.below) == 0 {
		return t.any
	}
	for i := 0; ; {
		dot := bytes.IndexByte(host[i:], '.')
		if dot < 0 {
			return t.any
		}
		i += dot + 1
		if s := t.below[string(host[i:])]; s != nil && i > 1 {
			return s
		}
	}
}

// site returns the most specific site for q's host.
func (t *Table) site(q *Query) *site {
	if len(t.exact) == 0 && len(t.below) == 0 {
		return t.any
	}
	host := q.Host
	if n := len(host); n > 0 && host[n-1] == '.' {
		host = host[:n-1]
	}
	if len(host) == 0 || len(host) > hostBytesMax {
		return t.any
	}
	host = q.lower(host)
	if s := t.exact[string(host)]; s != nil {
		return s
	}
	return t.above(host)
}

// lower returns the host in lower case: itself, if it is.
func (q *Query) lower(host []byte) []byte {
	for i, c := range host {
		if c >= 'A' && c <= 'Z' {
			q.host = append(q.host[:0], host...)
			for ; i < len(host); i++ {
				if c := host[i]; c >= 'A' && c <= 'Z' {
					q.host[i] = c | 0x20
				}
			}
			return q.host
		}
	}
	return host
}
