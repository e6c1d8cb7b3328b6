// Package proxyproto reads the header with which a load balancer tells whose connection it passes on: the PROXY
// protocol, versions 1 and 2, as haproxy's doc/proxy-protocol.txt has it in sections 2.1 and 2.2. It does no I/O.
//
// Whoever may send such a header decides who the client is, so it must be read only from addresses that are known to
// belong to a load balancer, and then it is not optional: a port that takes both would let anybody bring one along.
package proxyproto

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"net/netip"

	"github.com/unio-go/unio/tinygate/internal/iptext"
)

// headerBytesMax is the most bytes that a header may have. The protocol would allow 64 KiB; what is sent are addresses, a
// server name and a few dozen bytes about TLS.
const headerBytesMax = 4096

// lineBytesMax is that of a header of version 1 with its CRLF (section 2.1).
const lineBytesMax = 107

// Header is what a header says.
type Header struct {
	Version int // 1 or 2
	// Local says that the sender speaks for itself, as in a health check (LOCAL, section 2.2).
	Local bool
	// Source and Destination are the two ends of the client's connection; an IPv4 address within IPv6 is told as IPv4.
	// They are not valid where the header has none that a TCP server can use: for LOCAL, UNKNOWN, UNSPEC, Unix sockets
	// and datagrams. The connection's own addresses are then to be used.
	Source, Destination netip.AddrPort
}

// ErrMissing is the cause when a connection begins with something else.
var ErrMissing = errors.New("proxyproto: no PROXY header: have the sender send one (send-proxy, proxy_protocol on), or expect none here")

// ErrInvalid is the cause of all other errors.
var ErrInvalid = errors.New("proxyproto: invalid PROXY header")

// Errors are made once, since anybody who may connect can cause them.
var (
	errLine      = invalid("a line of version 1 has no CRLF within 107 bytes")
	errWords     = invalid("a line of version 1 is not PROXY, TCP4 or TCP6 or UNKNOWN, two addresses and two ports with single spaces")
	errAddress   = invalid("an address of version 1 is not one of its family")
	errPort      = invalid("a port of version 1 is not 0 to 65535 without leading zeros")
	errVersion   = invalid("the version behind the signature of version 2 is not 2")
	errCommand   = invalid("the command is neither LOCAL nor PROXY")
	errFamily    = invalid("unknown address family or transport")
	errTooLong   = invalid("longer than 4096 bytes")
	errAddresses = invalid("shorter than the addresses of its family")
	errTLV       = invalid("a TLV does not end where the header ends")
	errCRC       = invalid("the CRC32c does not fit: the header was damaged, or something changed it on its way")
	errCRCForm   = invalid("the CRC32c is not four bytes, or there are two")
)

func invalid(what string) error { return fmt.Errorf("%w: %s", ErrInvalid, what) }

const (
	signature1 = "PROXY "
	signature2 = "\r\n\r\n\x00\r\nQUIT\n"
)

// Parse reads the header at the start of b. It returns the header's length, behind which the client's own bytes begin;
// zero without an error means that more bytes are needed. What comes out for a sender does not depend on how its bytes
// were cut: an error that some bytes bring stays when more follow. After an error the connection has to be closed without
// an answer (section 2). h aliases nothing.
func Parse(b []byte) (h Header, n int, err error) {
	switch {
	case begins(b, signature1):
		return parse1(b)
	case begins(b, signature2):
		return parse2(b)
	}
	return Header{}, 0, ErrMissing
}

// Missing returns how many bytes a header that begins with b has beyond b, at least: never a byte of what follows it. b is
// what Parse wants more of.
func Missing(b []byte) int {
	const shortest = len(signature1 + "UNKNOWN\r\n") // of either version
	switch n := len(b); {
	case n < shortest:
		return shortest - n
	case b[0] == signature1[0]:
		return 1
	case n < fixedBytes:
		return fixedBytes - n
	default:
		return max(fixedBytes+int(binary.BigEndian.Uint16(b[lengthOff:]))-n, 1)
	}
}

// begins reports whether b begins with s, as far as it goes.
func begins(b []byte, s string) bool {
	n := min(len(b), len(s))
	return string(b[:n]) == s[:n]
}

// parse1 reads a line. It decides nothing before the line is whole, which comes in one piece from every known sender.
func parse1(b []byte) (h Header, n int, err error) {
	end := bytes.Index(b[:min(len(b), lineBytesMax)], []byte("\r\n"))
	if end < 0 {
		if len(b) >= lineBytesMax {
			return h, 0, errLine
		}
		return h, 0, nil
	}
	h.Version = 1
	line := b[len(signature1):end]
	family, rest, more := bytes.Cut(line, []byte(" "))
	var four bool
	switch string(family) {
	case "UNKNOWN": // whatever follows is to be ignored
		return h, end + 2, nil
	case "TCP4":
		four = true
	case "TCP6":
	default:
		more = false
	}
	var words [4][]byte
	for i := range words {
		if !more {
			return Header{}, 0, errWords
		}
		words[i], rest, more = bytes.Cut(rest, []byte(" "))
	}
	if more {
		return Header{}, 0, errWords
	}
	if h.Source, err = addrPort(words[0], words[2], four); err == nil {
		h.Destination, err = addrPort(words[1], words[3], four)
	}
	if err != nil {
		return Header{}, 0, err
	}
	return h, end + 2, nil
}

