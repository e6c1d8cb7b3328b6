package sys

import (
	"encoding/binary"
	"fmt"
	"math"
	"net"
	"strconv"
	"syscall"
)

// Offsets and sizes of struct sockaddr_in, sockaddr_in6 and sockaddr_un: ip(7), ipv6(7), unix(7).
const (
	sockaddrInBytes  = 16
	sockaddrIn6Bytes = 28
	sunPathAt        = 2
	sunPathBytes     = 108
)

// Sockaddr is a socket address as the kernel writes it. It is a value without pointers: where a kernel
// reads it later, it must stand in memory that does not move.
type Sockaddr struct {
	raw [112]byte // struct sockaddr_un has 110 bytes and is the longest
	n   uint32
}

// Bytes is the part that is in use.
func (a *Sockaddr) Bytes() []byte { return a.raw[:a.n] }

// Family is AF_INET, AF_INET6 or AF_UNIX.
func (a *Sockaddr) Family() int { return int(binary.NativeEndian.Uint16(a.raw[:])) }

// Encode fills a from a *net.TCPAddr or a *net.UnixAddr. An address of IPv4 is one of AF_INET unless
// network is "tcp6"; a nil address or IP is the wildcard of the network's family ("tcp": AF_INET6), and a nil *net.UnixAddr has no
// name.
func (a *Sockaddr) Encode(network string, addr net.Addr) error {
	switch t := addr.(type) {
	case *net.TCPAddr:
		if t == nil {
			t = new(net.TCPAddr)
		}
		return a.encodeTCP(network, t)
	case *net.UnixAddr:
		if t == nil {
			t = new(net.UnixAddr)
		}
		return a.encodeUnix(t)
	default:
		return fmt.Errorf("socket address of type %T: %w", addr, syscall.EAFNOSUPPORT)
	}
}

// EncodeLocal fills a from the address to connect from to another. As with package net, an IP that is not specified is the wildcard
// of the other's family.
func (a *Sockaddr) EncodeLocal(network string, local net.Addr, to *Sockaddr) error {
	if t, ok := local.(*net.TCPAddr); ok && network == "tcp" {
		network = "tcp6"
		if to.Family() == syscall.AF_INET {
			network = "tcp4"
		}
		if t != nil && t.IP.IsUnspecified() {
			local = &net.TCPAddr{Port: t.Port, Zone: t.Zone}
		}
	}
	if err := a.Encode(network, local); err != nil {
		return err
	}
	if a.Family() != to.Family() {
		return fmt.Errorf("local address %v for %v: %w", local, to.Addr(), syscall.EAFNOSUPPORT)
	}
	return nil
}

func (a *Sockaddr) encodeTCP(network string, t *net.TCPAddr) error {
	if t.Port < 0 || t.Port > math.MaxUint16 { // of which there would be left another port
		return fmt.Errorf("port %d, from 0 to %d: %w", t.Port, math.MaxUint16, syscall.EINVAL)
	}
	ip4 := t.IP.To4()
	if network == "tcp4" && len(t.IP) == 0 {
		ip4 = net.IPv4zero.To4()
	}
	binary.BigEndian.PutUint16(a.raw[2:], uint16(t.Port))
	if ip4 != nil && network != "tcp6" {
		binary.NativeEndian.PutUint16(a.raw[:], syscall.AF_INET)
		copy(a.raw[4:8], ip4)
		clear(a.raw[8:sockaddrInBytes])
		a.n = sockaddrInBytes
		return nil
	}
	ip := t.IP.To16()
	if (ip4 != nil && !t.IP.IsUnspecified()) || (ip == nil && len(t.IP) != 0) || network == "tcp4" {
		return &net.AddrError{Err: "address does not fit network " + network, Addr: t.String()}
	}
	if ip == nil || ip4 != nil {
		ip = net.IPv6unspecified
	}
	binary.NativeEndian.PutUint16(a.raw[:], syscall.AF_INET6)
	clear(a.raw[4:8])
	copy(a.raw[8:24], ip)
	binary.NativeEndian.PutUint32(a.raw[24:], zoneID(t.Zone))
	a.n = sockaddrIn6Bytes
	return nil
}

func (a *Sockaddr) encodeUnix(t *net.UnixAddr) error {
	name := t.Name
	// A path ends with a zero byte. An abstract name, written with @ or as it is, starts with one and has no end but
	// the length.
	abstract := name != "" && (name[0] == '@' || name[0] == 0)
	if len(name) > sunPathBytes || len(name) == sunPathBytes && !abstract {
		return fmt.Errorf("unix socket address of %d bytes, at most %d: %w",
			len(name), sunPathBytes-1, syscall.EINVAL)
	}
	binary.NativeEndian.PutUint16(a.raw[:], syscall.AF_UNIX)
	clear(a.raw[sunPathAt:])
	copy(a.raw[sunPathAt:], name)
	a.n = uint32(sunPathAt + len(name))
	switch {
	case name == "":
	case abstract:
		a.raw[sunPathAt] = 0
	default:
		a.n++
	}
	return nil
}

// Addr is a as package net writes it: a *net.TCPAddr or *net.UnixAddr, or nil for another family. A socket without a name
// (unix(7)) is called @ there.
func (a *Sockaddr) Addr() net.Addr { return a.addr(new(TCPRoom)) }

// TCPRoom is memory for an address of TCP, all of it in one piece.
type TCPRoom struct {
	addr net.TCPAddr
	ip   [net.IPv6len]byte
}

// set makes it an address.
func (r *TCPRoom) set(ip []byte, port int, zone string) net.Addr {
	n := copy(r.ip[:], ip)
	r.addr = net.TCPAddr{IP: r.ip[:n:n], Port: port, Zone: zone}
	return &r.addr
}

// addr is Addr, with room for an address of TCP.
func (a *Sockaddr) addr(room *TCPRoom) net.Addr {
	if a.n < sunPathAt {
		return nil
	}
	switch a.Family() {
	case syscall.AF_INET:
		return room.set(a.raw[4:8], a.port(), "")
	case syscall.AF_INET6:
		zone := zoneName(binary.NativeEndian.Uint32(a.raw[24:]))
		return room.set(a.raw[8:24], a.port(), zone)
	case syscall.AF_UNIX:
		return &net.UnixAddr{Name: a.unixName(), Net: "unix"}
	}
	return nil
}

func (a *Sockaddr) port() int { return int(binary.BigEndian.Uint16(a.raw[2:])) }

func (a *Sockaddr) unixName() string {
	path := a.raw[sunPathAt:min(int(a.n), sunPathAt+sunPathBytes)]
	if len(path) == 0 {
		return "@"
	}
	if path[0] == 0 {
		return "@" + string(path[1:])
	}
	for i, c := range path {
		if c == 0 {
			return string(path[:i])
		}
	}
	return string(path)
}

// zoneID is the interface index that a zone names, by name or number; 0 when there is none.
func zoneID(zone string) uint32 {
	if zone == "" {
		return 0
	}
	if ifi, err := net.InterfaceByName(zone); err == nil {
		return uint32(ifi.Index)
	}
	n, _ := strconv.ParseUint(zone, 10, 32)
	return uint32(n)
}

func zoneName(id uint32) string {
	if id == 0 {
		return ""
	}
	if ifi, err := net.InterfaceByIndex(int(id)); err == nil {
		return ifi.Name
	}
	return strconv.FormatUint(uint64(id), 10)
}
