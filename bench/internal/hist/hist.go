// Package hist counts latencies in a fixed array of buckets whose width grows with the value: recording costs
// a few instructions and never allocates, and a quantile is off by less than 1 %.
package hist

import (
	"math/bits"
	"time"
)

const (
	// subBits gives 128 buckets between two powers of two: a relative width of 1/128.
	subBits = 7
	sub     = 1 << subBits
	// groups covers all of int64: values below 2*sub have buckets of width one.
	groups = 64 - subBits
)

// Hist is a histogram of durations. The zero value is empty and ready; it is 58 KiB, so it is used by
// pointer.
type Hist struct {
	counts [groups * sub]uint64
	total  uint64
}

// Add counts one duration. A negative one counts as zero.
func (h *Hist) Add(d time.Duration) {
	h.counts[index(uint64(max(d, 0)))]++
	h.total++
}

// Merge counts what another histogram has counted.
func (h *Hist) Merge(other *Hist) {
	for i, n := range other.counts {
		h.counts[i] += n
	}
	h.total += other.total
}

// Total is the number of durations counted.
func (h *Hist) Total() uint64 { return h.total }

// Reset empties the histogram.
func (h *Hist) Reset() { *h = Hist{} }

// Quantile returns the smallest duration that at least the share q (0 to 1) of all does not exceed, rounded
// up to the end of its bucket. An empty histogram gives zero.
func (h *Hist) Quantile(q float64) time.Duration {
	if h.total == 0 {
		return 0
	}
	rank := max(uint64(q*float64(h.total)+0.999999), 1)
	var seen uint64
	for i, n := range h.counts {
		if seen += n; seen >= rank {
			return time.Duration(upper(i))
		}
	}
	return time.Duration(upper(len(h.counts) - 1))
}

// index maps a value to its bucket: the position of its highest bit chooses the group, the next subBits bits
// the bucket inside it.
func index(v uint64) int {
	if v < sub {
		return int(v)
	}
	shift := bits.Len64(v) - 1 - subBits
	return (shift+1)<<subBits | int(v>>shift)&(sub-1)
}

// upper is the largest value of bucket i.
func upper(i int) uint64 {
	group, low := i>>subBits, uint64(i&(sub-1))
	if group == 0 {
		return low
	}
	return (sub+low+1)<<(group-1) - 1
}
