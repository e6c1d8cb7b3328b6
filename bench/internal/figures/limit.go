package figures

import "math"

// Limit is what is promised of a figure, and what is aimed at beyond that. NaN says that there is no bound, or no goal.
type Limit struct {
	AtLeast     bool // bound and goal are lower limits, else upper ones
	Bound, Goal float64
}

// Broken reports whether a figure was measured and is beyond the bound.
func (l Limit) Broken(seen float64) bool {
	if l.AtLeast {
		return seen < l.Bound
	}
	return seen > l.Bound
}

// Verdict says how a figure stands to the limit.
func (l Limit) Verdict(seen float64) string {
	reached := seen <= l.Goal
	if l.AtLeast {
		reached = seen >= l.Goal
	}
	switch {
	case math.IsNaN(seen):
		return "not measured"
	case math.IsNaN(l.Bound):
		return "shown"
	case l.Broken(seen):
		return "BROKEN"
	case reached:
		return "goal reached"
	}
	return "holds"
}
