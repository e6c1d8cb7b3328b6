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

// plain returns the index of the first byte of s from i on that needs an escape, or len(s).
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
	if i == len(s) {
		return i
	}
	w := few(s[i:]) | ^uint64(0)<<(8*(len(s)-i)) // what is above is special, so that the end is found too
	return i + bits.TrailingZeros64(special(w))/8
}

// few gives one to seven bytes as the low ones of a word.
func few(s []byte) uint64 {
	n := len(s)
	if n >= 4 {
		return uint64(binary.LittleEndian.Uint32(s)) | uint64(binary.LittleEndian.Uint32(s[n-4:]))<<(8*n-32)
	}
	return uint64(s[0]) | uint64(s[n/2])<<(n/2*8) | uint64(s[n-1])<<(8*n-8)
}

// escapedMax is the most bytes that one byte becomes: \u001f.
const escapedMax = 6

// copyPlain copies s behind b if there is room for it and for eight bytes, and reports whether it did and no byte of s needs
// an escape. To look at bytes while they are copied costs less than to do one after the other, and to decide at the end less
// than to decide at each word.
func copyPlain(b, s []byte) bool {
	n := len(s)
	if n == 0 || cap(b)-len(b) < max(n, 8) {
		return n == 0
	}
	d := b[len(b):cap(b)]
	if n < 8 {
		w := few(s)
		binary.LittleEndian.PutUint64(d, w)
		return special(w|(' '*ones)<<(8*n)) == 0
	}
	last := binary.LittleEndian.Uint64(s[n-8:])
	found := special(last)
	for i := 0; i < n-8; i += 8 {
		w := binary.LittleEndian.Uint64(s[i:])
		binary.LittleEndian.PutUint64(d[i:], w)
		found |= special(w)
	}
	binary.LittleEndian.PutUint64(d[n-8:], last)
	return found == 0
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
