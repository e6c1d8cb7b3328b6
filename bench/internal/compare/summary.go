package compare

import (
	"maps"
	"slices"
	"time"

	"github.com/unio-go/unio/bench/internal/figures"
)

// Row is one contender's account of a case.
type Row struct {
	Contender
	Procs   int
	samples []Sample // by round

	CPUNs   figures.Spread // per message
	Poller  figures.Spread // the part of it that the kernel's polling threads used, in nanoseconds
	VsNet   figures.Spread // CPU as a ratio to net's in the same round
	VsGnet  figures.Spread
	VsFloor figures.Spread // to the C server on the same kernel interface
	Enters  figures.Spread
	Rate    figures.Spread
	P50     time.Duration // medians of the rounds
	P99     time.Duration
	P99_9   time.Duration
}

// Summary is the account of one case, in the order of Contenders.
type Summary struct {
	Case Case
	Rows []Row
}

// Row finds a contender's account, nil where it was not measured.
func (s *Summary) Row(c Contender) *Row {
	for i := range s.Rows {
		if s.Rows[i].Contender == c {
			return &s.Rows[i]
		}
	}
	return nil
}

// Summarise makes the accounts of all cases, in the order in which the samples name them. Contenders that the
// table does not know follow those that it knows.
func Summarise(samples []Sample) []Summary {
	order := slices.Concat(Echo.Contenders, HTTPSuite.Contenders)
	var all []Summary
	for _, p := range figures.PartsOf(samples, order, func(s *Sample) (Case, Contender) { return s.Case, s.Contender }) {
		if n := len(all); n == 0 || all[n-1].Case != p.Case {
			all = append(all, Summary{Case: p.Case})
		}
		s := &all[len(all)-1]
		s.Rows = append(s.Rows, bestRow(p.Contender, p.Samples))
	}
	for i := range all {
		all[i].compare()
	}
	return all
}

// bestRow is the account of a contender at the GOMAXPROCS that suits it better: with the lower median of CPU.
func bestRow(c Contender, samples []Sample) Row {
	by := map[int][]Sample{}
	for _, s := range samples {
		by[s.Procs] = append(by[s.Procs], s)
	}
	var best Row
	for _, procs := range slices.Sorted(maps.Keys(by)) {
		if r := newRow(c, by[procs]); best.samples == nil || r.CPUNs.Median < best.CPUNs.Median {
			best = r
		}
	}
	return best
}

func newRow(c Contender, samples []Sample) Row {
	of := func(figure func(*Sample) float64) figures.Spread {
		return figures.SpreadOf(figures.ValuesOf(samples, figure))
	}
	return Row{
		Contender: c, Procs: samples[0].Procs, samples: samples,
		CPUNs:  of(cpuNs),
		Poller: of(func(s *Sample) float64 { return s.PollerNs }),
		Enters: of(func(s *Sample) float64 { return s.Enters }),
		Rate:   of(func(s *Sample) float64 { return s.Rate }),
		P50:    time.Duration(of(func(s *Sample) float64 { return float64(s.P50) }).Median),
		P99:    time.Duration(of(func(s *Sample) float64 { return float64(s.P99) }).Median),
		P99_9:  time.Duration(of(func(s *Sample) float64 { return float64(s.P99_9) }).Median),
	}
}

func cpuNs(s *Sample) float64 { return s.CPUNs }

// compare fills in the ratios.
func (s *Summary) compare() {
	net, gnet := s.Row(s.Case.suite().Base), s.Row(contenderGnet)
	for i := range s.Rows {
		r := &s.Rows[i]
		r.VsNet = r.cpuRatio(net)
		r.VsGnet = r.cpuRatio(gnet)
		r.VsFloor = r.cpuRatio(s.Row(r.Floor()))
	}
}

// cpuRatio is the ratio of CPU time to another contender's.
func (r *Row) cpuRatio(base *Row) figures.Spread {
	if base == nil {
		return figures.SpreadOf(nil)
	}
	return figures.RatioOf(figures.ValuesOf(r.samples, cpuNs), figures.ValuesOf(base.samples, cpuNs))
}
