package config

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// host reads the host of a condition: a name, an address, or "*." with a name.
func (v value) host() (string, bool) {
	s, ok := v.text("a host such as example.com")
	if !ok {
		return "", false
	}
	s = strings.ToLower(s)
	name, wild := strings.CutPrefix(s, "*.")
	switch {
	case s == "*":
		v.fail(`"*" is every host; take the key out`)
		return "", false
	case strings.Contains(name, "*"):
		v.fail(`%q has its * elsewhere; only the whole first label can be one: "*.example.com"`, s)
		return "", false
	}
	if cure := hostFault(name, wild); cure != "" {
		v.fail("%q is no host; %s", s, cure)
		return "", false
	}
	if s[0] == '[' { // as clients write it: hosts are compared as text
		s = "[" + netip.MustParseAddr(s[1:len(s)-1]).String() + "]"
	}
	return s, true
}

// hostFault is what to do about a host that cannot be one, or "".
func hostFault(s string, wild bool) string {
	if a, err := netip.ParseAddr(s); err == nil && !wild {
		if a.Is6() {
			return "write [" + a.WithZone("").String() + "]"
		}
		return ""
	}
	if inner, ok := strings.CutPrefix(s, "["); ok && !wild {
		inner, closed := strings.CutSuffix(inner, "]")
		if a, err := netip.ParseAddr(inner); err != nil || !closed || !a.Is6() || a.Zone() != "" {
			return "within brackets stands an IPv6 address, such as [2001:db8::1]"
		}
		return ""
	}
	if i := strings.Index(s, "://"); i >= 0 {
		return "write it without " + s[:i+3]
	}
	if h, _, ok := strings.Cut(s, "/"); ok {
		return "write " + strconv.Quote(h) + ", and the path as path, prefix or pattern"
	}
	if h, _, ok := strings.Cut(s, ":"); ok {
		return "write " + strconv.Quote(h) + ": a host fits with every port"
	}
	return nameFault(s)
}

// nameFault is hostFault for a name. An underscore is allowed since names of containers have it.
func nameFault(s string) string {
	if len(s) > 253 {
		return "a name has at most 253 bytes"
	}
	for _, label := range strings.Split(s, ".") {
		if label == "" {
			return "write names with single dots between them, such as example.com"
		}
		if len(label) > 63 {
			return "a part of a name has at most 63 bytes"
		}
		for _, c := range label {
			switch {
			case c >= 0x80:
				return "write it as it is sent, in ASCII (xn--...)"
			case !isLetter(byte(c)) && !isDigit(byte(c)) && c != '-' && c != '_':
				return fmt.Sprintf("%q cannot stand in a name", c)
			}
		}
	}
	return ""
}
