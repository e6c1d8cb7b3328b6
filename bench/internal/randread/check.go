package randread

import (
	"io"
	"math"

	"github.com/unio-go/unio/bench/internal/figures"
)

// Finding is one line of the check.
type Finding = figures.Finding[Case]

// none stands for a bound, goal or measurement that does not exist.
var none = math.NaN()

// justAbove1 is the bound of what must be more than one.
var justAbove1 = math.Nextafter(1, 2)

// threadsMax is how many threads a run on uring may have, those of the kernel included.
const threadsMax = 8

var (
	uringReadAt = Contender{"uring", apiReadAt}
	uringBatch  = Contender{"uring", apiBatch}
	uringTask   = Contender{"uring", apiTask}
)

// rule derives one finding from the summary of its case.
type rule struct {
	cs          Case
	what        string
	atLeast     bool
	bound, goal float64
	seen        func(*Summary) float64
}

// rate, cpu and latency are ratios of a contender to another: of rates and CPU times within the rounds, of latencies of
// the medians.
func rate(c, base Contender) func(*Summary) float64 {
	return func(s *Summary) float64 { return s.Ratio(c, base, rateOf).Median }
}

func cpu(c, base Contender) func(*Summary) float64 {
	return func(s *Summary) float64 { return s.Ratio(c, base, cpuOf).Median }
}

func latency(c, base Contender, of func(*Row) float64) func(*Summary) float64 {
	return func(s *Summary) float64 {
		r, b := s.Row(c), s.Row(base)
		if r == nil || b == nil || of(b) == 0 {
			return none
		}
		return of(r) / of(b)
	}
}

func p99(r *Row) float64  { return float64(r.P99) }
func p999(r *Row) float64 { return float64(r.P99_9) }

// directRules are the promises for O_DIRECT.
func directRules() []rule {
	at := func(depth int) Case { return Case{Cache: Direct, Depth: depth, Mode: ModeDefault} }
	var all []rule
	for _, depth := range []int{32, 512} {
		ahead := map[int]float64{32: 1.25, 512: 1.5}[depth]
		all = append(all,
			rule{at(depth), "uring/readat: rate of fio fixed", true, 0.90, none, rate(uringReadAt, contenderFioFixed)},
			rule{at(depth), "uring/readat: CPU of fio fixed", false, 1.30, 1.05, cpu(uringReadAt, contenderFioFixed)},
			rule{at(depth), "uring/batch: CPU of fio fixed", false, 0.90, none, cpu(uringBatch, contenderFioFixed)},
			rule{at(depth), "uring/readat: rate of os", true, ahead, 2, rate(uringReadAt, contenderOS)},
			rule{at(depth), "uring/readat: CPU of os", false, 0.5, none, cpu(uringReadAt, contenderOS)})
	}
	return append(all,
		rule{at(32), "uring/task: CPU of fio batched", false, 1.40, 1.0, cpu(uringTask, contenderFioBatch)},
		rule{at(512), "uring/task: CPU of fio batched", false, 1.15, 1.0, cpu(uringTask, contenderFioBatch)},
		rule{at(512), "uring/batch: CPU of fio batched", false, 1.15, 1.0, cpu(uringBatch, contenderFioBatch)},
		rule{at(512), "uring/readat: p99.9 of os", false, 1.0 / 5, 1.0 / 20, latency(uringReadAt, contenderOS, p999)})
}

// rules are all promises.
func rules() []rule {
	all := directRules()
	for _, depth := range Depths {
		at := func(cache Cache) Case { return Case{Cache: cache, Depth: depth, Mode: ModeDefault} }
		for _, cache := range []Cache{Cold, Mix90} {
			all = append(all,
				rule{at(cache), "uring/readat: rate of mmap", true, justAbove1, none, rate(uringReadAt, contenderMmap)},
				rule{at(cache), "uring/readat: rate of os", true, justAbove1, none, rate(uringReadAt, contenderOS)})
		}
		all = append(all,
			rule{at(Mix99), "uring/readat: rate of mmap", true, 0.9, none, rate(uringReadAt, contenderMmap)},
			rule{at(Cached), "uring/readat: CPU of os", false, 1.10, none, cpu(uringReadAt, contenderOS)},
			rule{at(Cached), "mmap stays ahead: uring/readat: rate of mmap", true, none, none, rate(uringReadAt, contenderMmap)})
	}
	for _, cache := range []Cache{Direct, Cold} {
		all = append(all, rule{Case{Cache: cache, Depth: midDepth, Busy: true, Mode: ModeDefault}, "uring/readat: p99 of os",
			false, 1, none, latency(uringReadAt, contenderOS, p99)})
	}
	return all
}

// Check holds a run against the bounds.
func Check(summaries []Summary) []Finding {
	var findings []Finding
	for _, r := range rules() {
		f := Finding{Case: r.cs, What: r.what, Limit: figures.Limit{AtLeast: r.atLeast, Bound: r.bound, Goal: r.goal}, Seen: none}
		for i := range summaries {
			if summaries[i].Case == r.cs {
				f.Seen = r.seen(&summaries[i])
			}
		}
		findings = append(findings, f)
	}
	return append(findings, checkThreads(summaries)...)
}

// checkThreads finds, for each case, the contender on uring with the most threads.
func checkThreads(summaries []Summary) (findings []Finding) {
	for i := range summaries {
		s := &summaries[i]
		f := Finding{Case: s.Case, Limit: figures.Limit{Bound: threadsMax, Goal: none}, Seen: none}
		for j := range s.Rows {
			r := &s.Rows[j]
			if r.Engine == "uring" && (math.IsNaN(f.Seen) || r.threads() > f.Seen) {
				f.Seen, f.What = r.threads(), r.String()+": threads, kernel workers included"
			}
		}
		if f.What != "" {
			findings = append(findings, f)
		}
	}
	return findings
}

// WriteCheck prints the findings and returns how many bounds are broken.
func WriteCheck(w io.Writer, findings []Finding) (broken int, err error) {
	return figures.WriteFindings(w, "what, as a ratio unless said", findings, limitText)
}

// limitText prints a bound or a goal.
func limitText(l figures.Limit, v float64) string {
	switch {
	case math.IsNaN(v):
		return "-"
	case l.AtLeast && v == justAbove1:
		return "> 1"
	case l.AtLeast:
		return "≥ " + figures.Number(v, 2)
	}
	return "≤ " + figures.Number(v, 2)
}
