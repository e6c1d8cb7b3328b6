package forwarded

import (
	"cmp"
	"encoding/binary"
	"net/netip"
	"slices"
)

// networks is a set of addresses. It is compiled once and then only read.
type networks struct {
	four []network4 // disjoint, in ascending order
	six  []network6
}

type network4 struct{ first, last uint32 }

type network6 struct{ first, last netip.Addr }

// compile makes a set of prefixes. One of IPv4 within IPv6 (::ffff:10.0.0.0/104) counts as one of IPv4.
func compile(prefixes []netip.Prefix) (n networks) {
	for _, p := range prefixes {
		a, bits := p.Addr(), p.Bits()
		if a.Is4In6() && bits >= 96 {
			a, bits = a.Unmap(), bits-96
		}
		p = netip.PrefixFrom(a, bits).Masked()
		switch {
		case !p.IsValid():
		case a.Is4():
			first := number(p.Addr())
			n.four = append(n.four, network4{first, first | uint32(uint64(1)<<(32-bits)-1)})
		default:
			last := p.Addr().As16()
			for i := bits; i < 128; i++ {
				last[i/8] |= 0x80 >> (i % 8)
			}
			n.six = append(n.six, network6{p.Addr(), netip.AddrFrom16(last)})
		}
	}
	// Two prefixes are disjoint or one lies in the other; the larger comes first among those that begin alike.
	slices.SortFunc(n.four, func(a, b network4) int {
		return cmp.Or(cmp.Compare(a.first, b.first), cmp.Compare(b.last, a.last))
	})
	slices.SortFunc(n.six, func(a, b network6) int { return cmp.Or(a.first.Compare(b.first), b.last.Compare(a.last)) })
	n.four = outermost(n.four, func(a, b network4) bool { return b.last <= a.last })
	n.six = outermost(n.six, func(a, b network6) bool { return b.last.Compare(a.last) <= 0 })
	return n
}

// outermost leaves out what ends within one that begins before it.
func outermost[T any](sorted []T, within func(a, b T) bool) []T {
	kept := sorted[:0]
	for _, n := range sorted {
		if len(kept) == 0 || !within(kept[len(kept)-1], n) {
			kept = append(kept, n)
		}
	}
	return kept
}

func number(a netip.Addr) uint32 {
	b := a.As4()
	return binary.BigEndian.Uint32(b[:])
}

// contains needs about as many steps as the number of networks has digits in binary.
func (n *networks) contains(a netip.Addr) bool {
	if a = a.Unmap(); a.Is4() {
		_, found := slices.BinarySearchFunc(n.four, number(a), func(n network4, a uint32) int {
			switch {
			case n.last < a:
				return -1
			case n.first > a:
				return 1
			}
			return 0
		})
		return found
	}
	if !a.IsValid() {
		return false
	}
	_, found := slices.BinarySearchFunc(n.six, a.WithZone(""), func(n network6, a netip.Addr) int {
		switch {
		case n.last.Compare(a) < 0:
			return -1
		case n.first.Compare(a) > 0:
			return 1
		}
		return 0
	})
	return found
}
