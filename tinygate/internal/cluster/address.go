package cluster

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/unio-go/unio/tinygate/internal/config"
)

// splitAddress takes HOST:PORT apart. For unix:PATH host and port are empty.
func splitAddress(addr string) (host, port string, err error) {
	if path, ok := strings.CutPrefix(addr, "unix:"); ok {
		if path == "" {
			return "", "", errors.New("has no path: write unix:/path")
		}
		return "", "", nil
	}
	host, port, err = net.SplitHostPort(addr)
	if err != nil || host == "" {
		return "", "", errors.New("is not HOST:PORT or unix:/path")
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", "", fmt.Errorf("has the port %q: a port is a number from 1 to 65535", port)
	}
	return host, port, nil
}

// isName reports whether host has to be resolved.
func isName(host string) bool {
	_, err := netip.ParseAddr(host)
	return err != nil && host != ""
}

// validate refuses what would not work, so that Apply changes all or nothing.
func (s *Set) validate(ups []*config.Upstream) error {
	seen := map[string]bool{}
	for _, up := range ups {
		if seen[up.Name] {
			return fmt.Errorf("upstream %s is there twice: give one of them another name", up.Name)
		}
		seen[up.Name] = true
		if err := s.validateOne(up); err != nil {
			return fmt.Errorf("upstream %s: %w", up.Name, err)
		}
	}
	return nil
}

func (s *Set) validateOne(up *config.Upstream) error {
	if err := validateServers(up.Servers); err != nil {
		return err
	}
	if e := up.Eject; e.Failures > 0 && e.For <= 0 {
		return fmt.Errorf("servers are ejected for %v: give a time above 0, or 0 failures to eject none", e.For)
	}
	if up.Health != nil && up.Health.HTTP && up.TLS != nil && s.o.TLS == nil {
		return errors.New("a health check by HTTPS needs Options.TLS")
	}
	return validateHealth(up.Health)
}

func validateServers(all []config.Server) error {
	seen := map[string]bool{}
	for _, e := range all {
		if _, _, err := splitAddress(e.Address); err != nil {
			return fmt.Errorf("server %q %w", e.Address, err)
		}
		if e.Weight < 1 || e.Weight > weightMax {
			return fmt.Errorf("server %s has weight %d: a weight is from 1 to %d", e.Address, e.Weight, weightMax)
		}
		if seen[e.Address] {
			return fmt.Errorf("server %s is there twice: give one entry the sum of the weights", e.Address)
		}
		seen[e.Address] = true
	}
	return nil
}

// validateHealth checks a health check. Nil is none.
func validateHealth(h *config.Health) error {
	if h == nil {
		return nil
	}
	if h.Interval <= 0 || h.Timeout <= 0 || h.Rise < 1 || h.Fall < 1 {
		return errors.New("a health check needs an interval and a timeout above 0, and rise and fall of 1 or more")
	}
	if h.HTTP {
		if u, err := url.ParseRequestURI(h.Path); err != nil || u.Host != "" || h.Path[0] != '/' {
			return fmt.Errorf("a health check has the path %q: a path begins with / and is percent-encoded", h.Path)
		}
	}
	return nil
}
