package figures

import "slices"

// Part is the samples of one contender in one case, by round.
type Part[Case, Contender comparable, Sample any] struct {
	Case      Case
	Contender Contender
	Samples   []Sample
}

// PartsOf takes samples apart: cases in the order in which the samples name them, in each the contenders of order, and behind
// them those that are not in it.
func PartsOf[Case, Contender comparable, Sample any](samples []Sample, order []Contender,
	of func(*Sample) (Case, Contender)) (parts []Part[Case, Contender, Sample]) {
	type key struct {
		cs Case
		c  Contender
	}
	by := map[key][]Sample{}
	order = slices.Clone(order)
	var cases []Case
	for i := range samples {
		cs, c := of(&samples[i])
		by[key{cs, c}] = append(by[key{cs, c}], samples[i])
		if !slices.Contains(cases, cs) {
			cases = append(cases, cs)
		}
		if !slices.Contains(order, c) {
			order = append(order, c)
		}
	}
	for _, cs := range cases {
		for _, c := range order {
			if mine := by[key{cs, c}]; mine != nil {
				parts = append(parts, Part[Case, Contender, Sample]{cs, c, mine})
			}
		}
	}
	return parts
}

// ValuesOf is one figure of each sample.
func ValuesOf[Sample any](samples []Sample, figure func(*Sample) float64) []float64 {
	values := make([]float64, len(samples))
	for i := range samples {
		values[i] = figure(&samples[i])
	}
	return values
}
