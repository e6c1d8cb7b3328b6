// Package maglev spreads keys over backends so that few of them move when backends come and go.
//
// It is the lookup table of Eisenbud and others, "Maglev: A Fast and Reliable Software Network Load Balancer", NSDI
// 2016, section 3.4, with weights: every backend has a permutation of the places of the table, made from its name, and
// takes the next free one of it whenever it has its turn; turns come by weight. A table depends only on names and
// weights, so all gates with the same backends send a key to the same one.
package maglev

import (
	"math/bits"
	"slices"
	"strings"
)

// Backend is what keys are spread over.
type Backend struct {
	Name   string // other than those of the other backends
	Weight int    // 1 or more; one with less gets no place
}

// The sizes of a table are primes, as its permutations need. The paper (section 5.3) has the places shared out within one
// per cent when there are a hundred for each backend. The size is not made to fit smaller numbers more closely, because
// nearly all keys move when it changes; 65537 places take 128 KB.
const (
	size      = 65537
	sizeLarge = 655373
	sizeFits  = size / 100 // backends of equal weight
)

// BackendsMax is how many backends a table can have. New leaves out those beyond.
const BackendsMax = 1<<16 - 1

// Table says which backend a hash belongs to. It does not change and may be used by all.
type Table struct {
	places []uint16
}

// New makes a table, which takes some milliseconds. Without a backend that has a weight it is nil.
func New(backends []Backend) *Table {
	if len(backends) > BackendsMax {
		backends = backends[:BackendsMax]
	}
	n := size
	if len(backends) > sizeFits {
		n = sizeLarge
	}
	return fill(backends, n)
}

// walk is a backend on its way through its permutation: the next place is step further.
type walk struct {
	name     string
	backend  uint16
	at, step int
	weight   int
	credit   int
}

// fill gives each of n places, a prime number, to a backend.
func fill(backends []Backend, n int) *Table {
	walks := make([]walk, len(backends))
	heaviest := 0
	for i, b := range backends {
		h := Hash(b.Name)
		walks[i] = walk{
			name:    b.Name,
			backend: uint16(i),
			at:      int(h % uint64(n)),
			step:    int(Mix(h)%uint64(n-1)) + 1,
			weight:  max(b.Weight, 0),
		}
		heaviest = max(heaviest, b.Weight)
	}
	if heaviest <= 0 {
		return nil
	}
	// Turns come in the order of names: another order of the same backends moves no key.
	slices.SortFunc(walks, func(a, b walk) int { return strings.Compare(a.name, b.name) })
	t := &Table{places: make([]uint16, n)}
	taken := make([]bool, n)
	for left := n; ; {
		for i := range walks {
			w := &walks[i]
			// The heaviest has a turn in each round, and another one whenever its weights have added up to that.
			if w.credit += w.weight; w.credit < heaviest {
				continue
			}
			w.credit -= heaviest
			for taken[w.at] {
				w.next(n)
			}
			taken[w.at] = true
			t.places[w.at] = w.backend
			if left--; left == 0 {
				return t
			}
		}
	}
}

func (w *walk) next(n int) {
	if w.at += w.step; w.at >= n {
		w.at -= n
	}
}

// Lookup is the index in what New was given of the backend that the hash belongs to. The high bits of the hash decide,
// so it has to be well mixed; see Mix.
func (t *Table) Lookup(hash uint64) int {
	i, _ := bits.Mul64(hash, uint64(len(t.places)))
	return int(t.places[i])
}

// Hash is a hash of a text that is the same in every process: FNV-1a, mixed.
func Hash[T string | []byte](s T) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return Mix(h)
}

// Mix has each bit of x change about half of the bits of the result (the last steps of SplitMix64: Steele, Lea and Flood,
// "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014).
func Mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
