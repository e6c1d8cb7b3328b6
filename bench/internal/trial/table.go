package trial

import (
	"fmt"
	"io"
	"math"
	"slices"
	"text/tabwriter"

	"github.com/unio-go/unio/bench/internal/figures"
)

// of gives the values of a contender in a case, by round.
func of(samples []Sample, cs, contender, unit string) (values []float64) {
	for _, s := range samples {
		if s.Case != cs || s.Contender != contender {
			continue
		}
		v, ok := s.Values[unit]
		if !ok {
			v = none
		}
		values = append(values, v)
	}
	return values
}

// ratio is that of two contenders.
func ratio(samples []Sample, cs, contender, base, unit string) figures.Spread {
	return figures.RatioOf(of(samples, cs, contender, unit), of(samples, cs, base, unit))
}

// WriteTable prints one case for a terminal.
func (s *Suite) WriteTable(w io.Writer, cs Case, samples []Sample) error {
	fmt.Fprintf(w, "\n%s\n", cs.Title)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(tw, "contender\t")
	for _, c := range s.Columns {
		fmt.Fprint(tw, c.Head, "\t")
		if c.Spread {
			fmt.Fprint(tw, "(spread)\t")
		}
		if c.Ratio {
			fmt.Fprintf(tw, "of %s\t", s.Base)
		}
	}
	fmt.Fprintln(tw)
	for _, contender := range cs.Contenders {
		if !slices.ContainsFunc(samples, func(x Sample) bool { return x.Case == cs.Name && x.Contender == contender }) {
			continue
		}
		fmt.Fprint(tw, contender, "\t")
		for _, c := range s.Columns {
			v := figures.SpreadOf(of(samples, cs.Name, contender, c.Unit))
			fmt.Fprint(tw, figures.Number(v.Median/c.Scale, c.Decimals), "\t")
			if c.Spread {
				fmt.Fprint(tw, v.Times(1/c.Scale).Limits(c.Decimals), "\t")
			}
			if c.Ratio {
				fmt.Fprint(tw, figures.Number(ratio(samples, cs.Name, contender, s.Base, c.Unit).Median, 2), "\t")
			}
		}
		fmt.Fprintln(tw)
	}
	return tw.Flush()
}

// WriteTables prints all cases that were measured.
func (s *Suite) WriteTables(w io.Writer, samples []Sample) error {
	fmt.Fprint(w, "\n", s.Legend)
	for _, cs := range s.Cases {
		if !slices.ContainsFunc(samples, func(x Sample) bool { return x.Case == cs.Name }) {
			continue
		}
		if err := s.WriteTable(w, cs, samples); err != nil {
			return err
		}
	}
	return nil
}

// WriteCheck holds the medians of a run against the bounds and returns how many are broken.
func (s *Suite) WriteCheck(w io.Writer, samples []Sample) (broken int, err error) {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "case\twhat\tbound\tseen\t")
	for _, b := range s.Bounds {
		seen := s.seen(&b, samples)
		verdict := "holds"
		switch {
		case math.IsNaN(seen):
			verdict = "not measured"
		case b.broken(seen):
			verdict = "BROKEN"
			broken++
		}
		fmt.Fprintf(tw, "%s\t%v\t%s\t%s\t%s\n", b.Case, &b, b.limit(), figures.Number(seen, 3), verdict)
	}
	return broken, tw.Flush()
}

// seen is what a run has measured of a bound.
func (s *Suite) seen(b *Bound, samples []Sample) float64 {
	if b.Base == "" {
		return figures.SpreadOf(of(samples, b.Case, b.Contender, b.Unit)).Median
	}
	return ratio(samples, b.Case, b.Contender, b.Base, b.Unit).Median
}
