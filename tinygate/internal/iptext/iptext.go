// Package iptext reads IP addresses from bytes of a connection without making a string of them, which
// [net/netip] would.
package iptext

import "net/netip"

// Parse reads all of b as an address: four decimal numbers without leading zeros, or the groups of an IPv6 address as
// RFC 4291 2.2 has them, the last two possibly as an IPv4 address. There are no brackets, ports and zones. An IPv4
// address within IPv6 (::ffff:1.2.3.4) is kept as it is written.
func Parse(b []byte) (a netip.Addr, ok bool) {
	for i := 0; i < len(b) && i < len("65535"); i++ {
		switch b[i] {
		case '.':
			var a4 [4]byte
			if !parse4(b, a4[:]) {
				return a, false
			}
			return netip.AddrFrom4(a4), true
		case ':':
			return parse6(b)
		}
	}
	return a, false
}

// parse4 reads four numbers into to.
func parse4(b, to []byte) bool {
	for part := range 4 {
		n, v := 0, 0
		for n < len(b) && isDigit(b[n]) {
			v = v*10 + int(b[n]-'0')
			if n++; n > len("255") {
				return false
			}
		}
		if n == 0 || v > 255 || n > 1 && b[0] == '0' {
			return false
		}
		to[part] = byte(v)
		if b = b[n:]; part == 3 {
			return len(b) == 0
		}
		if len(b) == 0 || b[0] != '.' {
			return false
		}
		b = b[1:]
	}
	return false
}

func parse6(b []byte) (a netip.Addr, ok bool) {
	var a16 [16]byte
	n, gap := 0, -1 // bytes written, and how many of them stand before "::"
	if len(b) >= 2 && b[0] == ':' && b[1] == ':' {
		gap = 0
		b = b[2:]
	}
	for len(b) > 0 {
		if n == len(a16) {
			return a, false
		}
		digits, v := group(b)
		if digits < len(b) && b[digits] == '.' {
			if n > 12 || !parse4(b, a16[n:n+4]) {
				return a, false
			}
			n += 4
			break
		}
		if digits == 0 {
			return a, false
		}
		a16[n], a16[n+1] = byte(v>>8), byte(v)
		n += 2
		if b = b[digits:]; len(b) == 0 {
			break
		}
		if b[0] != ':' || len(b) == 1 {
			return a, false
		}
		if b = b[1:]; b[0] == ':' {
			if gap >= 0 {
				return a, false
			}
			gap = n
			b = b[1:]
		}
	}
	if gap < 0 {
		return netip.AddrFrom16(a16), n == len(a16)
	}
	if n == len(a16) { // "::" stands for at least one group
		return a, false
	}
	tail := n - gap
	copy(a16[16-tail:], a16[gap:n])
	clear(a16[gap : 16-tail])
	return netip.AddrFrom16(a16), true
}

// group reads up to four hexadecimal digits. More than four are none.
func group(b []byte) (digits int, v uint16) {
	for digits < len(b) {
		c := b[digits]
		switch {
		case isDigit(c):
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return digits, v
		}
		if digits++; digits > 4 {
			return 0, 0
		}
		v = v<<4 | uint16(c)
	}
	return digits, v
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
