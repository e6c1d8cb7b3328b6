package config

import (
	"slices"
	"strings"
)

// ownFields are written by the gate from what it knows of a message; set from outside they would contradict it (RFC 9110
// 7.6.1 and 10.1.1, RFC 9112 6).
var ownFields = []string{
	"connection", "content-length", "expect", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection",
	"te", "trailer", "transfer-encoding", "upgrade",
}

// fieldName reads the name of a header field.
func (v value) fieldName() (string, bool) {
	s, ok := v.text("the name of a header")
	return s, ok && v.r.checkName(v.place(), s)
}

func (r *reader) checkName(p place, s string) bool {
	if name, ok := strings.CutSuffix(s, ":"); ok && isToken(name) {
		r.failAt(p, "%q has a colon too many; write %s", s, name)
		return false
	}
	if !isToken(s) {
		r.failAt(p, "%q cannot name a header; write letters, digits and -", s)
		return false
	}
	return true
}

// editedName is checkName for a field that is set, added or removed.
func (r *reader) editedName(p place, s string) bool {
	if !r.checkName(p, s) {
		return false
	}
	switch name := strings.ToLower(s); {
	case name == "host":
		r.failAt(p, "Host is not changed here; for the one that goes to the upstream, write upstream_host: NAME into the route")
		return false
	case slices.Contains(ownFields, name):
		r.failAt(p, "%s belongs to the connection, and the gate writes it; take it out", s)
		return false
	}
	return true
}

var editSection = newSection("headers",
	key[Edit]{"set", func(e *Edit, v value) { v.fields(&e.Set, false) }},
	key[Edit]{"add", func(e *Edit, v value) { v.fields(&e.Add, true) }},
	key[Edit]{"remove", readRemove},
)

func readRemove(e *Edit, v value) {
	for _, n := range v.list("names of headers") {
		if s, ok := n.text("the name of a header"); ok && n.r.editedName(n.place(), s) {
			e.Remove = append(e.Remove, s)
		}
	}
}

// fields reads NAME: VALUE, and with many also NAME: [VALUE, VALUE].
func (v value) fields(into *[]Field, many bool) {
	all, _ := v.entries("names of headers with their values, such as X-Client: ${client_address}")
	first := map[string]string{}
	for _, e := range all {
		good := v.r.editedName(e.key, e.name)
		name := strings.ToLower(e.name)
		if as, twice := first[name]; twice && good {
			v.r.failAt(e.key, "%s is given twice, first as %s; case makes no difference, take one of them out", e.name, as)
			good = false
		}
		first[name] = e.name
		values := []value{e.value}
		if many {
			values = e.value.list("a text")
		}
		for _, x := range values {
			s, _, ok := x.template("a text", EditNames)
			if ok && s == "" {
				x.fail("the value is empty; write one, or the name below remove")
				continue
			}
			if ok && x.fieldValue(s) && good {
				*into = append(*into, Field{e.name, s})
			}
		}
	}
}

// isToken is RFC 9110 5.6.2.
func isToken(s string) bool {
	for _, c := range []byte(s) {
		if !isLetter(c) && !isDigit(c) && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return s != ""
}

// controlAt is the first control character that may not stand in a field value (RFC 9110 5.5), or -1.
func controlAt(s string) int {
	return strings.IndexFunc(s, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f })
}

// fieldValue checks a text that is sent as the value of a header field. The text is not told: it may be a secret that came
// from the environment.
func (v value) fieldValue(s string) bool {
	if i := controlAt(s); i >= 0 {
		v.fail("the value has the control character %U; a header's value is one line of text", s[i])
		return false
	}
	if strings.TrimSpace(s) != s {
		v.fail("the value begins or ends with a space, which does not arrive; take it out")
		return false
	}
	return true
}
