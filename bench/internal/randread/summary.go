package randread

import (
	"math"
	"slices"
	"time"

	"github.com/unio-go/unio/bench/internal/figures"
)

// Row is one contender's account of a case.
type Row struct {
	Contender
	samples []Sample // by round

	Rate     figures.Spread // reads per second
	CPUNs    figures.Spread // per read
	Process  figures.Spread // fio's, by the process' resource usage
	P50      time.Duration  // medians of the rounds
	P90      time.Duration
	P99      time.Duration
	P99_9    time.Duration
	P99_99   time.Duration
	Max      time.Duration // the greatest of all rounds
	Threads  float64       // the most of all rounds
	Workers  float64
	Enters   figures.Spread
	Switches figures.Spread
	Spins    figures.Spread
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

// Summarise makes the accounts of all cases, in the order in which the samples name them. Contenders that are not in the
// table follow those that are.
func Summarise(samples []Sample) []Summary {
	order := Contenders()
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
				all[i].Rows = append(all[i].Rows, newRow(c, mine))
			}
		}
	}
	return all
}

func newRow(c Contender, samples []Sample) Row {
	of := func(f func(*Sample) float64) figures.Spread {
		values := make([]float64, len(samples))
		for i := range samples {
			values[i] = f(&samples[i])
		}
		return figures.SpreadOf(values)
	}
	median := func(f func(*Sample) time.Duration) time.Duration {
		return time.Duration(of(func(s *Sample) float64 { return float64(f(s)) }).Median)
	}
	return Row{
		Contender: c, samples: samples,
		Rate:     of(func(s *Sample) float64 { return s.Rate }),
		CPUNs:    of(func(s *Sample) float64 { return s.CPUNs }),
		Process:  of(func(s *Sample) float64 { return s.ProcessNs }),
		P50:      median(func(s *Sample) time.Duration { return s.P50 }),
		P90:      median(func(s *Sample) time.Duration { return s.P90 }),
		P99:      median(func(s *Sample) time.Duration { return s.P99 }),
		P99_9:    median(func(s *Sample) time.Duration { return s.P99_9 }),
		P99_99:   median(func(s *Sample) time.Duration { return s.P99_99 }),
		Max:      time.Duration(of(func(s *Sample) float64 { return float64(s.Max) }).Max),
		Threads:  of(func(s *Sample) float64 { return s.Threads }).Max,
		Workers:  of(func(s *Sample) float64 { return s.Workers }).Max,
		Enters:   of(func(s *Sample) float64 { return s.Enters }),
		Switches: of(func(s *Sample) float64 { return s.Switches }),
		Spins:    of(func(s *Sample) float64 { return s.SpinsPerUs }),
	}
}

// ratio divides a figure of two contenders within each round, so that what disturbed a whole round cancels out.
func (s *Summary) ratio(c, base Contender, figure func(*Sample) float64) figures.Spread {
	r, b := s.Row(c), s.Row(base)
	if r == nil || b == nil {
		return figures.SpreadOf(nil)
	}
	ratios := make([]float64, min(len(r.samples), len(b.samples)))
	for i := range ratios {
		ratios[i] = figure(&r.samples[i]) / figure(&b.samples[i])
		if math.IsInf(ratios[i], 0) {
			ratios[i] = math.NaN()
		}
	}
	return figures.SpreadOf(ratios)
}

func rateOf(s *Sample) float64 { return s.Rate }

func cpuOf(s *Sample) float64 { return s.CPUNs }

// threads is the most threads of a contender in a case, those of the kernel included.
func (r *Row) threads() float64 {
	if math.IsNaN(r.Workers) {
		return r.Threads
	}
	return r.Threads + r.Workers
}
