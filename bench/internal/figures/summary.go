package figures

import "slices"

// Summary is the account of one case: a row for each contender that was measured.
type Summary[Case, Contender comparable, Sample, Row any] struct {
	Case Case
	Rows []Row

	contenders []Contender // of the rows
	samples    [][]Sample  // of the rows, by round
}

// SummariesOf makes the accounts of all cases, in the order in which the samples name them. The contenders of order come first
// in each, and behind them those that are not in it. of says what a sample is of. row makes a contender's account of its
// samples, and returns those of them that count.
func SummariesOf[Case, Contender comparable, Sample, Row any](samples []Sample, order []Contender,
	of func(*Sample) (Case, Contender), row func(Contender, []Sample) (Row, []Sample)) []Summary[Case, Contender, Sample, Row] {
	type key struct {
		cs Case
		c  Contender
	}
	by := map[key][]Sample{}
	order = slices.Clone(order)
	var all []Summary[Case, Contender, Sample, Row]
	for i := range samples {
		cs, c := of(&samples[i])
		by[key{cs, c}] = append(by[key{cs, c}], samples[i])
		if !slices.ContainsFunc(all, func(s Summary[Case, Contender, Sample, Row]) bool { return s.Case == cs }) {
			all = append(all, Summary[Case, Contender, Sample, Row]{Case: cs})
		}
		if !slices.Contains(order, c) {
			order = append(order, c)
		}
	}
	for i := range all {
		s := &all[i]
		for _, c := range order {
			if mine := by[key{s.Case, c}]; mine != nil {
				r, counted := row(c, mine)
				s.Rows, s.contenders, s.samples = append(s.Rows, r), append(s.contenders, c), append(s.samples, counted)
			}
		}
	}
	return all
}

// Row finds a contender's account, nil where it was not measured.
func (s *Summary[Case, Contender, Sample, Row]) Row(c Contender) *Row {
	if i := slices.Index(s.contenders, c); i >= 0 {
		return &s.Rows[i]
	}
	return nil
}

// Ratio is a figure of one contender as a ratio to that of another, taken within the rounds; unknown where one of them was not
// measured.
func (s *Summary[Case, Contender, Sample, Row]) Ratio(c, base Contender, figure func(*Sample) float64) Spread {
	i, j := slices.Index(s.contenders, c), slices.Index(s.contenders, base)
	if i < 0 || j < 0 {
		return SpreadOf(nil)
	}
	return RatioOf(ValuesOf(s.samples[i], figure), ValuesOf(s.samples[j], figure))
}

// ValuesOf is one figure of each sample.
func ValuesOf[Sample any](samples []Sample, figure func(*Sample) float64) []float64 {
	values := make([]float64, len(samples))
	for i := range samples {
		values[i] = figure(&samples[i])
	}
	return values
}
