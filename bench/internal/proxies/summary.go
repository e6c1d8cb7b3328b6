package proxies

import (
	"github.com/unio-go/unio/bench/internal/figures"
)

// Row is one contender's account of a case.
type Row struct {
	Contender

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
type Summary = figures.Summary[Case, Contender, Sample, Row]

// Summarise makes the accounts of all cases, in the order in which the samples name them.
func Summarise(samples []Sample) []Summary {
	all := figures.SummariesOf(samples, Contenders(), func(s *Sample) (Case, Contender) { return s.Case, s.Contender }, newRow)
	for i := range all {
		s := &all[i]
		for j := range s.Rows {
			r := &s.Rows[j]
			r.VsNginx, r.VsHap = s.Ratio(r.Contender, Nginx, cpuOf), s.Ratio(r.Contender, Haproxy, cpuOf)
		}
	}
	return all
}

func newRow(c Contender, samples []Sample) (Row, []Sample) {
	of := func(figure func(*Sample) float64) figures.Spread {
		return figures.SpreadOf(figures.ValuesOf(samples, figure))
	}
	r := Row{
		Contender: c,
		CPUNs:     of(cpuOf),
		Rate:      of(func(s *Sample) float64 { return s.Rate }),
		P50:       of(func(s *Sample) float64 { return s.P50 }).Median,
		P99:       of(p99Of).Median,
		P99_9:     of(func(s *Sample) float64 { return s.P99_9 }).Median,
		Resident:  of(func(s *Sample) float64 { return s.Resident }).Max,
	}
	for i := range samples {
		r.Errors += int(samples[i].Errors)
	}
	return r, samples
}

func cpuOf(s *Sample) float64 { return s.CPUNs }

func p99Of(s *Sample) float64 { return s.P99 }
