package config

import "strings"

const envOpen = "${env:"

// piece is a part of a scalar.
type piece struct {
	text string
	env  bool // the environment brought it
}

// expand replaces ${env:NAME} and ${env:NAME:-default} in a scalar. It works on what YAML has made of the text, so a
// variable cannot add keys or lists, and what it brings is not expanded again. Other ${...} are left alone.
func (v value) expand(text string) (string, bool) {
	all, good := v.pieces(text)
	var b strings.Builder
	for _, p := range all {
		b.WriteString(p.text)
	}
	return b.String(), good
}

// pieces tells what stands in the file, defaults included, from what the environment brings.
func (v value) pieces(text string) (all []piece, good bool) {
	own, good := "", true
	for {
		before, rest, found := strings.Cut(text, envOpen)
		own += before
		if !found {
			return append(all, piece{text: own}), good
		}
		inner, after, closed := strings.Cut(rest, "}")
		if !closed {
			v.fail("%s has no end; write ${env:NAME}", envOpen+rest)
			return nil, false
		}
		p, ok := v.variable(inner)
		if p.env {
			all, own = append(all, piece{text: own}, p), ""
		} else {
			own += p.text
		}
		good = good && ok
		text = after
	}
}

// variable looks up NAME or NAME:-default.
func (v value) variable(inner string) (piece, bool) {
	name, def, hasDefault := strings.Cut(inner, ":-")
	if !isVariable(name) {
		v.fail("%q is no name of a variable; write ${env:NAME} or ${env:NAME:-default}", name)
		return piece{}, false
	}
	if s, ok := v.r.env(name); ok && (s != "" || !hasDefault) {
		return piece{s, true}, true
	}
	if !hasDefault {
		v.fail("the environment has no %s; set it, or write ${env:%[1]s:-default}", name)
	}
	return piece{text: def}, hasDefault
}

// isVariable is a name as POSIX has it (XBD 8.1), in either case.
func isVariable(name string) bool {
	for i, c := range []byte(name) {
		if c != '_' && !isLetter(c) && (i == 0 || !isDigit(c)) {
			return false
		}
	}
	return name != ""
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
