package maglev

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

func backends(n int) []Backend {
	b := make([]Backend, n)
	for i := range b {
		b[i] = Backend{Name: fmt.Sprintf("10.0.%d.%d:8080", i/256, i%256), Weight: 1}
	}
	return b
}

func counts(t *Table, n int) []int {
	c := make([]int, n)
	for _, p := range t.places {
		c[p]++
	}
	return c
}

func TestEqualWeightsGetEqualPlaces(t *testing.T) {
	for _, n := range []int{1, 2, 3, 10, 100, 655, 700} {
		table := New(backends(n))
		c := counts(table, n)
		if d := slices.Max(c) - slices.Min(c); d > 1 {
			t.Errorf("%d backends: the places of two differ by %d, and turns come round", n, d)
		}
		if len(table.places) < 100*n {
			t.Errorf("%d backends have a table of %d, which is less than a hundred for each", n, len(table.places))
		}
	}
}

func TestPlacesGoByWeight(t *testing.T) {
	b := backends(6)
	sum := 0
	for i, w := range []int{1, 3, 7, 300, 700, 1000} {
		b[i].Weight = w
		sum += w
	}
	table := New(b)
	for i, got := range counts(table, len(b)) {
		want := float64(len(table.places)) * float64(b[i].Weight) / float64(sum)
		if math.Abs(float64(got)-want) > 2 {
			t.Errorf("weight %d has %d places, want %.1f within 2", b[i].Weight, got, want)
		}
	}
}

func TestKeysAreSpreadEvenly(t *testing.T) {
	const n, keys = 10, 200_000
	table := New(backends(n))
	c := make([]int, n)
	for k := range uint64(keys) {
		c[table.Lookup(Mix(k))]++
	}
	for i, got := range c {
		if math.Abs(float64(got)/(keys/n)-1) > 0.03 {
			t.Errorf("backend %d has %d of %d keys, want a tenth within three per cent", i, got, keys)
		}
	}
}

// TestFewKeysMove: what a backend had that leaves has to move, and the paper (section 5.3, figure 11) has only a few per
// cent of the others move with it for tables of 65537.
func TestFewKeysMove(t *testing.T) {
	for _, n := range []int{3, 10, 100} {
		all := backends(n)
		whole := New(all)
		for _, leaves := range []int{0, n / 2, n - 1} {
			less := New(slices.Delete(slices.Clone(all), leaves, leaves+1))
			stray := 0
			for i, p := range whole.places {
				was, is := int(p), int(less.places[i])
				if is >= leaves {
					is++
				}
				if was != leaves && was != is {
					stray++
				}
			}
			if share := float64(stray) / size; share > 0.04 {
				t.Errorf("%d backends without number %d: %.1f per cent of the places moved between those that stay", n, leaves, share*100)
			}
		}
	}
}

// TestOrderMovesNoKeys has the same backends in two orders, as the files of two gates may.
func TestOrderMovesNoKeys(t *testing.T) {
	for _, n := range []int{7, 100} {
		a := backends(n)
		for i := range a {
			a[i].Weight = 1 + i%3
		}
		b := slices.Clone(a)
		slices.Reverse(b)
		one, other := New(a), New(b)
		moved := 0
		for i := range one.places {
			if a[one.places[i]] != b[other.places[i]] {
				moved++
			}
		}
		if moved > 0 {
			t.Errorf("%d backends in another order: %d of %d places moved", n, moved, len(one.places))
		}
	}
}

func TestNoBackends(t *testing.T) {
	for _, b := range [][]Backend{nil, {{Name: "a"}}, {{Name: "a", Weight: -1}}} {
		if New(b) != nil {
			t.Errorf("%v made a table", b)
		}
	}
	if table := New([]Backend{{Name: "a"}, {Name: "b", Weight: 1}}); counts(table, 2)[0] != 0 {
		t.Error("a backend without weight got places")
	}
}

func BenchmarkNew(b *testing.B) {
	for _, n := range []int{3, 100} {
		b.Run(fmt.Sprintf("backends=%d", n), func(b *testing.B) {
			all := backends(n)
			for b.Loop() {
				New(all)
			}
		})
	}
}
