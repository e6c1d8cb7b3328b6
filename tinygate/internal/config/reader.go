package config

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// stepsMax bounds how many values are looked at. Only anchors that are used over and over can bring a file of
// fileBytesMax there.
const stepsMax = 1 << 20

// mergeDepthMax bounds merge keys within what is merged; an anchor may contain itself.
const mergeDepthMax = 8

// place is a line and a column, from 1. Zero: not from a file.
type place struct{ line, column int }

func at(n *yaml.Node) place { return place{n.Line, n.Column} }

// reader collects what is wrong while values are read.
type reader struct {
	file     string
	env      func(string) (string, bool)
	problems []Problem
	warnings []Problem
	steps    int
}

// keptMax bounds the problems that are sorted to tell the first of them.
const keptMax = 10000

func (r *reader) failAt(p place, format string, args ...any) {
	if len(r.problems) == keptMax {
		return
	}
	r.problems = append(r.problems, Problem{Line: p.line, Column: p.column, Text: fmt.Sprintf(format, args...)})
}

func (r *reader) warnAt(p place, format string, args ...any) {
	r.warnings = append(r.warnings, Problem{Line: p.line, Column: p.column, Text: fmt.Sprintf(format, args...)})
}

// value is what stands behind a key or in a list. The zero value stands for a key that was not given.
type value struct {
	r    *reader
	n    *yaml.Node // not an alias
	name string     // of the key, for messages
}

// value makes a value of a node, and follows an alias to what it stands for: a mistake in there is told where it is.
func (r *reader) value(name string, n *yaml.Node) value {
	r.steps++
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return value{r, n, name}
}

func (v value) given() bool { return v.n != nil }

func (v value) place() place {
	if v.n == nil {
		return place{1, 1}
	}
	return at(v.n)
}

// fail says that the value is wrong. Its text goes: what is wrong; what would be right.
func (v value) fail(format string, args ...any) {
	v.r.failAt(v.place(), "%s: %s", v.name, fmt.Sprintf(format, args...))
}

func (v value) warn(format string, args ...any) {
	v.r.warnAt(v.place(), "%s: %s", v.name, fmt.Sprintf(format, args...))
}

func (v value) isMapping() bool  { return v.n.Kind == yaml.MappingNode }
func (v value) isSequence() bool { return v.n.Kind == yaml.SequenceNode }

// is reports whether the value is the word. A variable that is not set is told again by who reads the value; what is told
// twice of a place is told once in the end.
func (v value) is(word string) bool {
	if v.n.Kind != yaml.ScalarNode {
		return false
	}
	s, ok := v.expand(v.n.Value)
	return ok && s == word
}

// kind is what the value is, for messages.
func (v value) kind() string {
	switch {
	case v.isMapping():
		return "keys with values stand here"
	case v.isSequence():
		return "a list stands here"
	case v.null():
		return "nothing stands here"
	}
	return fmt.Sprintf("%q stands here", v.n.Value)
}

// null reports whether the value was left out or is a YAML null.
func (v value) null() bool {
	return v.n.Kind == yaml.ScalarNode && v.n.Tag == "!!null" && v.n.Style == 0
}

// usable refuses what YAML has beyond scalars, lists and mappings, and ends the reading of a file that goes on forever.
func (v value) usable() bool {
	if v.n.Style&yaml.TaggedStyle != 0 {
		v.fail("the tag %s means nothing here; take it out", v.n.Tag)
		return false
	}
	if v.r.steps > stepsMax {
		v.r.failAt(place{1, 1}, "anchors repeat more than %d values; write shorter lists", stepsMax)
		return false
	}
	return true
}

// text returns a scalar with its ${env:NAME} expanded. want says what would be right where it is none.
func (v value) text(want string) (string, bool) {
	if !v.isText(want) {
		return "", false
	}
	return v.expand(v.n.Value)
}

// isText refuses what is no scalar.
func (v value) isText(want string) bool {
	if v.n.Kind != yaml.ScalarNode || v.null() {
		v.fail("%s; write %s", v.kind(), want)
		return false
	}
	return v.usable()
}

// list returns the elements of a list. One value that is not a list stands for a list of one.
func (v value) list(want string) []value {
	if !v.isSequence() {
		return []value{v}
	}
	if !v.usable() {
		return nil
	}
	if len(v.n.Content) == 0 {
		v.fail("the list is empty; write %s, or take the key out", want)
	}
	all := make([]value, len(v.n.Content))
	for i, n := range v.n.Content {
		all[i] = v.r.value(v.name, n)
	}
	return all
}

