package randread

import (
	"math"
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
	var all []Summary
	for _, p := range figures.PartsOf(samples, Contenders(), func(s *Sample) (Case, Contender) { return s.Case, s.Contender }) {
		if n := len(all); n == 0 || all[n-1].Case != p.Case {
			all = append(all, Summary{Case: p.Case})
		}
		s := &all[len(all)-1]
		s.Rows = append(s.Rows, newRow(p.Contender, p.Samples))
	}
	return all
}

func newRow(c Contender, samples []Sample) Row {
	of := func(figure func(*Sample) float64) figures.Spread {
		return figures.SpreadOf(figures.ValuesOf(samples, figure))
	}
	median := func(f func(*Sample) time.Duration) time.Duration {
		return time.Duration(of(func(s *Sample) float64 { return float64(f(s)) }).Median)
	}
	return Row{
		Contender: c, samples: samples,
		Rate:     of(rateOf),
		CPUNs:    of(cpuOf),
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

// ratio is that of two contenders.
func (s *Summary) ratio(c, base Contender, figure func(*Sample) float64) figures.Spread {
	r, b := s.Row(c), s.Row(base)
	if r == nil || b == nil {
		return figures.SpreadOf(nil)
	}
	return figures.RatioOf(figures.ValuesOf(r.samples, figure), figures.ValuesOf(b.samples, figure))
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
