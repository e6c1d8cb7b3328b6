package config

import (
	"fmt"
	"strings"
)

// requestPath reads a path as it stands in requests.
func (v value) requestPath() (string, bool) {
	s, ok := v.text("a path such as /api")
	if !ok {
		return "", false
	}
	if cure := pathFault(s); cure != "" {
		v.fail("%q is no path; %s", s, cure)
		return "", false
	}
	return s, true
}

// pathFault is what to do about a path that no request can have, or "".
func pathFault(s string) string {
	if i := strings.Index(s, "://"); i > 0 {
		return "write the host as host, and here only what follows it"
	}
	if !strings.HasPrefix(s, "/") {
		return "write it from the / on: " + fmt.Sprintf("%q", "/"+s)
	}
	if strings.Contains(s, "${") {
		return "variables cannot stand in it"
	}
	if i := strings.IndexAny(s, "?#"); i >= 0 {
		return fmt.Sprintf("it ends before the %c; parameters are told apart by query", s[i])
	}
	for i, c := range s {
		switch {
		case c <= ' ' || c >= 0x7f:
			return fmt.Sprintf("write %q as it is sent, with %% and its bytes: %s", c, escape(c))
		case c == '%' && !isEscape(s[i:]):
			return "a % is followed by two hexadecimal digits; for itself write %25"
		}
	}
	for _, segment := range strings.Split(s, "/") {
		if segment == "." || segment == ".." {
			return "write it without . and .. segments"
		}
	}
	return ""
}

// escape is the percent-encoding of a character (RFC 3986 2.1).
func escape(c rune) string {
	var b strings.Builder
	for _, octet := range []byte(string(c)) {
		fmt.Fprintf(&b, "%%%02X", octet)
	}
	return b.String()
}

func isEscape(s string) bool { return len(s) >= 3 && isHex(s[1]) && isHex(s[2]) }
func isHex(c byte) bool      { return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' }

// path reads one of the kinds of path into p.
func (v value) path(p *Path, kind PathKind) {
	s, ok := v.requestPath()
	if !ok {
		return
	}
	if kind == PathPattern {
		if cure := patternFault(s); cure != "" {
			v.fail("%q is no pattern; %s", s, cure)
			return
		}
	} else if hasWildcard(s) {
		v.warn("the * in %q is only itself; for a wildcard write pattern: %s", s, s)
	}
	*p = Path{kind, s}
}

func hasWildcard(s string) bool {
	for _, segment := range strings.Split(s, "/") {
		if segment == "*" || segment == "**" {
			return true
		}
	}
	return false
}

func patternFault(s string) string {
	segments := strings.Split(s, "/")[1:]
	for i, segment := range segments {
		last := i == len(segments)-1
		switch {
		case segment == "" && !last:
			return "it has an empty segment, write single slashes"
		case segment == "*" || segment == "**" && last:
		case segment == "**":
			return "** stands for all the rest, so nothing can follow it; * is one segment"
		case strings.Contains(segment, "*"):
			return "a * is a whole segment, as in /users/*/posts"
		}
	}
	return ""
}
