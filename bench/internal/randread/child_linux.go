package randread

import (
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/unio-go/unio/bench/internal/hist"
	"github.com/unio-go/unio/bench/internal/host"
)

// Verb is the hidden command by which the binary becomes a contender.
const Verb = "__randread"

// spec is what a contender's process is told.
type spec struct {
	Contender string
	Case      string
	Layout    Layout
	Warm      time.Duration
	Slice     time.Duration
	Seed      uint64
}

// result is what it answers.
type result struct {
	Reads      int
	Elapsed    time.Duration
	CPUNs      float64 // per read, as the next two
	Enters     float64 // negative: not known
	Switches   float64
	SpinsPerUs float64
	Quantile   [6]time.Duration // p50 p90 p99 p99.9 p99.99 max
	Heat       Heat
}

// quantiles are those of a result, without the maximum.
var quantiles = [5]float64{0.5, 0.9, 0.99, 0.999, 0.9999}

// Serve is one contender for one slice: it reads a spec from r and writes a result to w.
func Serve(r io.Reader, w io.Writer) error {
	var s spec
	if err := json.NewDecoder(r).Decode(&s); err != nil {
		return fmt.Errorf("%s: spec: %w", Verb, err)
	}
	if _, err := host.RaiseFileLimit(); err != nil {
		return err
	}
	res, err := measure(&s)
	if err != nil {
		return err
	}
	return json.NewEncoder(w).Encode(res)
}

// program is a contender that is ready to read.
type program struct {
	loops  int                   // closed loops
	perRun int                   // loops that one call of run drives; all others have 1
	reads  int                   // reads that end at a time in a loop
	start  func(fn func())       // runs fn beside others
	run    func(w *worker) error // reads until w.over
	enters func() uint64         // system calls so far; nil: perOp says it
	perOp  float64               // system calls per read; negative: not known
	close  func() error          // nil: nothing to close
}

// slice is a measurement in progress. Times are nanoseconds since base.
type slice struct {
	spec    *spec
	cs      Case
	base    time.Time
	from    int64
	to      int64
	tape    tape
	prog    *program
	started atomic.Bool
	begun   atomic.Bool // first is there
	ended   atomic.Bool
	first   mark
	last    mark
	stop    atomic.Bool // for the goroutines that compute
	spins   atomic.Uint64
}

// mark is the account of the process at one moment.
type mark struct {
	at     int64
	usage  syscall.Rusage
	enters uint64
	spins  uint64
}

// measure runs one contender for one slice.
func measure(sp *spec) (*result, error) {
	cs, err := parseCase(sp.Case)
	if err != nil {
		return nil, err
	}
	c, err := contenderOf(sp.Contender)
	if err != nil {
		return nil, err
	}
	s := &slice{spec: sp, cs: cs}
	if s.prog, err = open(c, cs, &sp.Layout); err != nil {
		return nil, err
	}
	s.tape.init(s.prog.loops, sp.Slice)
	s.base = time.Now()
	s.from = int64(sp.Warm)
	s.to = s.from + int64(sp.Slice)
	workers := s.read()
	if s.prog.close != nil {
		if err := s.prog.close(); err != nil {
			return nil, fmt.Errorf("close: %w", err)
		}
	}
	for _, w := range workers {
		if w.err != nil {
			return nil, w.err
		}
	}
	return s.account(workers)
}

// read runs all loops to the end of the slice.
func (s *slice) read() []*worker {
	p := s.prog
	if s.cs.Busy {
		for range runtime.GOMAXPROCS(0) {
			go s.compute()
		}
	}
	workers := make([]*worker, p.loops/p.perRun)
	var group sync.WaitGroup
	group.Add(len(workers))
	for i := range workers {
		w := &worker{slice: s, loops: make([]loop, p.perRun)}
		for j := range w.loops {
			w.loops[j] = loop{picker: newPicker(&s.spec.Layout, s.cs.Cache.hot(), s.spec.Seed, i*p.perRun+j, p.loops)}
		}
		workers[i] = w
		p.start(func() {
			defer group.Done()
			if err := p.run(w); err != nil {
				w.err = err
			}
		})
	}
	group.Wait()
	s.stop.Store(true)
	return workers
}

// compute turns until the slice is over.
func (s *slice) compute() {
	x := uint64(1)
	for !s.stop.Load() {
		for range spinTurns {
			x = mix(x)
		}
		s.spins.Add(spinTurns)
	}
	runtime.KeepAlive(x)
}

// spinTurns is how often a computing goroutine turns between two looks at the world.
const spinTurns = 1000

// now is the time since base.
func (s *slice) now() int64 { return int64(time.Since(s.base)) }

