package trial

import (
	"fmt"
	"io"
	"slices"
	"strings"
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

// rows are the table of one case, its head first.
func (s *Suite) rows(cs Case, samples []Sample) [][]string {
	head := []string{"contender"}
	for _, c := range s.Columns {
		head = append(head, c.Head)
		if c.Spread {
			head = append(head, "(spread)")
		}
		if c.Ratio {
			head = append(head, "of "+s.Base)
		}
	}
	all := [][]string{head}
	for _, contender := range cs.Contenders {
		if !slices.ContainsFunc(samples, func(x Sample) bool { return x.Case == cs.Name && x.Contender == contender }) {
			continue
		}
		row := []string{contender}
		for _, c := range s.Columns {
			v := figures.SpreadOf(of(samples, cs.Name, contender, c.Unit))
			row = append(row, figures.Number(v.Median/c.Scale, c.Decimals))
			if c.Spread {
				row = append(row, v.Times(1/c.Scale).Limits(c.Decimals))
			}
			if c.Ratio {
				row = append(row, figures.Number(ratio(samples, cs.Name, contender, s.Base, c.Unit).Median, 2))
			}
		}
		all = append(all, row)
	}
	return all
}

// WriteTable prints one case for a terminal.
func (s *Suite) WriteTable(w io.Writer, cs Case, samples []Sample) error {
	fmt.Fprintf(w, "\n%s\n", cs.Title)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, row := range s.rows(cs, samples) {
		fmt.Fprintln(tw, strings.Join(row, "\t")+"\t")
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
func (s *Suite) WriteCheck(w io.Writer, samples []Sample) (bounds int, err error) {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, line := range s.findings(samples) {
		fmt.Fprintln(tw, strings.Join(line, "\t"))
		if line[len(line)-1] == broken {
			bounds++
		}
	}
	return bounds, tw.Flush()
}

// seen is what a run has measured of a bound.
func (s *Suite) seen(b *Bound, samples []Sample) float64 {
	if b.Base == "" {
		return figures.SpreadOf(of(samples, b.Case, b.Contender, b.Unit)).Median
	}
	return ratio(samples, b.Case, b.Contender, b.Base, b.Unit).Median
}
