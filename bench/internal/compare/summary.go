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
	Procs int

	CPUNs   figures.Spread // per message
	Poller  figures.Spread // the part of it that the kernel's polling threads used, in nanoseconds
	VsNet   figures.Spread // CPU as a ratio to net's in the same round
	VsFloor figures.Spread // to the C server on the same kernel interface
	Enters  figures.Spread
	Rate    figures.Spread
	P50     time.Duration // medians of the rounds
	P99     time.Duration
	P99_9   time.Duration
}

// Summary is the account of one case, in the order of Contenders.
type Summary = figures.Summary[Case, Contender, Sample, Row]

// Summarise makes the accounts of all cases, in the order in which the samples name them. Contenders that the
// table does not know follow those that it knows.
func Summarise(samples []Sample) []Summary {
	order := slices.Concat(Echo.Contenders, HTTPSuite.Contenders)
	all := figures.SummariesOf(samples, order, func(s *Sample) (Case, Contender) { return s.Case, s.Contender }, bestRow)
	for i := range all {
		s := &all[i]
		for j := range s.Rows {
			r := &s.Rows[j]
			r.VsNet = s.Ratio(r.Contender, s.Case.suite().Base, cpuNs)
			r.VsFloor = s.Ratio(r.Contender, r.Floor(), cpuNs)
		}
	}
	return all
}

// bestRow is the account of a contender at the GOMAXPROCS that suits it better: with the lower median of CPU.
func bestRow(c Contender, samples []Sample) (best Row, counted []Sample) {
	by := map[int][]Sample{}
	for _, s := range samples {
		by[s.Procs] = append(by[s.Procs], s)
	}
	for _, procs := range slices.Sorted(maps.Keys(by)) {
		if r := newRow(c, by[procs]); counted == nil || r.CPUNs.Median < best.CPUNs.Median {
			best, counted = r, by[procs]
		}
	}
	return best, counted
}

func newRow(c Contender, samples []Sample) Row {
	of := func(figure func(*Sample) float64) figures.Spread {
		return figures.SpreadOf(figures.ValuesOf(samples, figure))
	}
	return Row{
		Contender: c, Procs: samples[0].Procs,
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
