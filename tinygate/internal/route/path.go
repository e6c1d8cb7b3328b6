package route

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/unio-go/unio/tinygate/internal/config"
)

// node is a place in the tree of paths, which branches at segments.
type node struct {
	few   []kid            // segments that may follow, up to fewMax
	many  map[string]*node // all of them, when there are more
	star  *node            // "*"
	inner bool             // something may follow

	// Routes in the order of the file.
	exact []int32 // the path ends here, and was said to be exact
	ends  []int32 // the path ends here: patterns, and the prefixes of whole
	below []int32 // a slash and any rest follow: "/api/", "/api/**"
	whole []int32 // a slash and any rest follow: "/api"
}

type kid struct {
	segment string
	n       *node
}

// fewMax is how many segments are compared one by one; a map is faster from there on.
const fewMax = 6

func (n *node) kid(segment []byte) *node {
	if n.many != nil {
		return n.many[string(segment)]
	}
	for i := range n.few {
		if n.few[i].segment == string(segment) {
			return n.few[i].n
		}
	}
	return nil
}

// grow returns the node behind a segment, made if it is new.
func (n *node) grow(segment string) *node {
	n.inner = true
	if k := n.kid([]byte(segment)); k != nil {
		return k
	}
	k := &node{}
	switch {
	case n.many != nil:
		n.many[segment] = k
	case len(n.few) < fewMax:
		n.few = append(n.few, kid{segment, k})
	default:
		n.many = make(map[string]*node, 2*fewMax)
		for _, f := range n.few {
			n.many[f.segment] = f.n
		}
		n.many[segment] = k
		n.few = nil
	}
	return k
}

// cutSegment cuts the first segment from a path that begins with a slash. The rest is empty or begins with one.
func cutSegment(path []byte) (segment, rest []byte) {
	path = path[1:]
	if i := bytes.IndexByte(path, '/'); i >= 0 {
		return path[:i], path[i:]
	}
	return path, nil
}

// path is a compiled config.Path.
type path struct {
	any      bool
	segments []string // "*" is any in a pattern
	kind     config.PathKind
	rest     bool // any rest follows the last segment's slash
}

// add enters a route.
func (n *node) add(p path, i int32) {
	for _, s := range p.segments {
		if s == "*" && p.kind == config.PathPattern {
			if n.star == nil {
				n.star = &node{}
			}
			n.inner = true
			n = n.star
			continue
		}
		n = n.grow(s)
	}
	switch {
	case p.rest:
		n.below = append(n.below, i)
	case p.kind == config.PathExact:
		n.exact = append(n.exact, i)
	case p.kind == config.PathPrefix:
		n.ends = append(n.ends, i)
		n.whole = append(n.whole, i)
	default:
		n.ends = append(n.ends, i)
	}
}

var (
	errPathKind   = errors.New("unknown kind of path")
	errPathText   = errors.New("a route for any path has no text: leave it out, or say how it is compared")
	errPathStar   = errors.New("'*' is one whole segment, and '**' the last one: write /a/*/b or /a/**")
	errPathSlash  = errors.New("an escaped slash or backslash cannot decide about a route, as servers read it in two ways: use '*'")
	errPathTarget = errors.New("a path has only visible ASCII without '?' and '#': escape the others")
)

func parsePath(c config.Path) (path, error) {
	switch c.Kind {
	case config.PathAny:
		if c.Text != "" {
			return path{}, errPathText
		}
		return path{any: true}, nil
	case config.PathPrefix, config.PathPattern, config.PathExact:
	default:
		return path{}, errPathKind
	}
	if err := checkPath(c.Text); err != nil {
		return path{}, err
	}
	if hasSeparator([]byte(c.Text)) {
		return path{}, errPathSlash
	}
	p := path{kind: c.Kind, segments: strings.Split(c.Text, "/")[1:]}
	last := len(p.segments) - 1
	switch {
	case c.Kind == config.PathPrefix && p.segments[last] == "":
		p.rest = true
	case c.Kind == config.PathPattern && p.segments[last] == "**":
		p.rest = true
	}
	if p.rest {
		p.segments = p.segments[:last]
	}
	if c.Kind == config.PathPattern {
		for _, s := range p.segments {
			if s != "*" && strings.Contains(s, "*") {
				return path{}, errPathStar
			}
		}
	}
	return p, nil
}

// checkPath accepts a path in normal form: no other is ever seen by a route.
func checkPath(text string) error {
	for i := range len(text) {
		if c := text[i]; c <= ' ' || c >= 0x7f || c == '?' || c == '#' {
			return errPathTarget
		}
	}
	norm, same, err := Normalize(nil, []byte(text))
	if err != nil {
		return err
	}
	if !same {
		return fmt.Errorf("routes see this path as %q: write it so", norm)
	}
	if text[0] != '/' {
		return errStart
	}
	return nil
}
