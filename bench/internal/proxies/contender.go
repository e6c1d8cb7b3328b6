package proxies

import (
	"fmt"
	"slices"
	"strings"
)

// Contender is a proxy, by its name.
type Contender string

// The contenders.
const (
	TinygateUring Contender = "tinygate-uring"
	TinygateEpoll Contender = "tinygate-epoll"
	TinygateStd   Contender = "tinygate-std"
	Nginx         Contender = "nginx"
	Haproxy       Contender = "haproxy"
	HTTPUtil      Contender = "httputil"
	FastHTTP      Contender = "fasthttp"
)

// Contenders lists all in the order of the tables.
func Contenders() []Contender {
	return []Contender{TinygateUring, TinygateEpoll, TinygateStd, Nginx, Haproxy, HTTPUtil, FastHTTP}
}

// engine is that of a tinygate, "" for others.
func (c Contender) engine() string {
	engine, is := strings.CutPrefix(string(c), "tinygate-")
	if !is {
		return ""
	}
	return engine
}

// benchPrefix heads the names of samples.
const benchPrefix = "Proxies"

// benchName is a sample's name in the Go benchmark format, without "Benchmark".
func benchName(c Contender, cs Case) string {
	return fmt.Sprintf("%s/proxy=%s/case=%s", benchPrefix, c, cs)
}

// parseBenchName undoes benchName.
func parseBenchName(name string) (Contender, Case, error) {
	rest, ours := strings.CutPrefix(name, benchPrefix+"/proxy=")
	proxy, cs, whole := strings.Cut(rest, "/case=")
	if !ours || !whole {
		return "", "", fmt.Errorf("benchmark name %q: not one of ours", name)
	}
	if c := Contender(proxy); !slices.Contains(Contenders(), c) || !knownCase(Case(cs)) {
		return "", "", fmt.Errorf("benchmark name %q: there is no such proxy or case", name)
	}
	return Contender(proxy), Case(cs), nil
}
