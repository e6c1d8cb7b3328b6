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
type Summary = figures.Summary[Case, Contender, Sample, Row]

// Summarise makes the accounts of all cases, in the order in which the samples name them. Contenders that are not in the
// table follow those that are.
func Summarise(samples []Sample) []Summary {
	return figures.SummariesOf(samples, Contenders(), func(s *Sample) (Case, Contender) { return s.Case, s.Contender }, newRow)
}

func newRow(c Contender, samples []Sample) (Row, []Sample) {
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
	}, samples
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
