package cluster

import (
	"net"
	"strings"
	"testing"
)

// FuzzAddress: what is accepted can be connected to as far as its form says, and nothing panics.
func FuzzAddress(f *testing.F) {
	for _, s := range []string{
		"a:1", "10.0.0.1:80", "[::1]:443", "unix:/x", "unix:", ":80", "a:0", "a:65536", "[::1", "a:b:c", "[fe80::1%lo]:1",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, addr string) {
		host, port, err := splitAddress(addr)
		switch {
		case err != nil:
		case host == "":
			if path, ok := strings.CutPrefix(addr, "unix:"); !ok || path == "" || port != "" {
				t.Errorf("%q has no host and is not unix:PATH", addr)
			}
		default:
			if n, err := net.LookupPort("tcp", port); err != nil || n < 1 || n > 65535 {
				t.Errorf("%q has the port %q", addr, port)
			}
			if _, _, err := net.SplitHostPort(net.JoinHostPort(host, port)); err != nil {
				t.Errorf("%q: %v", addr, err)
			}
			isName(host)
		}
	})
}
