package http1

import (
	"encoding/binary"
	"math/bits"
)

const (
	swarOnes  = 0x0101010101010101
	swarHighs = 0x8080808080808080
)

// Character classes of one byte.
const (
	classToken  = 1 << iota // tchar, RFC 9110 5.6.2
	classTarget             // what may stand in a request target: visible ASCII except '#'
	classHost               // unreserved and sub-delims of RFC 3986 2.2 and 2.3
	classHex
	classValue // field-vchar, SP and HTAB, RFC 9110 5.5
)

var class = makeClasses()

func makeClasses() (t [256]uint8) {
	mark := func(set string, c uint8) {
		for i := range len(set) {
			t[set[i]] |= c
		}
	}
	const alnum = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	mark(alnum+"!#$%&'*+-.^_`|~", classToken)
	mark(alnum+"-._~!$&'()*+,;=", classHost)
	mark("0123456789abcdefABCDEF", classHex)
	for c := range t {
		if c > ' ' && c < 0x7f && c != '#' {
			t[c] |= classTarget
		}
		if c == '\t' || c >= ' ' && c != 0x7f {
			t[c] |= classValue
		}
	}
	return t
}

// skipClass returns the first index from i on whose byte is not of class c, or len(b).
func skipClass(b []byte, i int, c uint8) int {
	for i < len(b) && class[b[i]]&c != 0 {
		i++
	}
	return i
}

// skipValue returns the first index from i on whose byte may not stand in a field value, or len(b). It
// looks at eight bytes at a time: the lowest flag of each test is exact, and only higher ones may be false,
// as a borrow runs upwards.
func skipValue(b []byte, i int) int {
	for i+8 <= len(b) {
		w := binary.LittleEndian.Uint64(b[i:])
		del := w ^ 0x7f*swarOnes
		bad := ((w-0x20*swarOnes)&^w | (del-swarOnes)&^del) & swarHighs
		if bad == 0 {
			i += 8
			continue
		}
		i += bits.TrailingZeros64(bad) >> 3
		if b[i] != '\t' {
			return i
		}
		i++
	}
	return skipClass(b, i, classValue)
}

// equalFold reports whether b is name in any case. name is of lower-case letters, digits and '-', and b of
// token characters: then setting bit 5 maps no other character to one of name's.
func equalFold(b []byte, name string) bool {
	if len(b) != len(name) {
		return false
	}
	for i := range b {
		if b[i]|0x20 != name[i] {
			return false
		}
	}
	return true
}

// trimOWS cuts spaces and tabs from both ends (RFC 9110 5.6.3).
func trimOWS(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}

// hasElement reports whether a comma-separated list has an element, in any case.
func hasElement(list, element []byte) bool {
	for len(list) > 0 {
		var e []byte
		if e, list = nextElement(list); equalFoldASCII(e, element) {
			return true
		}
	}
	return false
}

// nextElement cuts the first element from a comma-separated list (RFC 9110 5.6.1).
func nextElement(list []byte) (element, rest []byte) {
	for i, c := range list {
		if c == ',' {
			return trimOWS(list[:i]), list[i+1:]
		}
	}
	return trimOWS(list), nil
}