// passed is told that a read has ended, and reports whether the slice is over. The first read that ends within the slice, or
// behind it, takes the account at its beginning; one that ends later than that, and behind the slice, takes the other. So
// there is at least one read between them, however slow the reads are.
func (s *slice) passed(now int64) bool {
	if !s.begun.Load() {
		if s.started.CompareAndSwap(false, true) {
			s.take(&s.first, now)
			s.begun.Store(true)
		}
		return false
	}
	if now < s.to || now <= s.first.at {
		return false
	}
	if s.ended.CompareAndSwap(false, true) {
		s.take(&s.last, now)
	}
	return true
}

func (s *slice) take(m *mark, now int64) {
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &m.usage); err != nil {
		panic(os.NewSyscallError("getrusage", err)) // it cannot fail with these arguments
	}
	if s.prog.enters != nil {
		m.enters = s.prog.enters()
	}
	m.spins = s.spins.Load()
	m.at = now
}

// worker drives one loop or some.
type worker struct {
	slice *slice
	loops []loop
	fast  int // reads in a row that did not block
	err   error
}

// loop is one closed loop: where it reads next, and when its reads ended.
type loop struct {
	picker picker
	track  track
	n      uint // reads
}

const (
	// checkEvery is how many reads pass between two whose data are looked at.
	checkEvery = 8
	// fastRead is the time below which a read has not waited for a device.
	fastRead = 20 * time.Microsecond
	// fastReads in a row are enough: then it is another goroutine's turn. A closed loop that never blocks would keep
	// its P for the ten milliseconds after which the scheduler preempts it, and the others would not be seen to starve.
	fastReads = 32
)

// checks reports whether the data of the loop's next read are to be looked at.
func (l *loop) checks() bool { l.n++; return l.n%checkEvery == 0 }

// over notes that the reads of a loop have ended, and reports whether the slice is over.
func (w *worker) over(l *loop) bool {
	s := w.slice
	now := s.now()
	if now < s.from {
		l.track.before(now)
		return false
	}
	over := s.passed(now)
	if !l.track.add(&s.tape, now) {
		w.err = fmt.Errorf("more reads than were thought possible: shorten -slice %v", s.spec.Slice)
		return true
	}
	return over
}

// yield lets others run after many reads that did not block.
func (w *worker) yield(l *loop) {
	if l.track.latency() > int64(fastRead) {
		w.fast = 0
		return
	}
	if w.fast++; w.fast == fastReads {
		w.fast = 0
		runtime.Gosched()
	}
}

// account makes the result.
func (s *slice) account(workers []*worker) (*result, error) {
	if !s.ended.Load() {
		return nil, fmt.Errorf("no read ended within %v", s.spec.Warm+s.spec.Slice)
	}
	// Time and reads are counted from the beginning of the slice, also where no read ended for a while; what the process used
	// is told by the reads between the accounts.
	r := &result{Elapsed: time.Duration(s.last.at - s.from), Enters: s.prog.perOp}
	accounted := 0
	h, heat := new(hist.Hist), new(heatCounter)
	var longest int64
	for end, took := range ends(workers) {
		if end <= s.last.at {
			r.Reads += s.prog.reads
			if end > s.first.at {
				accounted += s.prog.reads
			}
		}
		h.Add(time.Duration(took))
		longest = max(longest, took)
		heat.add(float64(end-s.from)/float64(s.to-s.from), time.Duration(took), s.prog.reads)
	}
	r.Heat = heat.heat()
	for i, q := range quantiles {
		r.Quantile[i] = min(h.Quantile(q), time.Duration(longest))
	}
	r.Quantile[len(quantiles)] = time.Duration(longest)
	a, b := &s.first, &s.last
	per := func(n float64) float64 { return n / float64(accounted) }
	r.CPUNs = per(float64(host.UsageCPU(&b.usage) - host.UsageCPU(&a.usage)))
	r.Switches = per(float64(b.usage.Nvcsw + b.usage.Nivcsw - a.usage.Nvcsw - a.usage.Nivcsw))
	r.SpinsPerUs = float64(b.spins-a.spins) / (float64(b.at-a.at) / 1e3)
	if s.prog.enters != nil {
		r.Enters = per(float64(b.enters - a.enters))
	}
	return r, nil
}

// ends gives when the reads of all loops ended, and how long they took.
func ends(workers []*worker) iter.Seq2[int64, int64] {
	return func(yield func(int64, int64) bool) {
		for _, w := range workers {
			for i := range w.loops {
				for end, took := range w.loops[i].track.all() {
					if !yield(end, took) {
						return
					}
				}
			}
		}
	}
}
