//go:build linux && !unio_nouring

package filering

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/unio-go/unio/internal/fileio"
	"github.com/unio-go/unio/internal/filepool"
	"github.com/unio-go/unio/internal/ringfile"
	"github.com/unio-go/unio/internal/sys"
	"github.com/unio-go/unio/uring"
)

const (
	// batchEntries is how many operations of a batch are under way at once; a longer one is done in pieces.
	batchEntries = 512
	// threadRingsMax is how many threads have a ring for batches.
	threadRingsMax = 16
	// setupBatch: completions appear only when the thread asks for them, which it does once for all.
	setupBatch = uring.SetupSubmitAll | uring.SetupSingleIssuer | uring.SetupDeferTaskrun
	// setupBatchBest is what it has where the kernel knows it.
	setupBatchBest = setupBatch | uring.SetupNoSqarray
)

// batches are rings for DoAll, one for each thread that called it: a goroutine is locked to its thread for the call. As
// many calls as there are Ps run so at a time; the others use the shared ring, which needs no thread while it waits.
type batches struct {
	r       *Ring
	memory  ringfile.Chunks
	turns   chan struct{}
	mu      sync.Mutex
	threads map[int]*threadRing
	off     bool // the kernel has no such rings, or all are closed
	lost    []*threadRing
}

// threadRing belongs to a thread, and is used by whoever runs on it.
type threadRing struct {
	ring *uring.Ring
	regs registry
	ops  []*fileio.Op // by slot
	// missing is how many operations the kernel had when it refused to be entered any more, and kept their memory, to which
	// it may still write.
	missing int
	kept    [][]byte
}

func (b *batches) init(r *Ring, m ringfile.Chunks) {
	b.r, b.memory, b.threads = r, m, map[int]*threadRing{}
	b.turns = make(chan struct{}, runtime.GOMAXPROCS(0))
}

// DoAll performs operations and returns when all have completed.
func (r *Ring) DoAll(ops []*fileio.Op) {
	good := 0
	for i, op := range ops {
		if r.check(op) {
			ops[good], ops[i] = op, ops[good]
			good++
		}
	}
	ops = ops[:good]
	switch len(ops) {
	case 0:
		return
	case 1:
		r.Do(ops[0])
		return
	}
	r.counters.Pending.Add(int64(len(ops)))
	rest := ops
	select {
	case r.batches.turns <- struct{}{}:
		rest = r.batches.do(ops)
		<-r.batches.turns
	default:
	}
	r.completed(int64(len(ops) - len(rest)))
	if len(rest) > 0 {
		r.share(rest)
	}
}

// share performs operations, which are counted as pending, on a shared ring, and parks once.
func (r *Ring) share(ops []*fileio.Op) {
	var left sync.WaitGroup
	left.Add(len(ops))
	done := func(op *fileio.Op) {
		op.Done = nil
		left.Done()
	}
	for _, op := range ops {
		op.Done = done
		op.State.Store(stateStarted)
	}
	newest, oldest, _ := link(ops)
	if s := r.shard(); r.busy.on.Load() {
		s.leave(newest, oldest)
	} else {
		s.perform(newest, oldest)
	}
	left.Wait()
}

// do performs operations on the thread's ring. It returns those that it has not done.
func (b *batches) do(ops []*fileio.Op) []*fileio.Op {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	tid := sys.Gettid()
	t := b.take(tid)
	if t == nil {
		return ops
	}
	for len(ops) > 0 {
		n := min(len(ops), batchEntries)
		rest, err := t.do(b.r, ops[:n])
		if err != nil {
			b.drop(tid, t, err)
			return ops[n-rest:]
		}
		ops = ops[n:]
	}
	return nil
}

// take gives the thread's ring, nil if there is none.
func (b *batches) take(tid int) *threadRing {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.off {
		return nil
	}
	t := b.threads[tid]
	if t == nil {
		if len(b.threads) >= threadRingsMax {
			return nil
		}
		var err error
		if t, err = b.open(); err != nil {
			b.off = errors.Is(err, syscall.EINVAL)
			b.r.limits.Note("no ring for batches", err)
			return nil
		}
		b.threads[tid] = t
	}
	return t
}

