package route

import (
	"fmt"
	"net/netip"

	"github.com/unio-go/unio/tinygate/internal/config"
)

// Table finds routes. It is not changed after it was made, and may be used from several loops.
type Table struct {
	exact map[string]*site
	below map[string]*site // by what stands behind "*."
	any   *site
	conds []*conditions // by route; nil: none

	// only is the route that every request gets, or -1: then nothing of a request needs to be looked at.
	only int
}

// Query is what routes ask of a request. The slices belong to the caller and are read during Find only. A Query is kept
// and used again, as it has buffers; it is for one task at a time.
type Query struct {
	Host     []byte // as the client wrote it, without port; an IPv6 address in brackets
	Path     []byte // as Normalize returns it
	RawQuery []byte // without '?'
	Method   []byte
	Client   netip.Addr
	HTTPS    bool   // the client's scheme, as trusted proxies tell it
	Fields   Fields // asked only where a route has conditions on header fields; nil: there are none

	host []byte // in lower case
	path []byte // with its escaped separators decoded
}

// Fields are the header fields of a request.
type Fields interface {
	// Field returns the value of the first field line from line i on that has the name, which is in lower case, and the
	// line to go on from; next is -1 when there is none.
	Field(name string, i int) (value []byte, next int)
}

// Compile makes the table of the routes. An error names the route, and what about it can fit no request.
func Compile(routes []*config.Route) (*Table, error) {
	t := &Table{
		exact: map[string]*site{},
		below: map[string]*site{},
		any:   &site{},
		conds: make([]*conditions, len(routes)),
		only:  -1,
	}
	for i, r := range routes {
		if err := t.add(int32(i), r); err != nil {
			return nil, fmt.Errorf("route %q: %w", r.Name, err)
		}
	}
	t.link()
	if len(t.exact) == 0 && len(t.below) == 0 && t.any.root == nil && len(t.any.routes) > 0 {
		if first := t.any.routes[0]; t.conds[first] == nil {
			t.only = int(first)
		}
	}
	return t, nil
}

func (t *Table) add(i int32, r *config.Route) error {
	conds, err := newConditions(r)
	if err != nil {
		return err
	}
	t.conds[i] = conds
	path, err := parsePath(r.Path)
	if err != nil {
		return fmt.Errorf("path %q: %w", r.Path.Text, err)
	}
	if err := checkRewrite(r.Rewrite); err != nil {
		return err
	}
	sites, err := t.sites(r.Hosts)
	if err != nil {
		return err
	}
	for _, s := range sites {
		s.add(path, i)
	}
	return nil
}

// What Find returns in place of a route.
const (
	None      = -1 // no route fits
	Ambiguous = -2 // the path can be read in two ways of which one leads elsewhere than the other
)

// Find returns the index of q's route in the routes that were compiled, or None or Ambiguous.
func (t *Table) Find(q *Query) int {
	if t.only >= 0 {
		return t.only
	}
	s := t.site(q)
	i := t.find(s, q, q.Path)
	if hasSeparator(q.Path) {
		q.path = appendSeparated(q.path[:0], q.Path)
		if t.find(s, q, q.path) != i {
			return Ambiguous
		}
	}
	return int(i)
}

// find tries s and the sites that are less specific.
func (t *Table) find(s *site, q *Query, path []byte) int32 {
	for ; s != nil; s = s.next {
		if s.root != nil && len(path) > 0 && path[0] == '/' {
			if i := t.walk(s.root, q, path); i >= 0 {
				return i
			}
		}
		if i := t.first(s.routes, q); i >= 0 {
			return i
		}
	}
	return -1
}

// walk finds the route for the rest of a path behind n: the rest is empty or begins with a slash. It visits the nodes that
// fit in the order of precedence, none of them twice.
func (t *Table) walk(n *node, q *Query, rest []byte) int32 {
	if len(rest) == 0 {
		if i := t.first(n.exact, q); i >= 0 {
			return i
		}
		return t.first(n.ends, q)
	}
	if n.inner {
		seg, tail := cutSegment(rest)
		if kid := n.kid(seg); kid != nil {
			if i := t.walk(kid, q, tail); i >= 0 {
				return i
			}
		}
		if n.star != nil && len(seg) > 0 {
			if i := t.walk(n.star, q, tail); i >= 0 {
				return i
			}
		}
	}
	if i := t.first(n.below, q); i >= 0 {
		return i
	}
	return t.first(n.whole, q)
}

// first returns the first of the routes whose conditions hold, or -1.
func (t *Table) first(routes []int32, q *Query) int32 {
	for _, i := range routes {
		if c := t.conds[i]; c == nil || c.hold(q) {
			return i
		}
	}
	return -1
}
