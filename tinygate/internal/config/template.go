package config

import (
	"slices"
	"strings"
)

// EditNames are the variables that the values of an Edit may have.
var EditNames = []string{
	"client_address", "request_id", "scheme", "host", "path", "method", "upstream", "server_name", "client_cert_subject",
	"client_cert_verify",
}

// RedirectNames are the variables that Redirect.To may have.
var RedirectNames = []string{"scheme", "host", "path", "query"}

// Dollar is what a dollar sign that the environment brought is written as in a text with variables, so that it begins none:
// it may be one of a secret. No file can have it.
const Dollar = "${$}"

// template returns a scalar in which the file may have the ${name} of names, with its ${env:NAME} expanded, and how many names
// it has. What the environment brought is not looked at, and not told. want says what would be right where it is none.
func (v value) template(want string, names []string) (text string, n int, ok bool) {
	if !v.isText(want) {
		return "", 0, false
	}
	all, ok := v.pieces(v.n.Value)
	if !ok {
		return "", 0, false
	}
	var b strings.Builder
	for i, p := range all {
		if p.env {
			b.WriteString(strings.ReplaceAll(p.text, "$", Dollar))
			continue
		}
		if !v.variables(p.text, names) {
			return "", 0, false
		}
		n += strings.Count(p.text, "${")
		if before, open := strings.CutSuffix(p.text, "$"); open && i < len(all)-1 { // a brace may come from the environment
			p.text = before + Dollar
		}
		b.WriteString(p.text)
	}
	return b.String(), n, true
}

// variables checks the ${name} of a text.
func (v value) variables(text string, names []string) bool {
	for {
		_, rest, found := strings.Cut(text, "${")
		if !found {
			return true
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			v.fail("${%s has no end; write ${name}", rest)
			return false
		}
		if !slices.Contains(names, name) {
			v.fail("${%s} is not known; %sthere are %s, and ${env:NAME}", name, guess(name, names), strings.Join(names, ", "))
			return false
		}
		text = after
	}
}
