package proxies

import (
	"github.com/unio-go/unio/bench/internal/figures"
)

// Row is one contender's account of a case.
type Row struct {
	Contender
	samples []Sample // by round

	CPUNs    figures.Spread // per request
	VsNginx  figures.Spread // CPU as a ratio to nginx's in the same round
	VsHap    figures.Spread // to haproxy's
	Rate     figures.Spread
	P50      float64 // nanoseconds, medians of the rounds
	P99      float64
	P99_9    float64
	Resident float64 // bytes, the most of all rounds
	Errors   int     // rounds whose sample is void
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

// Summarise makes the accounts of all cases, in the order in which the samples name them.
func Summarise(samples []Sample) []Summary {
	var all []Summary
	for _, p := range figures.PartsOf(samples, Contenders(), func(s *Sample) (Case, Contender) { return s.Case, s.Contender }) {
		if n := len(all); n == 0 || all[n-1].Case != p.Case {
			all = append(all, Summary{Case: p.Case})
		}
		s := &all[len(all)-1]
		s.Rows = append(s.Rows, newRow(p.Contender, p.Samples))
	}
	for i := range all {
		s := &all[i]
		for j := range s.Rows {
			r := &s.Rows[j]
			r.VsNginx, r.VsHap = s.ratio(r.Contender, Nginx, cpuOf), s.ratio(r.Contender, Haproxy, cpuOf)
		}
	}
	return all
}

func newRow(c Contender, samples []Sample) Row {
	of := func(figure func(*Sample) float64) figures.Spread {
		return figures.SpreadOf(figures.ValuesOf(samples, figure))
	}
	r := Row{
		Contender: c, samples: samples,
		CPUNs:    of(cpuOf),
		Rate:     of(func(s *Sample) float64 { return s.Rate }),
		P50:      of(func(s *Sample) float64 { return s.P50 }).Median,
		P99:      of(p99Of).Median,
		P99_9:    of(func(s *Sample) float64 { return s.P99_9 }).Median,
		Resident: of(func(s *Sample) float64 { return s.Resident }).Max,
	}
	for i := range samples {
		r.Errors += int(samples[i].Errors)
	}
	return r
}

// ratio is that of two contenders, taken within the rounds.
func (s *Summary) ratio(c, base Contender, figure func(*Sample) float64) figures.Spread {
	r, b := s.Row(c), s.Row(base)
	if r == nil || b == nil {
		return figures.SpreadOf(nil)
	}
	return figures.RatioOf(figures.ValuesOf(r.samples, figure), figures.ValuesOf(b.samples, figure))
}

func cpuOf(s *Sample) float64 { return s.CPUNs }

func p99Of(s *Sample) float64 { return s.P99 }
