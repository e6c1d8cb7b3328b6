package simengine

import (
	"container/heap"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/mem"
)

// Options are the settings of a World. nil is good: seed 0, real time, [Calm].
type Options struct {
	Seed uint64
	// Virtual has time jump instead of pass. The world is held until Start.
	Virtual bool
	// Profile is nil for a profile that the seed draws, with failures and resets, if Virtual is set, else for Calm.
	Profile *Profile
	// Limit is how long a scenario may take in virtual time; 0 is no limit. See World.Await.
	Limit time.Duration
}

// World is a network with a clock. Everything in it is guarded by one mutex: it simulates concurrency, it need not have
// any.
type World struct {
	mu      sync.Mutex
	rnd     *rand.Rand
	profile Profile
	virtual bool
	start   time.Time
	now     int64 // nanoseconds since start
	events  events
	seq     uint64
	timer   *time.Timer // real time only: runs what is due
	armed   int64       // when it fires; 0: not set
	script  [faultCount][16]int
	counts  Counts
	digest  uint64 // of everything that Next has returned

	listeners map[string]*Listener
	ports     int
	lackFiles bool
	garbage   []*mem.Buf // to be released without the mutex

	baton baton
}

// NewWorld makes a world.
func NewWorld(o *Options) *World {
	var opts Options
	if o != nil {
		opts = *o
	}
	w := &World{
		rnd:       rand.New(rand.NewPCG(opts.Seed, 0x756e696f)),
		virtual:   opts.Virtual,
		start:     time.Now(),
		listeners: map[string]*Listener{},
		ports:     portFirst,
	}
	switch {
	case opts.Profile != nil:
		w.profile = *opts.Profile
	case opts.Virtual:
		w.profile = w.stormy()
	default:
		w.profile = Calm()
	}
	w.baton.outside = sync.NewCond(&w.mu)
	w.baton.held, w.baton.limit = opts.Virtual, int64(opts.Limit)
	if !w.virtual {
		w.timer = time.AfterFunc(time.Hour, w.tick)
		w.timer.Stop()
	}
	return w
}

// Now is the world's time.
func (w *World) Now() time.Time {
	w.mu.Lock()
	defer w.unlock()
	return w.start.Add(time.Duration(w.clock()))
}

// Began is the world's time when it was made.
func (w *World) Began() time.Time { return w.start }

// Digest sums up what the world's engines have completed, and when: it is the same for the same seed as long as nothing but
// the seed decides what happens.
func (w *World) Digest() uint64 {
	w.mu.Lock()
	defer w.unlock()
	return w.digest
}

// note adds a completion to the digest, by FNV-1a.
func (w *World) note(op *engine.Op) {
	n := op.N
	if op.Buf != nil {
		n = op.Buf.Len()
	}
	for _, x := range []uint64{uint64(op.Code), uint64(n), uint64(w.now)} {
		w.digest = (w.digest ^ x) * 1099511628211
	}
	if op.Err != nil {
		w.digest++
	}
}

// clock is nanoseconds since the start.
func (w *World) clock() int64 {
	if !w.virtual {
		w.now = int64(time.Since(w.start))
	}
	return w.now
}

// unlock ends what was done with the mutex. Buffers are released without it, since a release may call back.
func (w *World) unlock() {
	w.pass()
	garbage := w.garbage
	w.garbage = nil
	w.mu.Unlock()
	for _, b := range garbage {
		b.Release()
	}
}

// event is something that will happen.
type event struct {
	when int64
	seq  uint64
	do   func()
}

// events is a heap by time; what comes at the same time keeps the order in which it was planned.
type events []event

// Len, Less, Swap, Push and Pop are heap.Interface.
func (h events) Len() int { return len(h) }

// Less orders by time.
func (h events) Less(i, j int) bool {
	return h[i].when < h[j].when || h[i].when == h[j].when && h[i].seq < h[j].seq
}

// Swap exchanges two.
func (h events) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

// Push appends.
func (h *events) Push(x any) { *h = append(*h, x.(event)) }

// Pop takes the last.
func (h *events) Pop() any {
	old := *h
	e := old[len(old)-1]
	old[len(old)-1] = event{}
	*h = old[:len(old)-1]
	return e
}

// at has do called with the mutex held when the time has come.
func (w *World) at(when int64, do func()) {
	w.seq++
	heap.Push(&w.events, event{when, w.seq, do})
	w.arm()
}

// delay draws how long something takes: often nothing, mostly little, seldom the whole of Profile.Delay.
func (w *World) delay() int64 {
	most := int64(w.profile.Delay)
	switch n := w.rnd.IntN(8); {
	case most == 0 || n == 0:
		return 0
	case n < 6:
		return w.rnd.Int64N(most/8 + 1)
	default:
		return w.rnd.Int64N(most + 1)
	}
}

// runDue lets happen what is due.
func (w *World) runDue() {
	now := w.clock()
	for len(w.events) > 0 && w.events[0].when <= now {
		heap.Pop(&w.events).(event).do()
	}
}

// arm sets the timer for the first event, in real time.
func (w *World) arm() {
	if w.virtual || len(w.events) == 0 {
		return
	}
	if first := w.events[0].when; w.armed == 0 || first < w.armed {
		w.armed = first
		w.timer.Reset(max(time.Duration(first-w.clock()), 0))
	}
}

// tick is the timer.
func (w *World) tick() {
	w.mu.Lock()
	w.armed = 0
	w.runDue()
	w.arm()
	w.unlock()
}
