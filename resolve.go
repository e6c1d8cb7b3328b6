package unio

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"time"
)

// resolve turns an address into those to try, at least one. Literal addresses need no resolver; a name is looked up
// on a goroutine until the loop time by, if that is not 0, and so is a wildcard, which may be two addresses.
func (o *DialOptions) resolve(ctx context.Context, p *place, network, addr string, by int64) ([]net.Addr, error) {
	switch network {
	case "unix", "tcp", "tcp4", "tcp6":
	default:
		return nil, net.UnknownNetworkError(network)
	}
	if addr == "" {
		return nil, errMissingAddress
	}
	if network == "unix" {
		if _, ok := o.LocalAddr.(*net.UnixAddr); !ok && o.LocalAddr != nil {
			return nil, mismatch(o.LocalAddr)
		}
		return []net.Addr{&net.UnixAddr{Name: addr, Net: "unix"}}, nil
	}
	host, service, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	var addrs []net.Addr
	port, err := strconv.Atoi(service)
	if ip, notIP := netip.ParseAddr(host); err == nil && notIP == nil && !ip.IsUnspecified() && 0 <= port && port <= 65535 {
		if !isOf(network, ip.Unmap().Is4()) {
			return nil, unsuitable(host)
		}
		addrs = []net.Addr{net.TCPAddrFromAddrPort(netip.AddrPortFrom(ip, uint16(port)))}
	} else {
		if by != 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, time.Duration(by-p.In(0)))
			defer cancel()
		}
		Offload(func() { addrs, err = o.lookup(ctx, network, host, service) })
		if err != nil {
			return nil, dialCauseOr(ctx, err)
		}
	}
	return o.fitting(addrs)
}

// fitting leaves the addresses that can be reached from the local one.
func (o *DialOptions) fitting(addrs []net.Addr) ([]net.Addr, error) {
	if o.LocalAddr == nil {
		return addrs, nil
	}
	local, ok := o.LocalAddr.(*net.TCPAddr)
	if !ok {
		return nil, mismatch(o.LocalAddr)
	}
	if local == nil || local.IP == nil || local.IP.IsUnspecified() {
		return addrs, nil
	}
	isV4 := local.IP.To4() != nil
	if t := addrs[0].(*net.TCPAddr); len(addrs) == 1 && t.IP.IsUnspecified() { // this machine, by whichever family
		ip := net.IPv6unspecified
		if isV4 {
			ip = net.IPv4zero
		}
		return []net.Addr{&net.TCPAddr{IP: ip, Port: t.Port}}, nil
	}
	addrs = slices.DeleteFunc(addrs, func(a net.Addr) bool {
		return (a.(*net.TCPAddr).IP.To4() != nil) != isV4
	})
	if len(addrs) == 0 {
		return nil, mismatch(local)
	}
	return addrs, nil
}

func mismatch(local net.Addr) error {
	return &net.AddrError{Err: "mismatched local address type", Addr: local.String()}
}

// dialCauseOr prefers the reason why a context has ended.
func dialCauseOr(ctx context.Context, err error) error {
	if _, ok := errors.AsType[*net.DNSError](err); !ok && ctx.Err() != nil {
		return dialCause(ctx.Err())
	}
	return err
}

func (o *DialOptions) lookup(ctx context.Context, network, host, service string) ([]net.Addr, error) {
	r := o.Resolver
	if r == nil {
		r = net.DefaultResolver
	}
	port, err := r.LookupPort(ctx, network, service)
	if err != nil {
		return nil, err
	}
	if host == "" { // this machine, as for package net
		ip := net.IPv4zero
		if network == "tcp6" {
			ip = net.IPv6unspecified
		}
		return []net.Addr{&net.TCPAddr{IP: ip, Port: port}}, nil
	}
	ips, err := r.LookupIPAddr(ctx, host)
	if err != nil {
		return nil, err
	}
	if len(ips) == 1 && ips[0].IP.Equal(net.IPv6unspecified) { // which a machine may not be able to connect to
		ips = append(ips, net.IPAddr{IP: net.IPv4zero})
	}
	var addrs []net.Addr
	for _, ip := range ips {
		if isOf(network, ip.IP.To4() != nil) {
			addrs = append(addrs, &net.TCPAddr{IP: ip.IP, Port: port, Zone: ip.Zone})
		}
	}
	if len(addrs) == 0 {
		return nil, unsuitable(host)
	}
	return addrs, nil
}

// isOf reports whether an address of the family is one of the network.
func isOf(network string, v4 bool) bool { return network == "tcp" || v4 == (network == "tcp4") }

func unsuitable(host string) error {
	return &net.AddrError{Err: "no suitable address found", Addr: host}
}

var errMissingAddress = errors.New("missing address") // as package net says it
