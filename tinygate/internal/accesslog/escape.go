package accesslog

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
	hex   = "0123456789abcdef"
)

// special has the high bit of each byte of w set that JSON or text may not have as it is: quotes, backslashes, control
// characters, DEL and what is not ASCII. Above the lowest such bit there may be others by mistake, because sums carry and
// borrow; the lowest is always right, since only a special byte does that to the next one.
func special(w uint64) uint64 {
	return (w | (w - ' '*ones) | ((w ^ '"'*ones) - ones) | ((w ^ '\\'*ones) - ones) | (w + ones)) & highs
}

// plain returns the index of the first byte of s from i on that needs an escape, or len(s). Those before i were looked
// at.
func plain(s []byte, i int) int {
	for ; i+16 <= len(s); i += 16 {
		low, high := binary.LittleEndian.Uint64(s[i:]), binary.LittleEndian.Uint64(s[i+8:])
		if special(low)|special(high) != 0 {
			break
		}
	}
	for ; i+8 <= len(s); i += 8 {
		if m := special(binary.LittleEndian.Uint64(s[i:])); m != 0 {
			return i + bits.TrailingZeros64(m)/8
		}
	}
	n := len(s) - i
	if n == 0 {
		return i
	}
	var w uint64 // the n bytes that are left, below
	switch {
	case len(s) >= 8:
		w = binary.LittleEndian.Uint64(s[len(s)-8:]) >> (64 - 8*n)
	case n >= 4:
		w = uint64(binary.LittleEndian.Uint32(s[i:])) | uint64(binary.LittleEndian.Uint32(s[len(s)-4:]))<<(8*n-32)
	default:
		w = uint64(s[i]) | uint64(s[i+n/2])<<(n/2*8) | uint64(s[len(s)-1])<<(8*n-8)
	}
	w |= ^uint64(0) << (8 * n) // what is above is special, so that the end is found too
	return i + bits.TrailingZeros64(special(w))/8
}

// escapedMax is the most bytes that one byte becomes: \u001f.
const escapedMax = 6

// copyPlain copies s behind b if there is room and no byte of s needs an escape, and reports whether that was so. To look at
// bytes while they are copied costs less than to do one after the other.
func copyPlain(b, s []byte) bool {
	n := len(s)
	if n < 8 || cap(b)-len(b) < n {
		return false
	}
	d := b[len(b) : len(b)+n]
	for i := 0; i+8 <= n; i += 8 {
		w := binary.LittleEndian.Uint64(s[i:])
		if special(w) != 0 {
			return false
		}
		binary.LittleEndian.PutUint64(d[i:], w)
	}
	w := binary.LittleEndian.Uint64(s[n-8:])
	binary.LittleEndian.PutUint64(d[n-8:], w)
	return special(w) == 0
}

// appendJSON appends s as the inside of a JSON string.
func appendJSON(b, s []byte) []byte {
	if copyPlain(b, s) {
		return b[:len(b)+len(s)]
	}
	if i := plain(s, 0); i < len(s) {
		return appendEscapedJSON(b, s, i)
	}
	return append(b, s...)
}

// appendEscapedJSON appends s, whose first i bytes need no escape.
func appendEscapedJSON(b, s []byte, i int) []byte {
	from := 0
	for ; i < len(s); i = plain(s, i) {
		c := s[i]
		if c < utf8.RuneSelf {
			b = appendControl(append(b, s[from:i]...), c)
			i++
			from = i
			continue
		}
		r, n := utf8.DecodeRune(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			b = append(append(b, s[from:i]...), `\ufffd`...)
			from = i + n
		case r < 0xa0, r == '\u2028', r == '\u2029': // C1, which terminals obey, and line ends for some readers
			b = append(append(b, s[from:i]...), '\\', 'u', hex[r>>12], hex[r>>8&15], hex[r>>4&15], hex[r&15])
			from = i + n
		}
		i += n
	}
	return append(b, s[from:]...)
}

// appendControl appends the escape of an ASCII character.
func appendControl(b []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\n':
		return append(b, '\\', 'n')
	case '\r':
		return append(b, '\\', 'r')
	case '\t':
		return append(b, '\\', 't')
	}
	return append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}

// appendText appends s so that it fits between quotes of a text line.
func appendText(b, s []byte) []byte {
	if copyPlain(b, s) {
		return b[:len(b)+len(s)]
	}
	from := 0
	for i := plain(s, 0); i < len(s); i = plain(s, i) {
		b = append(append(b, s[from:i]...), '\\', 'x', hex[s[i]>>4], hex[s[i]&15])
		i++
		from = i
	}
	return append(b, s[from:]...)
}
