//go:build linux && !unio_nouring

package filering

import (
	"runtime"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"time"
)

// busy finds out whether goroutines that compute hold all Ps. Then the pump performs operations.
type busy struct {
	on    atomic.Bool
	asked chan struct{}
	count atomic.Uint32
	quit  chan struct{}
	ended sync.WaitGroup
}

const (
	// slice is somewhat less than what the Go scheduler lets a goroutine compute while others wait, 10 ms.
	slice = 8 * time.Millisecond
	// A long wait counts for several short ones. Two in a row say that Ps are held: one alone may be the system that takes the
	// CPU away. From then on most have to be short to say that Ps are free again, since a look finds one free while others read.
	longWeight = 4
	scoreOn    = 2*longWeight - 1
	scoreMax   = 4 * longWeight
	// readyPerP: with more goroutines than that ready to run on each P, besides those that wait for operations here, it is
	// not one that computes but all of them together that take the time. Then waiting without a P serves all.
	readyPerP = 8
	// looksEvery is after how many operations that had to wait it is looked again.
	looksEvery = 16
)

func (b *busy) open(pending *atomic.Int64) {
	b.asked, b.quit = make(chan struct{}, 1), make(chan struct{})
	b.ended.Add(1)
	go b.run(pending)
}

func (b *busy) close() {
	close(b.quit)
	b.ended.Wait()
}

// waited is told of operations that had to wait.
func (b *busy) waited() {
	if b.count.Add(1)%looksEvery == 0 {
		select {
		case b.asked <- struct{}{}:
		default:
		}
	}
}

// run yields when it is asked, and sees how long that takes. pending is the number of operations that are under way.
func (b *busy) run(pending *atomic.Int64) {
	defer b.ended.Done()
	var s score
	for {
		select {
		case <-b.asked:
		case <-b.quit:
			return
		}
		held := yieldsLong() && !crowded(pending.Load())
		b.on.Store(s.saw(held, time.Now()))
	}
}

// score sums up what was seen.
type score struct {
	sum  int
	on   bool
	last time.Time
}

// saw adds whether Ps seemed to be held, and tells whether they are. When Ps are held all readers have their turn between
// two slices, with many short looks: those that follow another at once say nothing.
func (s *score) saw(held bool, now time.Time) bool {
	if !held && now.Sub(s.last) < slice {
		return s.on
	}
	s.last = now
	if held {
		s.sum = min(s.sum+longWeight, scoreMax)
	} else {
		s.sum = max(s.sum-1, 0)
	}
	s.on = s.sum >= scoreOn || s.on && s.sum > 0
	return s.on
}

// yieldsLong reports whether the next turn comes only after a time slice.
func yieldsLong() bool {
	began := time.Now()
	runtime.Gosched()
	return time.Since(began) >= slice
}

// crowded reports whether many goroutines are ready to run. Those that have waited here do not count: when Ps are held,
// all of them become ready together.
func crowded(waiting int64) bool {
	ready := []metrics.Sample{{Name: "/sched/goroutines/runnable:goroutines"}}
	metrics.Read(ready)
	return ready[0].Value.Kind() == metrics.KindUint64 &&
		int64(ready[0].Value.Uint64())-waiting > int64(readyPerP*runtime.GOMAXPROCS(0))
}
