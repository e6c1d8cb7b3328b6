package route

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/unio-go/unio/tinygate/internal/config"
)

// conditions are those of a route beside host and path.
type conditions struct {
	scheme  string   // "http" or "https"; "": whatever
	methods []string // any of them; none: whatever
	headers []config.Match
	query   []config.Match
	clients []netip.Prefix // sorted, and none within another; none: whatever
}

var (
	errScheme    = errors.New("there are http and https")
	errMatchName = errors.New("the name is empty: say which is meant")
	errMatchKind = errors.New("a value, any and absent exclude each other: keep one")
	errMatchCase = errors.New("names of fields are compared in lower case: write it so")
)

// newConditions returns nil for a route without conditions.
func newConditions(r *config.Route) (*conditions, error) {
	if r.Scheme == "" && len(r.Methods)+len(r.Headers)+len(r.Query)+len(r.Clients) == 0 {
		return nil, nil
	}
	if r.Scheme != "" && r.Scheme != "http" && r.Scheme != "https" {
		return nil, fmt.Errorf("scheme %q: %w", r.Scheme, errScheme)
	}
	for _, m := range r.Headers {
		if strings.ToLower(m.Name) != m.Name {
			return nil, fmt.Errorf("header %q: %w", m.Name, errMatchCase)
		}
		if err := checkMatch(m); err != nil {
			return nil, fmt.Errorf("header %q: %w", m.Name, err)
		}
	}
	for _, m := range r.Query {
		if err := checkMatch(m); err != nil {
			return nil, fmt.Errorf("query %q: %w", m.Name, err)
		}
	}
	clients, err := sortPrefixes(r.Clients)
	if err != nil {
		return nil, err
	}
	return &conditions{scheme: r.Scheme, methods: r.Methods, headers: r.Headers, query: r.Query, clients: clients}, nil
}

func checkMatch(m config.Match) error {
	switch {
	case m.Name == "":
		return errMatchName
	case m.Any && m.Absent, (m.Any || m.Absent) && m.Value != "":
		return errMatchKind
	}
	return nil
}

// sortPrefixes sorts prefixes and leaves out those that lie in another, so that an address can only be in the last one
// that begins at or before it.
func sortPrefixes(prefixes []netip.Prefix) ([]netip.Prefix, error) {
	sorted := make([]netip.Prefix, 0, len(prefixes))
	for _, p := range prefixes {
		if !p.IsValid() {
			return nil, fmt.Errorf("client %v: this is no prefix: write ADDRESS/BITS", p)
		}
		if a := p.Addr(); a.Is4In6() && p.Bits() >= 96 {
			p = netip.PrefixFrom(a.Unmap(), p.Bits()-96)
		}
		sorted = append(sorted, p.Masked())
	}
	slices.SortFunc(sorted, func(a, b netip.Prefix) int {
		if c := a.Addr().Compare(b.Addr()); c != 0 {
			return c
		}
		return a.Bits() - b.Bits()
	})
	disjoint := sorted[:0]
	for _, p := range sorted {
		if n := len(disjoint); n == 0 || !disjoint[n-1].Contains(p.Addr()) {
			disjoint = append(disjoint, p)
		}
	}
	return disjoint, nil
}

func (c *conditions) hold(q *Query) bool {
	if c.scheme != "" && (c.scheme == "https") != q.HTTPS {
		return false
	}
	if len(c.methods) > 0 && !c.method(q.Method) {
		return false
	}
	if len(c.clients) > 0 && !c.client(q.Client) {
		return false
	}
	for i := range c.headers {
		if m := &c.headers[i]; hasField(q.Fields, m) == m.Absent {
			return false
		}
	}
	for i := range c.query {
		if m := &c.query[i]; hasParameter(q.RawQuery, m) == m.Absent {
			return false
		}
	}
	return true
}

func (c *conditions) method(method []byte) bool {
	for _, m := range c.methods {
		if string(method) == m {
			return true
		}
	}
	return false
}

func (c *conditions) client(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	lo, hi := 0, len(c.clients) // the last one that begins at or before a is below hi
	for lo < hi {
		if mid := int(uint(lo+hi) >> 1); c.clients[mid].Addr().Compare(a) <= 0 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return hi > 0 && c.clients[hi-1].Contains(a)
}

// hasField reports whether a field line has m's name, and its value if m has one.
func hasField(f Fields, m *config.Match) bool {
	if f == nil {
		return false
	}
	for i := 0; ; {
		value, next := f.Field(m.Name, i)
		if next < 0 {
			return false
		}
		if m.Any || m.Absent || string(value) == m.Value {
			return true
		}
		i = next
	}
}

// hasParameter is hasField for the query.
func hasParameter(query []byte, m *config.Match) bool {
	for len(query) > 0 {
		var name, value []byte
		name, value, query = cutParameter(query)
		if equalDecoded(name, m.Name) && (m.Any || m.Absent || equalDecoded(value, m.Value)) {
			return true
		}
	}
	return false
}
