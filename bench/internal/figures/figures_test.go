package figures

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

func TestSpreadOf(t *testing.T) {
	for _, c := range []struct {
		in   []float64
		want Spread
	}{
		{[]float64{3, 1, 2}, Spread{2, 1, 3}},
		{[]float64{4, 1, 2, 3}, Spread{2.5, 1, 4}},
		{[]float64{7, math.NaN()}, Spread{7, 7, 7}},
	} {
		if got := SpreadOf(c.in); got != c.want {
			t.Errorf("%v: got %v, want %v", c.in, got, c.want)
		}
	}
	if SpreadOf(nil).Known() {
		t.Error("the spread of nothing is known")
	}
}

func TestWhatIsNotKnownIsADash(t *testing.T) {
	if got := Number(math.NaN(), 2) + SpreadOf(nil).Limits(1); got != "-" {
		t.Errorf("%q", got)
	}
	if got := Number(1.234, 2) + (Spread{1, 0.5, 1.5}).Times(2).Limits(1); got != "1.23(1.0..3.0)" {
		t.Errorf("%q", got)
	}
}

// A machine that changes its speed between two rounds does not change a ratio; a round without a base has none.
func TestRatiosAreThoseOfARound(t *testing.T) {
	if got, want := RatioOf([]float64{2, 8, 5, 1, 9}, []float64{1, 4, 2, 0}), (Spread{2, 2, 2.5}); got != want {
		t.Errorf("%v, want %v", got, want)
	}
	if RatioOf([]float64{1}, nil).Known() {
		t.Error("there is a ratio to nothing")
	}
}

func TestVerdicts(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		limit Limit
		seen  float64
		want  string
	}{
		{Limit{Bound: 2, Goal: 1}, 3, "BROKEN"}, {Limit{Bound: 2, Goal: 1}, 2, "holds"}, {Limit{Bound: 2, Goal: 1}, 1, "goal reached"},
		{Limit{AtLeast: true, Bound: 1, Goal: 2}, 0.9, "BROKEN"}, {Limit{AtLeast: true, Bound: 1, Goal: 2}, 1, "holds"},
		{Limit{AtLeast: true, Bound: 1, Goal: 2}, 2, "goal reached"}, {Limit{Bound: 2, Goal: nan}, 0, "holds"},
		{Limit{Bound: nan, Goal: nan}, 3, "shown"}, {Limit{Bound: 2, Goal: 1}, nan, "not measured"},
	} {
		if got := c.limit.Verdict(c.seen); got != c.want || c.limit.Broken(c.seen) != (c.want == "BROKEN") {
			t.Errorf("%+v, %v: %s, want %s", c.limit, c.seen, got, c.want)
		}
	}
}

func TestSummariesOfSamples(t *testing.T) {
	type sample struct {
		cs, c string
		v     float64
	}
	samples := []sample{{"b", "x", 1}, {"b", "new", 0}, {"a", "z", 0}, {"b", "y", 8}, {"b", "x", 3}, {"b", "y", 6}}
	all := SummariesOf(samples, []string{"y", "x", "z"}, func(s *sample) (string, string) { return s.cs, s.c },
		func(c string, mine []sample) (string, []sample) { return fmt.Sprint(c, len(mine)), mine })
	var got []string
	for _, s := range all {
		for _, row := range s.Rows {
			got = append(got, s.Case+row)
		}
	}
	if want := []string{"by2", "bx2", "bnew1", "az1"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	b, v := &all[0], func(s *sample) float64 { return s.v }
	if row := b.Row("x"); row == nil || *row != "x2" || b.Row("z") != nil {
		t.Errorf("the row of x is %v, that of z %v", row, b.Row("z"))
	}
	if r := b.Ratio("y", "x", v); r != (Spread{5, 2, 8}) || b.Ratio("y", "z", v).Known() || b.Ratio("z", "y", v).Known() {
		t.Errorf("the ratio is %+v", r)
	}
	if got := ValuesOf(samples, v); !slices.Equal(got, []float64{1, 0, 0, 8, 3, 6}) {
		t.Errorf("%v", got)
	}
}