func addrPort(addr, port []byte, four bool) (ap netip.AddrPort, err error) {
	a, ok := iptext.Parse(addr)
	if !ok || a.Is4() != four {
		return ap, errAddress
	}
	if len(port) == 0 || len(port) > len("65535") || port[0] == '0' && len(port) > 1 {
		return ap, errPort
	}
	v := 0
	for _, c := range port {
		if c < '0' || c > '9' {
			return ap, errPort
		}
		v = v*10 + int(c-'0')
	}
	if v > 65535 {
		return ap, errPort
	}
	return netip.AddrPortFrom(a.Unmap(), uint16(v)), nil
}

// The layout of version 2.
const (
	fixedBytes = len(signature2) + 4 // version and command, family and transport, length
	commandOff = len(signature2)
	familyOff  = commandOff + 1
	lengthOff  = familyOff + 1

	inetBytes  = 4 + 4 + 2 + 2
	inet6Bytes = 16 + 16 + 2 + 2
	unixBytes  = 108 + 108
)

// parse2 looks at the bytes in their order, so that what is wrong early is found before the rest has come.
func parse2(b []byte) (h Header, n int, err error) {
	if len(b) <= commandOff {
		return h, 0, nil
	}
	switch c := b[commandOff]; {
	case c>>4 != 2:
		return h, 0, errVersion
	case c&0xf > 1:
		return h, 0, errCommand
	}
	local := b[commandOff]&0xf == 0
	if len(b) <= familyOff {
		return h, 0, nil
	}
	family := b[familyOff]
	if !local && !knownFamily(family) {
		return h, 0, errFamily
	}
	if len(b) < fixedBytes {
		return h, 0, nil
	}
	n = fixedBytes + int(binary.BigEndian.Uint16(b[lengthOff:]))
	if n > headerBytesMax {
		return h, 0, errTooLong
	}
	if len(b) < n {
		return h, 0, nil
	}
	h = Header{Version: 2, Local: local}
	if !local { // of LOCAL the block is to be discarded, its family too
		if err = h.block(b[:n], family); err != nil {
			return Header{}, 0, err
		}
	}
	return h, n, nil
}

// knownFamily accepts what section 2.2 lists: AF_UNSPEC, AF_INET, AF_INET6, AF_UNIX, each as stream and as datagram. Others
// must be rejected.
func knownFamily(f byte) bool {
	return f == 0 || f>>4 >= 1 && f>>4 <= 3 && (f&0xf == 1 || f&0xf == 2)
}

// block reads addresses and TLVs of a whole header.
func (h *Header) block(b []byte, family byte) error {
	size := [...]int{0, inetBytes, inet6Bytes, unixBytes}[family>>4]
	p := b[fixedBytes:]
	if len(p) < size {
		return errAddresses
	}
	switch family {
	case 0x00: // what an unspecified family holds is to be ignored, TLVs cannot be found in it
		return nil
	case 0x11:
		h.Source = ends(p[0:4], p[8:])
		h.Destination = ends(p[4:8], p[10:])
	case 0x21:
		h.Source = ends(p[0:16], p[32:])
		h.Destination = ends(p[16:32], p[34:])
	}
	return checkTLVs(b, fixedBytes+size)
}

func ends(addr, port []byte) netip.AddrPort {
	a, _ := netip.AddrFromSlice(addr)
	return netip.AddrPortFrom(a.Unmap(), binary.BigEndian.Uint16(port))
}

// tlvCRC is the only TLV that is interpreted (PP2_TYPE_CRC32C, section 2.2.3). ALPN, server name, TLS and the
// rest are skipped.
const tlvCRC = 0x03

// checkTLVs walks the TLVs of a whole header from i on, and checks its CRC32c if it has one.
func checkTLVs(b []byte, i int) error {
	sum := 0 // where the checksum stands
	for i < len(b) {
		if len(b)-i < 3 {
			return errTLV
		}
		kind, value := b[i], i+3
		i = value + int(binary.BigEndian.Uint16(b[i+1:]))
		if i > len(b) {
			return errTLV
		}
		if kind == tlvCRC {
			if i-value != crc32.Size || sum != 0 {
				return errCRCForm
			}
			sum = value
		}
	}
	if sum != 0 && checksum(b, sum) != binary.BigEndian.Uint32(b[sum:]) {
		return errCRC
	}
	return nil
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum is that of a header in which the four bytes at i are zero.
func checksum(b []byte, i int) uint32 {
	c := crc32.Update(0, castagnoli, b[:i])
	c = crc32.Update(c, castagnoli, zeros[:])
	return crc32.Update(c, castagnoli, b[i+crc32.Size:])
}

var zeros [crc32.Size]byte
