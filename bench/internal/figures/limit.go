package figures

import (
	"fmt"
	"io"
	"math"
	"text/tabwriter"
)

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

// Finding is one line of a check: what is promised of a figure in a case, and what a run has seen; NaN: it was not measured.
type Finding[Case interface{ Title() string }] struct {
	Case Case
	What string
	Limit
	Seen float64
}

// Broken reports whether the figure was measured and is beyond the bound.
func (f Finding[Case]) Broken() bool { return f.Limit.Broken(f.Seen) }

// Verdict says how the finding ended.
func (f Finding[Case]) Verdict() string { return f.Limit.Verdict(f.Seen) }

// WriteFindings prints findings and returns how many bounds are broken. what heads the column of figures, and text prints a
// bound or a goal.
func WriteFindings[Case interface{ Title() string }](w io.Writer, what string, findings []Finding[Case],
	text func(l Limit, v float64) string) (broken int, err error) {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(tw, "case\t%s\tbound\tgoal\tseen\t\n", what)
	for _, f := range findings {
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\n", f.Case.Title(), f.What, text(f.Limit, f.Bound), text(f.Limit, f.Goal),
			Number(f.Seen, 3), f.Verdict())
		if f.Broken() {
			broken++
		}
	}
	return broken, tw.Flush()
}
