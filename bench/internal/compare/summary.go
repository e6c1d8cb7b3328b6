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
	for _, s := range samples {
		if !slices.Contains(order, s.Contender) {
			order = append(order, s.Contender)
		}
		if !slices.ContainsFunc(all, func(x Summary) bool { return x.Case == s.Case }) {
			all = append(all, Summary{Case: s.Case})
		}
	}
	for i := range all {
		for _, c := range order {
			var mine []Sample
			for _, s := range samples {
				if s.Case == all[i].Case && s.Contender == c {
					mine = append(mine, s)
				}
			}
			if len(mine) > 0 {
				all[i].Rows = append(all[i].Rows, bestRow(c, mine))
			}
		}
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
	of := func(f func(Sample) float64) figures.Spread {
		values := make([]float64, len(samples))
		for i, s := range samples {
			values[i] = f(s)
		}
		return figures.SpreadOf(values)
	}
	return Row{
		Contender: c, Procs: samples[0].Procs, samples: samples,
		CPUNs:  of(func(s Sample) float64 { return s.CPUNs }),
		Poller: of(func(s Sample) float64 { return s.PollerNs }),
		Enters: of(func(s Sample) float64 { return s.Enters }),
		Rate:   of(func(s Sample) float64 { return s.Rate }),
		P50:    time.Duration(of(func(s Sample) float64 { return float64(s.P50) }).Median),
		P99:    time.Duration(of(func(s Sample) float64 { return float64(s.P99) }).Median),
		P99_9:  time.Duration(of(func(s Sample) float64 { return float64(s.P99_9) }).Median),
	}
}

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

// cpuRatio divides within each round, so that what disturbed a whole round cancels out.
func (r *Row) cpuRatio(base *Row) figures.Spread {
	if base == nil {
		return figures.SpreadOf(nil)
	}
	n := min(len(r.samples), len(base.samples))
	ratios := make([]float64, n)
	for i := range n {
		ratios[i] = r.samples[i].CPUNs / base.samples[i].CPUNs
	}
	return figures.SpreadOf(ratios)
}