// entry is a key with its value.
type entry struct {
	key   place
	name  string
	value value
}

// entries returns the keys of a mapping in their order, those that are merged into it last.
func (v value) entries(want string) ([]entry, bool) {
	if !v.isMapping() {
		v.fail("%s; write %s", v.kind(), want)
		return nil, false
	}
	if !v.usable() {
		return nil, false
	}
	return v.collect(map[string]place{}, nil, 0), true
}

// collect adds the entries of a mapping to all. seen has the keys that are there already: its own may not come twice,
// those that are merged are then left out.
func (v value) collect(seen map[string]place, all []entry, depth int) []entry {
	var merged []value
	own := map[string]place{}
	for i := 0; i+1 < len(v.n.Content); i += 2 {
		k, content := v.n.Content[i], v.n.Content[i+1]
		if k.Kind == yaml.ScalarNode && k.Tag == "!!merge" {
			merged = append(merged, v.r.value("<<", content))
			continue
		}
		if k.Kind != yaml.ScalarNode || k.Style&yaml.TaggedStyle != 0 || k.Tag == "!!null" {
			v.r.failAt(at(k), "%s: a key is missing; write a word and a colon", v.name)
			continue
		}
		if first, again := own[k.Value]; again {
			v.r.failAt(at(k), "%s is given twice, first in line %d; take one of them out", k.Value, first.line)
			continue
		}
		own[k.Value] = at(k)
		if _, there := seen[k.Value]; !there {
			seen[k.Value] = at(k)
			all = append(all, entry{at(k), k.Value, v.r.value(k.Value, content)})
		}
	}
	for _, m := range merged {
		all = m.merge(seen, all, depth+1)
	}
	return all
}

// merge adds what a merge key names: a mapping, or a list of them of which the first one that has a key wins.
func (v value) merge(seen map[string]place, all []entry, depth int) []entry {
	if depth > mergeDepthMax {
		v.fail("merge keys are nested more than %d deep; write the keys out", mergeDepthMax)
		return all
	}
	for _, m := range v.list("the anchor of a mapping") {
		if !m.isMapping() {
			m.fail("%s; write the anchor of a mapping, such as <<: *common", m.kind())
			continue
		}
		if m.usable() {
			all = m.collect(seen, all, depth)
		}
	}
	return all
}

// key is a key of a section and what reads its value into a T.
type key[T any] struct {
	name string
	read func(*T, value)
}

// section is the keys that may stand in one kind of mapping.
type section[T any] struct {
	name  string // "a route", for messages
	names []string
	keys  []key[T]
	// hints are words that people try, with what to write.
	hints map[string]string
}

// known has the keys of each section, for the test that holds the documentation against them.
var known = map[string][]string{}

func newSection[T any](name string, keys ...key[T]) *section[T] {
	s := &section[T]{name: name, keys: keys}
	for _, k := range keys {
		s.names = append(s.names, k.name)
	}
	known[name] = s.names
	return s
}

// hint adds words that are not keys.
func (s *section[T]) hint(hints map[string]string) *section[T] {
	s.hints = hints
	return s
}

// keys are those that a mapping has.
type keys map[string]place

func (k keys) has(name string) bool {
	_, ok := k[name]
	return ok
}

// fill reads the keys of a mapping into t, and returns which there are: nil where v is no mapping.
func (s *section[T]) fill(t *T, v value) keys {
	all, ok := v.entries(s.want())
	if !ok {
		return nil
	}
	given := keys{}
	for _, e := range all {
		given[e.name] = e.key
		if i := slices.Index(s.names, e.name); i >= 0 {
			s.keys[i].read(t, e.value)
		} else {
			s.unknown(e)
		}
	}
	return given
}

// unknown says what would be right instead of a key.
func (s *section[T]) unknown(e entry) {
	cure := guess(e.name, s.names) + "there are " + s.list()
	if h := s.hints[e.name]; h != "" {
		cure = h
	}
	e.value.r.failAt(e.key, "%s is not a key of %s; %s", e.name, s.name, cure)
}

func (s *section[T]) list() string {
	names := slices.Clone(s.names)
	slices.Sort(names)
	return strings.Join(names, ", ")
}

func (s *section[T]) want() string { return "the keys of " + s.name + ": " + s.list() }
