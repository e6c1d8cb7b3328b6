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

	TinygateUringLog Contender = TinygateUring + withLog
	TinygateEpollLog Contender = TinygateEpoll + withLog
	NginxLog         Contender = Nginx + withLog
)

// withLog ends the names of contenders that write an access log.
const withLog = "-log"

// Contenders lists all in the order of the tables.
func Contenders() []Contender {
	return []Contender{TinygateUring, TinygateUringLog, TinygateEpoll, TinygateEpollLog, TinygateStd, Nginx, NginxLog, Haproxy,
		HTTPUtil, FastHTTP}
}

// engine is that of a tinygate, "" for others.
func (c Contender) engine() string {
	engine, is := strings.CutPrefix(strings.TrimSuffix(string(c), withLog), "tinygate-")
	if !is {
		return ""
	}
	return engine
}

// logs reports whether a contender writes an access log.
func (c Contender) logs() bool { return strings.HasSuffix(string(c), withLog) }

// takesPart reports whether a contender is measured in a case. Those that write an access log are in Logged, beside what they are without.
func (c Contender) takesPart(cs Case) bool {
	if cs == Logged {
		return c.logs() || slices.Contains(Contenders(), c+withLog)
	}
	return !c.logs()
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