func (b *batches) open() (*threadRing, error) {
	ring, err := openBatchRing(setupBatchBest)
	if err != nil {
		return nil, err
	}
	if _, _, err := ring.RegisterIowqMaxWorkers(workersMax, workersMax); err != nil {
		b.r.limits.Note("the kernel's worker threads are not bounded", err)
	}
	t := &threadRing{ring: ring, ops: make([]*fileio.Op, batchEntries)}
	t.regs = registry{ring: ring, limits: &b.r.limits}
	t.regs.memory.Open(ring, b.memory, b.r.limits.Note)
	return t, nil
}

// openBatchRing makes a ring with as many of the flags as the kernel knows.
func openBatchRing(flags uint32) (*uring.Ring, error) {
	ring, _, err := uring.NewBest(batchEntries, &uring.Params{Flags: flags}, setupBatch)
	return ring, err
}

// drop closes a ring that has failed: its thread has ended, and another has its number, or the kernel refuses it. A ring
// from which completions are missing is kept as it is, with the memory that the kernel may write to: the collector must not
// have it, and who called is told by fileio.ErrAbandoned.
func (b *batches) drop(tid int, t *threadRing, err error) {
	if !errors.Is(err, syscall.EEXIST) {
		b.r.limits.Note("a ring for batches has failed", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.threads, tid)
	if t.missing > 0 {
		b.lost = append(b.lost, t)
		return
	}
	t.ring.Close()
}

func (b *batches) close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.off = true
	var errs []error
	for tid, t := range b.threads {
		delete(b.threads, tid)
		errs = append(errs, t.ring.Close())
	}
	return errors.Join(errs...)
}

// do performs operations, no more than the ring holds, with one enter if nothing comes between. With an error the last rest
// of them have not been begun; all others have completed, or are abandoned.
func (t *threadRing) do(r *Ring, ops []*fileio.Op) (rest int, err error) {
	var vectors [][]unix.Iovec
	for i, op := range ops {
		if v := t.fill(r, op, i); v != nil {
			vectors = append(vectors, v)
		}
	}
	defer runtime.KeepAlive(vectors)
	for left := len(ops); left > 0; {
		r.counters.Enters.Add(1)
		_, err := t.ring.SubmitAndWait(uint32(left))
		left -= t.reap()
		if err != nil && !uring.Temporary(err) {
			rest = int(t.ring.Pending())
			t.missing = left - rest
			t.abandon(t.ops[:len(ops)-rest], err)
			return rest, err
		}
	}
	return 0, nil
}

// abandon ends the operations that the kernel still has, and keeps their memory.
func (t *threadRing) abandon(ops []*fileio.Op, cause error) {
	for i, op := range ops {
		if op == nil {
			continue
		}
		ops[i] = nil
		t.kept = append(append(t.kept, op.Data), op.More...)
		op.N, op.Err = 0, fmt.Errorf("%w: %w", fileio.ErrAbandoned, cause)
	}
}

func (t *threadRing) fill(r *Ring, op *fileio.Op, i int) []unix.Iovec {
	e := t.ring.SQE()
	vector, fixed := prepare(e, op, &t.regs)
	if fixed {
		r.counters.Fixed.Add(1)
	}
	e.UserData = uint64(i)
	t.ops[i] = op
	return vector
}

// reap gives how many operations have completed.
func (t *threadRing) reap() int {
	ready := t.ring.CQReady()
	var again []*fileio.Op
	for i := range ready {
		e := t.ring.CQE(i)
		op := t.ops[e.UserData]
		t.ops[e.UserData] = nil
		if !settle(op, e.Res) {
			again = append(again, op)
		}
	}
	t.ring.Seen(ready)
	for _, op := range again { // it has been asked once; a batch waits anyway
		filepool.Perform(op)
	}
	return int(ready)
}
