package forwarded

import (
	"bytes"
	"net/netip"

	"github.com/unio-go/unio/tinygate/internal/iptext"
)

// cutLast cuts the last element from a comma-separated list (RFC 9110 5.6.1); off is where it begins in list. With quotes
// a comma within a quoted string is none (RFC 9110 5.6.4). They are found from the right as well: what a
// client has written on the left, such as a quotation mark that nothing ends, must not change how that is read which
// proxies have put behind it.
func cutLast(list []byte, quotes bool) (element, rest []byte, off int) {
	quoted := false
	i := len(list) - 1
	for ; i >= 0; i-- {
		c := list[i]
		if c == ',' && !quoted {
			break
		}
		if c == '"' && quotes && !(quoted && isEscaped(list, i)) {
			quoted = !quoted
		}
	}
	rest = list[:max(i, 0)]
	for i++; i < len(list) && isSpace(list[i]); i++ {
	}
	return trimSpace(list[i:]), rest, i
}

// isEscaped reports whether an odd number of backslashes stands before i.
func isEscaped(b []byte, i int) bool {
	n := i
	for n > 0 && b[n-1] == '\\' {
		n--
	}
	return (i-n)%2 == 1
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' }

func trimSpace(b []byte) []byte { return bytes.Trim(b, " \t") }

// node reads an address of X-Forwarded-For or a node of Forwarded (RFC 7239 6), with the brackets and ports that
// some proxies add. What is no address, as "unknown" and "_hidden", is not ok.
func node(b []byte) (a netip.Addr, ok bool) {
	if len(b) > 0 && b[0] == '[' {
		end := bytes.IndexByte(b, ']')
		if end < 0 || end+1 < len(b) && !isPort(b[end+1:]) {
			return a, false
		}
		a, ok = iptext.Parse(b[1:end])
		return a.Unmap(), ok && a.Is6()
	}
	if colon := bytes.IndexByte(b, ':'); colon >= 0 && colon == bytes.LastIndexByte(b, ':') {
		if !isPort(b[colon:]) {
			return a, false
		}
		b = b[:colon]
	}
	a, ok = iptext.Parse(b)
	return a.Unmap(), ok
}

// isPort accepts a colon with a port, which may be obfuscated (RFC 7239 6.2, 6.3). Nothing is done with it.
func isPort(b []byte) bool {
	if len(b) < 2 || b[0] != ':' {
		return false
	}
	digits, token := len(b) <= len(":65535"), b[1] == '_'
	for _, c := range b[1:] {
		digit := c >= '0' && c <= '9'
		digits = digits && digit
		token = token && (digit || c|0x20 >= 'a' && c|0x20 <= 'z' || c == '.' || c == '_' || c == '-')
	}
	return digits || token
}

// element is one of Forwarded (RFC 7239 4), as far as it is used.
type element struct{ node, proto, host []byte }

// parseElement reads name=value pairs with semicolons between them. A parameter that is there twice makes all of it not
// ok, as does anything that is not of the form.
func parseElement(b []byte) (e element, ok bool) {
	for len(b) > 0 {
		var pair []byte
		pair, b = cutPair(b)
		if pair = trimSpace(pair); len(pair) == 0 {
			continue
		}
		name, value, found := bytes.Cut(pair, []byte("="))
		if !found {
			return e, false
		}
		var to *[]byte
		switch {
		case equalFold(name, "for"):
			to = &e.node
		case equalFold(name, "proto"):
			to = &e.proto
		case equalFold(name, "host"):
			to = &e.host
		default:
			continue
		}
		if *to != nil {
			return e, false
		}
		if *to, ok = unquote(value); !ok {
			return e, false
		}
	}
	return e, len(e.node) > 0
}

// cutPair cuts at the first semicolon that is not within a quoted string.
func cutPair(b []byte) (pair, rest []byte) {
	quoted := false
	for i := 0; i < len(b); i++ {
		switch {
		case b[i] == '\\' && quoted:
			i++
		case b[i] == '"':
			quoted = !quoted
		case b[i] == ';' && !quoted:
			return b[:i], b[i+1:]
		}
	}
	return b, nil
}

// unquote takes the quotation marks off. No address, protocol or host needs an escape, so there may be none.
func unquote(b []byte) (value []byte, ok bool) {
	if len(b) >= 2 && b[0] == '"' && b[len(b)-1] == '"' {
		b = b[1 : len(b)-1]
	}
	return b, len(b) > 0 && bytes.IndexByte(b, '"') < 0 && bytes.IndexByte(b, '\\') < 0
}

// equalFold compares with a lower-case word.
func equalFold(b []byte, word string) bool {
	if len(b) != len(word) {
		return false
	}
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != word[i] {
			return false
		}
	}
	return true
}
