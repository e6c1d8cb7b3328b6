package filepool

import (
	"runtime"
	"sync"

	"github.com/unio-go/unio/internal/fileio"
)

// threadsMin is how many system calls may block at once on a small machine: enough for a disk to sort, and with what the
// Go runtime has of its own fewer than sixteen threads.
const threadsMin = 8

// Pool is a fileio.Executor. It has no goroutines while it has nothing to do.
type Pool struct {
	turns    chan struct{} // one for each system call under way
	counters fileio.Counters

	mu         sync.Mutex
	idle       sync.Cond // pending has become zero
	pending    int       // operations begun with Start
	workers    int
	head, tail *fileio.Op
}

var _ fileio.Executor = (*Pool)(nil)

// New makes a pool.
func New() *Pool {
	p := &Pool{turns: make(chan struct{}, max(threadsMin, 2*runtime.GOMAXPROCS(0)))}
	p.idle.L = &p.mu
	return p
}

// Turns is how many system calls may block at once.
func (p *Pool) Turns() int { return cap(p.turns) }

// Call calls fn, which may block its thread, when it is its turn.
func (p *Pool) Call(fn func() error) error {
	p.turns <- struct{}{}
	defer func() { <-p.turns }()
	return fn()
}

// Datasync makes what was written to a file durable, when it is its turn.
func (p *Pool) Datasync(f *fileio.File) error {
	return p.Call(func() error { return Datasync(f) })
}

// Do performs an operation on the caller's thread.
func (p *Pool) Do(op *fileio.Op) {
	p.counters.Pending.Add(1)
	p.turns <- struct{}{}
	Perform(op)
	<-p.turns
	p.counters.Pending.Add(-1)
	p.counters.Enters.Add(1)
	p.counters.Ops.Add(1)
}

// DoAll performs operations on as many threads as there are turns.
func (p *Pool) DoAll(ops []*fileio.Op) {
	if len(ops) == 1 {
		p.Do(ops[0])
		return
	}
	var group sync.WaitGroup
	group.Add(len(ops))
	done := func(*fileio.Op) { group.Done() }
	for _, op := range ops {
		op.Done = done
	}
	p.StartAll(ops)
	group.Wait()
}

// Start begins an operation.
func (p *Pool) Start(op *fileio.Op) {
	p.mu.Lock()
	p.begin(op)
	p.mu.Unlock()
}

// StartAll begins operations.
func (p *Pool) StartAll(ops []*fileio.Op) {
	p.mu.Lock()
	for _, op := range ops {
		p.begin(op)
	}
	p.mu.Unlock()
}

// begin queues an operation, and sees that somebody takes it; the mutex is held.
func (p *Pool) begin(op *fileio.Op) {
	op.Next = nil
	if p.head == nil {
		p.head = op
	} else {
		p.tail.Next = op
	}
	p.tail = op
	p.pending++
	if p.workers < cap(p.turns) {
		p.workers++
		go p.work()
	}
}

// work performs what is queued.
func (p *Pool) work() {
	for op := p.take(); op != nil; op = p.take() {
		p.Do(op)
		op.Done(op) // which may begin it anew
		p.mu.Lock()
		if p.pending--; p.pending == 0 {
			p.idle.Broadcast()
		}
		p.mu.Unlock()
	}
}

// take gives the oldest operation; nil ends the worker.
func (p *Pool) take() *fileio.Op {
	p.mu.Lock()
	defer p.mu.Unlock()
	op := p.head
	if op == nil {
		p.workers--
		return nil
	}
	p.head, op.Next = op.Next, nil
	return op
}

// Forget does nothing: the pool keeps nothing.
func (p *Pool) Forget(*fileio.File) {}

// Counters are the pool's.
func (p *Pool) Counters() *fileio.Counters { return &p.counters }

// Close waits for what was begun with Start.
func (p *Pool) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.pending > 0 {
		p.idle.Wait()
	}
	return nil
}
