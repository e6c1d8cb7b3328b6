package config

import (
	"fmt"
	"strconv"
	"strings"
)

// checkPath reads the target of a health check, which may have a query.
func (v value) checkPath() (string, bool) {
	s, ok := v.text("a path such as /healthz")
	if !ok {
		return "", false
	}
	path, query, _ := strings.Cut(s, "?")
	cure := pathFault(path)
	if strings.ContainsFunc(query, func(c rune) bool { return c <= ' ' || c >= 0x7f || c == '#' }) {
		cure = "write what is not a letter or digit of ASCII with % and its bytes"
	}
	if cure != "" {
		v.fail("%q is no path; %s", s, cure)
		return "", false
	}
	return s, true
}

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
	if strings.ContainsRune(s, '\\') {
		return "write / for a backslash: requests with one are refused"
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
	return normalFault(s)
}

// normalFault is for what is not in the normal form in which routes and servers see paths: no . and .. segments, single
// slashes, and escapes only where they are needed, with capitals (RFC 3986 6.2.2). Servers that cut parameters off
// segments see "..;x" as a dot segment too.
func normalFault(s string) string {
	for i := range len(s) {
		if s[i] != '%' {
			continue
		}
		code := s[i : i+3]
		n, _ := strconv.ParseUint(code[1:], 16, 8)
		switch c := byte(n); {
		case isLetter(c) || isDigit(c) || c != 0 && strings.IndexByte("-._~", c) >= 0:
			return fmt.Sprintf("requests come without that escape: write %c for %s", c, code)
		case c == 0:
			return "requests with an escaped NUL are refused"
		case code != strings.ToUpper(code):
			return "escapes have capitals: write " + strings.ToUpper(code)
		}
	}
	if strings.Contains(s, "//") {
		return "requests come with single slashes: write it so"
	}
	if strings.Contains(s, "%2F") && strings.Contains(s, "%5C") {
		return "requests with both an escaped slash and an escaped backslash are refused"
	}
	for segment := range strings.SplitSeq(slashes.Replace(s), "/") {
		name, _, _ := strings.Cut(segment, ";")
		if name == "." || name == ".." {
			return "write it without . and .. segments"
		}
	}
	return ""
}

// slashes writes escaped slashes and backslashes as the slashes that some servers take them for.
var slashes = strings.NewReplacer("%2F", "/", "%5C", "/")

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
	if strings.Contains(s, "%2F") || strings.Contains(s, "%5C") {
		v.fail("%q has an escaped slash, which servers read in two ways; write pattern, with * for that segment", s)
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
		case segment == "*" || segment == "**" && last:
		case segment == "**":
			return "** stands for all the rest, so nothing can follow it; * is one segment"
		case strings.Contains(segment, "*"):
			return "a * is a whole segment, as in /users/*/posts"
		}
	}
	return ""
}
