package metrics

import (
	"math/bits"
	"time"
)

// bounds are the upper ends of the buckets, three to a decade: a request through a proxy takes from a tenth of a millisecond,
// and after a minute it does not matter how much longer.
var bounds = [...]time.Duration{
	100 * time.Microsecond, 250 * time.Microsecond, 500 * time.Microsecond,
	1 * time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond,
	10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond,
	1 * time.Second, 2500 * time.Millisecond, 5 * time.Second,
	10 * time.Second, 25 * time.Second, 50 * time.Second,
}

// buckets has one for what is longer than the last bound.
const buckets = len(bounds) + 1

// firstBucket gives, for the number of bits of a duration, the bucket of the shortest one with so many. The longest one is
// less than twice as long, so it is in the same or the next bucket.
var firstBucket = func() (first [65]uint8) {
	for n := range first {
		shortest := uint64(0)
		if n > 0 {
			shortest = 1 << (n - 1)
		}
		for first[n] < uint8(len(bounds)) && shortest > uint64(bounds[first[n]]) {
			first[n]++
		}
	}
	return first
}()

// bucketOf returns the first bucket whose bound is not below d, as Prometheus has it: bounds are inclusive.
func bucketOf(d time.Duration) int {
	if d < 0 {
		return 0
	}
	i := int(firstBucket[bits.Len64(uint64(d))])
	if i < len(bounds) && d > bounds[i] {
		i++
	}
	return i
}
