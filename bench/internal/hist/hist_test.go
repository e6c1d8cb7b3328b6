package hist

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestBucketsCoverEveryValueOnce(t *testing.T) {
	next := uint64(0)
	for i := range groups * sub {
		if got := index(next); got != i {
			t.Fatalf("first value %d of bucket %d is in bucket %d", next, i, got)
		}
		last := upper(i)
		if got := index(last); got != i {
			t.Fatalf("last value %d of bucket %d is in bucket %d", last, i, got)
		}
		next = last + 1
	}
	if next != 0 && next != 1<<63 {
		t.Fatalf("buckets end at %d", next)
	}
}

func TestQuantileWithinOnePercent(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var h Hist
	all := make([]time.Duration, 100_000)
	for i := range all {
		all[i] = time.Duration(rng.ExpFloat64() * float64(50*time.Microsecond))
		h.Add(all[i])
	}
	slices.Sort(all)
	for _, q := range []float64{0.5, 0.9, 0.99, 0.999, 1} {
		want := all[int(q*float64(len(all)))-1]
		got := h.Quantile(q)
		if got < want || float64(got-want) > 0.01*float64(want)+1 {
			t.Errorf("quantile %v: got %v, want %v within 1 %%", q, got, want)
		}
	}
}

func TestQuantileOfNothingAndOfOne(t *testing.T) {
	var h Hist
	if got := h.Quantile(0.99); got != 0 {
		t.Errorf("empty: got %v", got)
	}
	h.Add(-5)
	h.Add(42)
	if got := h.Quantile(0.5); got != 0 {
		t.Errorf("median of 0 and 42: got %v", got)
	}
	if got := h.Quantile(0.999); got != 42 {
		t.Errorf("p99.9 of 0 and 42: got %v", got)
	}
	h.Reset()
	if h.Total() != 0 {
		t.Errorf("total after reset: %d", h.Total())
	}
}

func TestAddDoesNotAllocate(t *testing.T) {
	h := new(Hist)
	if n := testing.AllocsPerRun(100, func() { h.Add(12345) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestMergedHistogramsCountBoth(t *testing.T) {
	var a, b Hist
	a.Add(time.Millisecond)
	b.Add(time.Second)
	b.Add(2 * time.Second)
	a.Merge(&b)
	if got := a.Total(); got != 3 {
		t.Errorf("%d of 3 were counted", got)
	}
	if got := a.Quantile(0.5); got < 990*time.Millisecond || got > 1010*time.Millisecond {
		t.Errorf("the median of 1ms, 1s and 2s is %v", got)
	}
	if got := b.Total(); got != 2 {
		t.Errorf("the merged histogram has %d of 2", got)
	}
}
