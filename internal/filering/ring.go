//go:build linux && !unio_nouring

package filering

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/unio-go/unio/internal/fileio"
	"github.com/unio-go/unio/internal/filepool"
	"github.com/unio-go/unio/internal/ringfile"
	"github.com/unio-go/unio/uring"
)

const (
	// sqEntries is the size of the submission ring: twice what one enter takes.
	sqEntries = 64
	// inFlightMax is how many operations the kernel has at once; the others wait for their turn in order. A disk sorts a
	// few hundred.
	inFlightMax = 1024
	// workersMax bounds the kernel's worker threads, for each thread that submits: those for regular files, and the rest.
	workersMax = 2
	// ringPs is how many Ps share a ring. Two rings on 2 CPUs gave more CPU per read: each has smaller batches.
	ringPs = 8
	// ringsMax is how many rings fit into fileio.File.Ring.
	ringsMax = 32 / regBits
)

// Ring is a fileio.Executor.
type Ring struct {
	counters fileio.Counters
	limits   ringfile.Limits
	shards   []*shard
	batches  batches
	plain    plain
	busy     busy
	company  company

	closing atomic.Bool
	idle    chan struct{} // pending has become zero while closing
}

var _ fileio.Executor = (*Ring)(nil)

// shard is one shared ring, with its helper, its reaper and its pump.
type shard struct {
	flow
	side  *ringSide
	event *os.File // the eventfd(2) that the ring signals
	quit  chan struct{}
	ended sync.WaitGroup
}

// New makes a ring. The error wraps errors.ErrUnsupported where this binary has none, and the kernel's refusal where that
// has none.
func New(c Config) (*Ring, error) {
	n := c.Rings
	if n <= 0 {
		n = (runtime.GOMAXPROCS(0) + ringPs - 1) / ringPs
	}
	r := &Ring{idle: make(chan struct{}, 1)}
	r.plain.deliver = r.deliver
	r.busy.open(&r.counters.Pending)
	r.batches.init(r, c.Memory)
	for i := range min(n, ringsMax) {
		s, err := r.open(uint(i), c)
		if err != nil {
			r.Close()
			return nil, fmt.Errorf("ring for files: %w", err)
		}
		r.shards = append(r.shards, s)
	}
	return r, nil
}

const (
	// setupShared lacks SetupCoopTaskrun: with that a completion waits until the thread that submitted it enters the kernel
	// again, and that may run a goroutine that computes. Without it a read costs up to a tenth more.
	setupShared = uring.SetupSubmitAll | uring.SetupCqsize | uring.SetupClamp | uring.SetupNoSqarray
	// featuresNeeded: completions are not lost, what an entry points to is copied, and an offset is one.
	featuresNeeded = uring.FeatNodrop | uring.FeatSubmitStable | uring.FeatRwCurPos
)

func (r *Ring) open(i uint, c Config) (*shard, error) {
	ring, _, err := uring.NewBest(sqEntries, &uring.Params{Flags: setupShared, CQEntries: inFlightMax}, 0)
	if err != nil {
		return nil, err
	}
	if ring.Features()&featuresNeeded != featuresNeeded {
		ring.Close()
		return nil, fmt.Errorf("kernel %s: %w", uring.KernelRelease(), errors.ErrUnsupported)
	}
	s := &shard{side: newRingSide(r, ring), quit: make(chan struct{})}
	s.flow.side, s.bounds = s.side, bound
	s.held, s.wanted = r.busy.on.Load, make(chan struct{}, 1)
	s.kicked, s.called = make(chan struct{}, 1), make(chan struct{}, 1)
	if err := s.signal(ring); err != nil {
		ring.Close()
		return nil, err
	}
	if _, _, err := ring.RegisterIowqMaxWorkers(workersMax, workersMax); err != nil {
		r.limits.Note("the kernel's worker threads are not bounded", err)
	}
	s.side.regs = registry{ring: ring, limits: &r.limits, shift: i * regBits}
	s.side.regs.openFiles()
	s.side.regs.memory.Open(ring, c.Memory, r.limits.Note)
	s.ended.Add(3)
	go s.helper()
	go s.reaper()
	go s.pumping()
	return s, nil
}

// helper takes over what callers have left.
func (s *shard) helper() {
	defer s.ended.Done()
	pause := func(n int) { time.Sleep(min(100*time.Microsecond<<min(n, 8), 10*time.Millisecond)) }
	for {
		select {
		case <-s.kicked:
			s.help(pause)
		case <-s.quit:
			return
		}
	}
}

// shard chooses a ring.
func (r *Ring) shard() *shard {
	if len(r.shards) == 1 {
		return r.shards[0]
	}
	return r.shards[rand.IntN(len(r.shards))]
}

// check sets the error of an operation that must not reach the kernel.
func (r *Ring) check(op *fileio.Op) bool {
	op.Tries = 0
	err := op.Check()
	if r.closing.Load() {
		err = os.ErrClosed
	}
	if err != nil {
		op.N, op.Err = 0, err
	}
	return err == nil
}

// Do performs an operation and returns when it has completed.
func (r *Ring) Do(op *fileio.Op) {
	if !r.check(op) {
		return
	}
	alone, held := r.company.alone(r.counters.Pending.Add(1)), r.busy.on.Load()
	if alone && !held && op.Code != fileio.Nop {
		r.byCall(op)
		return
	}
	op.State.Store(stateWaiting)
	s := r.shard()
	if held {
		s.entrust(op)
		r.busy.waited()
		return
	}
	s.perform(op, op)
	if s.wait(op, stateParked) {
		r.busy.waited()
	}
}

