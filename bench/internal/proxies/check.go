package proxies

import (
	"io"
	"math"

	"github.com/unio-go/unio/bench/internal/figures"
)

// Finding is one line of the check. All limits are upper ones.
type Finding = figures.Finding[Case]

// none stands for a bound, goal or measurement that does not exist.
var none = math.NaN()

// rule derives one finding from the summary of its case.
type rule struct {
	cs          Case
	what        string
	bound, goal float64
	seen        func(*Summary) float64
}

// cpu is a contender's CPU per request as a ratio to another's in the same round, p99 its latency alike.
func cpu(c, base Contender) func(*Summary) float64 {
	return func(s *Summary) float64 { return s.Ratio(c, base, cpuOf).Median }
}

func p99(c, base Contender) func(*Summary) float64 {
	return func(s *Summary) float64 { return s.Ratio(c, base, p99Of).Median }
}

// promises are those of CPU per request as a ratio to nginx's: on uring with a goal, and on epoll. Nowhere may it be more than haproxy's.
var promises = []struct {
	cs                 Case
	uring, goal, epoll float64
}{
	{Small, 0.82, 0.75, 0.91},
	{Many, 0.79, 0.70, 0.90},
	{Browser, 0.80, 0.72, 0.89},
	{Post1K, 0.76, 0.68, 0.84},
	{Post64K, 1.05, 0.80, 1.10},
	{Get16K, 0.74, 0.66, 0.84},
	{Get1M, 0.90, 0.50, 1.05},
	{Fresh, 0.89, 0.78, 1.05},
	{One, 0.95, 0.85, 1.05},
	{Rate20K, 0.95, 0.85, 0.98},
	{TLS, 0.92, 0.85, 1.00},
	{HandshakeECDSA, 1.10, none, 1.10},
}

// slowest bounds the p99 as a ratio to nginx's, in the cases where it is the proxy's and not mostly queueing.
var slowest = map[Case]float64{Get1M: 2, Rate20K: 1.25}

// rules are the promises.
func rules() []rule {
	var all []rule
	engines := []Contender{TinygateUring, TinygateEpoll}
	for _, p := range promises {
		all = append(all,
			rule{p.cs, "uring of nginx", p.uring, p.goal, cpu(TinygateUring, Nginx)},
			rule{p.cs, "epoll of nginx", p.epoll, none, cpu(TinygateEpoll, Nginx)})
		for _, c := range engines {
			all = append(all, rule{p.cs, c.engine() + " of haproxy", 1, none, cpu(c, Haproxy)})
		}
		if bound, is := slowest[p.cs]; is {
			for _, c := range engines {
				all = append(all, rule{p.cs, c.engine() + ": p99 of nginx's", bound, none, p99(c, Nginx)})
			}
		}
	}
	for _, c := range engines {
		all = append(all, rule{Logged, c.engine() + ", with its log of without", 1.02, none, cpu(c+withLog, c)})
	}
	all = append(all, rule{Logged, "nginx, with its log of without", none, none, cpu(NginxLog, Nginx)})
	for _, cs := range []Case{Rate5K, HandshakeRSA} {
		for _, c := range engines {
			all = append(all, rule{cs, c.engine() + " of nginx", none, none, cpu(c, Nginx)})
		}
	}
	return all
}

// Check holds the medians of a run against the bounds.
func Check(summaries []Summary) []Finding {
	var findings []Finding
	for _, r := range rules() {
		f := Finding{Case: r.cs, What: r.what, Limit: figures.Limit{Bound: r.bound, Goal: r.goal}, Seen: none}
		for i := range summaries {
			if summaries[i].Case == r.cs {
				f.Seen = r.seen(&summaries[i])
			}
		}
		findings = append(findings, f)
	}
	return findings
}

// WriteCheck prints the findings and returns how many bounds are broken.
func WriteCheck(w io.Writer, findings []Finding) (broken int, err error) {
	return figures.WriteFindings(w, "tinygate's CPU per request (ratio), unless said", findings,
		func(_ figures.Limit, v float64) string { return figures.Number(v, 2) })
}
