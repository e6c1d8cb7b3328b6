package figures

import (
	"math"
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