// byCall does an operation that finds nothing in flight by a system call, which saves two switches between threads. Only one
// at a time does, since it is pending itself.
func (r *Ring) byCall(op *fileio.Op) {
	filepool.Perform(op)
	r.counters.Lone.Add(1)
	r.counters.Enters.Add(1)
	r.completed(1)
}

// completed counts operations.
func (r *Ring) completed(n int64) {
	r.counters.Ops.Add(uint64(n))
	r.ended(n)
}

// ended takes operations from the pending ones.
func (r *Ring) ended(n int64) {
	if n > 0 && r.counters.Pending.Add(-n) == 0 && r.closing.Load() {
		select {
		case r.idle <- struct{}{}:
		default:
		}
	}
}

// Start begins an operation.
func (r *Ring) Start(op *fileio.Op) {
	op.Next = nil
	r.startChain(op, op, 1)
}

// StartAll begins operations.
func (r *Ring) StartAll(ops []*fileio.Op) {
	newest, oldest, n := link(ops)
	if n > 0 {
		r.startChain(newest, oldest, n)
	}
}

// link makes a chain of operations, from last to first.
func link(ops []*fileio.Op) (newest, oldest *fileio.Op, n int) {
	for _, op := range ops {
		if op.Next = newest; newest == nil {
			oldest = op
		}
		newest = op
	}
	return newest, oldest, len(ops)
}

// startChain begins operations that are linked from newest to oldest. Those that are bad stay in the chain up to the ring,
// so that their Done is called by somebody else.
func (r *Ring) startChain(newest, oldest *fileio.Op, n int) {
	good := true
	for op := newest; op != nil; op = op.Next {
		op.State.Store(stateStarted)
		good = r.check(op) && good
	}
	r.counters.Pending.Add(int64(n))
	if !good {
		go r.sift(newest)
		return
	}
	r.begin(newest, oldest)
}

// begin hands operations over that are linked from newest to oldest.
func (r *Ring) begin(newest, oldest *fileio.Op) {
	if s := r.shard(); r.busy.on.Load() {
		s.leave(newest, oldest)
	} else {
		s.start(newest, oldest)
	}
}

// sift begins the good ones of a chain.
func (r *Ring) sift(op *fileio.Op) {
	var bad *fileio.Op
	for op != nil {
		next := op.Next
		if op.Next = nil; r.check(op) {
			r.begin(op, op)
		} else {
			op.Next, bad = bad, op
		}
		op = next
	}
	if bad != nil {
		r.deliver(bad)
	}
}

// deliver tells those who wait for the operations of a chain.
func (r *Ring) deliver(first *fileio.Op) {
	var all, started int64
	for op := first; op != nil; op = op.Next {
		if all++; op.State.Load() == stateStarted {
			started++
		}
	}
	r.counters.Ops.Add(uint64(all))
	r.ended(all - started)
	for op := first; op != nil; {
		next := op.Next // whoever waits may begin op anew
		op.Next = nil
		switch op.State.Swap(stateDone) {
		case stateParked, stateCalls:
			op.Wake <- struct{}{}
		case stateStarted:
			op.Done(op)
		}
		op = next
	}
	r.ended(started)
}

// Forget takes a file out of the tables of registered files.
func (r *Ring) Forget(f *fileio.File) {
	for _, s := range r.shards {
		s.side.regs.forget(f)
	}
}

// Counters are the ring's.
func (r *Ring) Counters() *fileio.Counters { return &r.counters }

// Limits says what is done in a slower way than it could, and why.
func (r *Ring) Limits() []string { return r.limits.List() }

// Close waits for what is pending, and frees everything.
func (r *Ring) Close() error {
	if r.closing.Swap(true) {
		return nil
	}
	for r.counters.Pending.Load() > 0 {
		<-r.idle
	}
	r.busy.close()
	var errs []error
	for _, s := range r.shards {
		errs = append(errs, s.close())
	}
	return errors.Join(append(errs, r.batches.close())...)
}

// close ends a shard in which nothing is pending.
func (s *shard) close() error {
	close(s.quit)
	s.event.SetReadDeadline(time.Unix(1, 0))
	s.ended.Wait()
	// Who has completed the last operations may still hold a lock. The locks are kept, so that nobody touches the ring.
	for _, l := range [...]*look{&s.submitting, &s.reaping} {
		for !l.word.CompareAndSwap(lookFree, lookHeld) {
			runtime.Gosched()
		}
	}
	ring := s.side.ring
	if s.side.regs.files > 0 {
		ring.UnregisterFiles() // at once: what Close leaves is freed later
	}
	s.side.regs.memory.Close()
	return errors.Join(ring.Close(), s.event.Close())
}

// plain does operations by system calls, one at a time.
type plain struct {
	deliver func(*fileio.Op)
	mu      sync.Mutex
	first   *fileio.Op
	running bool
}

func (p *plain) add(op *fileio.Op) {
	p.mu.Lock()
	defer p.mu.Unlock()
	op.Next, p.first = p.first, op
	if !p.running {
		p.running = true
		go p.run()
	}
}

func (p *plain) run() {
	for {
		p.mu.Lock()
		op := p.first
		if op == nil {
			p.running = false
			p.mu.Unlock()
			return
		}
		p.first, op.Next = op.Next, nil
		p.mu.Unlock()
		filepool.Perform(op)
		p.deliver(op)
	}
}
