// Package figures sums rounds up, as median and spread, holds them against limits, and prints numbers for tables.
package figures

import (
	"fmt"
	"math"
	"slices"
)

// Spread is the median of some rounds with the least and the greatest of them. Without rounds all are NaN.
type Spread struct {
	Median, Min, Max float64
}

// SpreadOf summarises values, which it leaves as they are. NaNs are not counted.
func SpreadOf(values []float64) Spread {
	v := slices.DeleteFunc(slices.Clone(values), math.IsNaN)
	if len(v) == 0 {
		return Spread{math.NaN(), math.NaN(), math.NaN()}
	}
	slices.Sort(v)
	mid := v[len(v)/2]
	if len(v)%2 == 0 {
		mid = (v[len(v)/2-1] + mid) / 2
	}
	return Spread{Median: mid, Min: v[0], Max: v[len(v)-1]}
}

// RatioOf divides within each round, so that what disturbed a whole round cancels out. A round whose base is zero has no
// ratio.
func RatioOf(values, base []float64) Spread {
	ratios := make([]float64, min(len(values), len(base)))
	for i := range ratios {
		if ratios[i] = values[i] / base[i]; math.IsInf(ratios[i], 0) {
			ratios[i] = math.NaN()
		}
	}
	return SpreadOf(ratios)
}

// Known reports whether there was anything to summarise.
func (s Spread) Known() bool { return !math.IsNaN(s.Median) }

// Times is the spread in another unit.
func (s Spread) Times(f float64) Spread { return Spread{s.Median * f, s.Min * f, s.Max * f} }

// Limits prints the least and the greatest value.
func (s Spread) Limits(decimals int) string {
	if !s.Known() {
		return ""
	}
	return fmt.Sprintf("(%.*f..%.*f)", decimals, s.Min, decimals, s.Max)
}

// Number prints a value, "-" for NaN.
func Number(v float64, decimals int) string {
	if math.IsNaN(v) {
		return "-"
	}
	return fmt.Sprintf("%.*f", decimals, v)
}
