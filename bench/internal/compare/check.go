package compare

import (
	"io"
	"math"

	"github.com/unio-go/unio/bench/internal/figures"
)

// Finding is one line of the check. All limits are upper ones.
type Finding = figures.Finding[Case]

// none stands for a bound, goal or measurement that does not exist.
var none = math.NaN()

// justBelow1 is the bound of what must be less than one.
var justBelow1 = math.Nextafter(1, 0)

// rule derives one finding from the summary of its case.
type rule struct {
	cs          Case
	what        string
	bound, goal float64
	seen        func(*Summary) float64
	goalSeen    func(*Summary) float64 // where the goal is what another contender reached
}

var (
	uringRecv      = Contender{"uring", "recv"}
	epollRecv      = Contender{"epoll", "recv"}
	uringGoroutine = Contender{"uring", "goroutine"}
)

// rules are the promises. CPU per message in every line that does not say otherwise.
func rules() []rule {
	vs := func(c, base Contender) func(*Summary) float64 {
		return func(s *Summary) float64 { return s.Ratio(c, base, cpuNs).Median }
	}
	better := func(base Contender) func(*Summary) float64 {
		return func(s *Summary) float64 { return lesser(vs(uringRecv, base)(s), vs(epollRecv, base)(s)) }
	}
	net, gnet := contenderNet, contenderGnet
	return []rule{
		{cs: caseSmall, what: "uring/recv of net", bound: 0.85, goal: 0.76, seen: vs(uringRecv, net)},
		{cs: caseSmall, what: "uring/recv of gnet", bound: 0.83, goal: 0.74, seen: vs(uringRecv, gnet)},
		{cs: caseSmall, what: "uring/recv of C io_uring", bound: 1.06, goal: 0.95,
			seen: vs(uringRecv, contenderCUring)},
		{cs: caseSmall, what: "epoll/recv of net", bound: 0.90, goal: none, seen: vs(epollRecv, net)},
		{cs: caseSmall, what: "epoll/recv of gnet", bound: 0.88, goal: none, seen: vs(epollRecv, gnet)},
		{cs: caseSmall, what: "epoll/recv of C epoll", bound: 1.10, goal: 1.03,
			seen: vs(epollRecv, contenderCEpoll)},
		{cs: caseSmall, what: "uring/goroutine of net", bound: 0.90, goal: 0.80,
			seen: vs(uringGoroutine, net)},
		{cs: caseSmall, what: "uring/recv kernel entries per message", bound: justBelow1, goal: none,
			seen: func(s *Summary) float64 { return enters(s, uringRecv) }},
		{cs: caseMany, what: "uring/recv of net", bound: 0.80, goal: none, seen: vs(uringRecv, net)},
		{cs: caseMany, what: "epoll/recv of net", bound: 0.88, goal: none, seen: vs(epollRecv, net)},
		{cs: caseLarge, what: "better engine of net", bound: 0.80, goal: none, seen: better(net)},
		{cs: caseBulk, what: "better engine of gnet", bound: 1.00, goal: none, seen: better(gnet)},
		{cs: caseOne, what: "uring/recv of net", bound: 0.85, goal: none, seen: vs(uringRecv, net),
			goalSeen: vs(contenderCEpoll, net)},
		{cs: caseOne, what: "epoll/recv of net", bound: 0.85, goal: none, seen: vs(epollRecv, net),
			goalSeen: vs(contenderCEpoll, net)},
		{cs: caseOne, what: "uring/goroutine of net", bound: 1.00, goal: none, seen: vs(uringGoroutine, net)},
		{cs: caseHello, what: "uring/nethttp of net/nethttp", bound: 0.85, goal: 0.72,
			seen: vs(contenderUringHTTP, contenderNetHTTP)},
		{cs: caseHello, what: "epoll/nethttp of net/nethttp", bound: none, goal: none,
			seen: vs(contenderEpollHTTP, contenderNetHTTP)},
		{cs: caseOpen, what: "uring/recv p99 of net's p99", bound: none, goal: none,
			seen: func(s *Summary) float64 { return p99Of(s, uringRecv, net) }},
		{cs: caseOpen, what: "epoll/recv p99 of net's p99", bound: none, goal: none,
			seen: func(s *Summary) float64 { return p99Of(s, epollRecv, net) }},
	}
}

// Check holds the medians of a run against the bounds.
func Check(summaries []Summary) []Finding {
	var findings []Finding
	for _, r := range rules() {
		if len(summaries) > 0 && r.cs.suite() != summaries[0].Case.suite() {
			continue
		}
		f := Finding{Case: r.cs, What: r.what, Limit: figures.Limit{Bound: r.bound, Goal: r.goal}, Seen: none}
		for i := range summaries {
			if summaries[i].Case != r.cs {
				continue
			}
			f.Seen = r.seen(&summaries[i])
			if r.goalSeen != nil {
				f.Goal = r.goalSeen(&summaries[i])
			}
		}
		findings = append(findings, f)
	}
	return findings
}

// WriteCheck prints the findings and returns how many bounds are broken.
func WriteCheck(w io.Writer, findings []Finding) (broken int, err error) {
	return figures.WriteFindings(w, "CPU per message (ratio), unless said", findings,
		func(_ figures.Limit, v float64) string { return figures.Number(v, 2) })
}

func enters(s *Summary, c Contender) float64 {
	if r := s.Row(c); r != nil {
		return r.Enters.Median
	}
	return none
}

func p99Of(s *Summary, c, base Contender) float64 {
	r, b := s.Row(c), s.Row(base)
	if r == nil || b == nil || b.P99 == 0 {
		return none
	}
	return float64(r.P99) / float64(b.P99)
}

// lesser is the smaller of the two that were measured.
func lesser(a, b float64) float64 {
	if math.IsNaN(a) || b < a {
		return b
	}
	return a
}
