package randread

import (
	"iter"
	"runtime"
	"sync/atomic"
	"time"
)

// tape is the memory for the times at which reads ended, touched before the slice begins: to note a read then costs one
// store. Loops take it by the chunk.
type tape struct {
	all  []int64
	used atomic.Int64
}

const (
	// chunk is how many times a loop takes room for.
	chunk = 512
	// readsPerSecond bounds what a CPU can read from memory.
	readsPerSecond = 5_000_000
	// readsAtLeast is the least room: a short slice of a set that fits into the caches of a CPU has more reads for its time.
	readsAtLeast = 1 << 20
)

// init makes room for a slice.
func (t *tape) init(loops int, slice time.Duration) {
	n := float64(runtime.GOMAXPROCS(0)*readsPerSecond) * slice.Seconds()
	t.all = make([]int64, max(int(n), readsAtLeast)+(loops+1)*2*chunk)
	for i := range t.all {
		t.all[i] = 1
	}
}

// take gives a chunk, nil when there is none.
func (t *tape) take() []int64 {
	end := t.used.Add(chunk)
	if end > int64(len(t.all)) {
		return nil
	}
	return t.all[end-chunk : end-chunk : end]
}

// track is the times at which the reads of one loop ended. The first of them is the end of the last read before the slice.
type track struct {
	chunks    [][]int64
	current   []int64
	last      int64
	lastTook  int64
	beginning int64
}

// before notes a read that ended before the slice.
func (t *track) before(now int64) {
	t.lastTook = now - t.last
	t.last, t.beginning = now, now
}

// add notes a read; false: the tape is full.
func (t *track) add(from *tape, now int64) bool {
	if len(t.current) == cap(t.current) {
		if t.current != nil {
			t.chunks = append(t.chunks, t.current)
		}
		if t.current = from.take(); t.current == nil {
			return false
		}
	}
	t.current = append(t.current, now)
	t.lastTook = now - t.last
	t.last = now
	return true
}

// latency is what the last read took.
func (t *track) latency() int64 { return t.lastTook }

// all gives when the reads ended and how long they took.
func (t *track) all() iter.Seq2[int64, int64] {
	return func(yield func(int64, int64) bool) {
		last := t.beginning
		for _, ends := range append(t.chunks[:len(t.chunks):len(t.chunks)], t.current) {
			for _, end := range ends {
				if !yield(end, end-last) {
					return
				}
				last = end
			}
		}
	}
}
