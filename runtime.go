package unio

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/unio-go/unio/internal/hugeheap"
	"github.com/unio-go/unio/internal/loop"
	"github.com/unio-go/unio/mem"
)

// Runtime is a set of loops with one engine and one pool of buffers. There is no global Runtime: a program makes one and
// passes it on. All methods may be called from tasks and from goroutines.
//
// A Runtime ends with Close, or gently with Shutdown. Afterwards every call on it and on what it made fails with
// net.ErrClosed, on files with fs.ErrClosed, on its Pool with [mem.ErrClosed], and its goroutines, threads, descriptors and
// buffers are gone. Buffers that the program still holds stay as they are until it releases them.
type Runtime struct {
	opts   Options
	choice choice
	pool   *mem.Pool
	log    *slog.Logger

	loops []*place
	dog   *loop.Watchdog
	files fileSet
	heap  *hugeheap.Heap // nil: without the option

	mu        sync.Mutex
	shared    []*place // loops for connections of goroutines, made at first use
	listeners map[*Listener]struct{}
	closing   atomic.Bool
	closed    chan struct{}
	closeErr  error
	nextLoop  atomic.Uint32

	sent, arrived atomic.Uint64 // tasks that were started from elsewhere, and those of them that their loops know of
}

// New starts a runtime. It fails when an explicit wish for an engine cannot be met, when an option is wrong, and when
// resources such as descriptors are lacking.
func New(o *Options) (*Runtime, error) {
	opts, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	ch, err := choose(opts.Engine)
	for err == nil {
		var refused *engineError
		rt, serr := start(opts, ch)
		if !errors.As(serr, &refused) {
			return rt, serr
		}
		ch, err = ch.after(refused.error)
	}
	return nil, err
}

// engineError says that the engine of a loop could not be made.
type engineError struct{ error }

func (e *engineError) Unwrap() error { return e.error }

// start starts a runtime with an engine.
func start(opts Options, ch choice) (*Runtime, error) {
	if opts.SQPoll && ch.name != Uring {
		return nil, fmt.Errorf("unio: Options.SQPoll needs the engine uring, and this is %s: %s", ch.name, ch.reason)
	}
	var heap *hugeheap.Heap
	if opts.HugePages {
		var err error
		if heap, err = hugeheap.Advise(); err != nil {
			return nil, fmt.Errorf("unio: Options.HugePages: %w", err)
		}
	}
	pool, err := mem.NewPool(&mem.PoolOptions{LimitBytes: opts.BufBytes, HugePages: opts.HugePages})
	if err != nil {
		heap.Close()
		return nil, err
	}
	rt := &Runtime{
		opts: opts, choice: ch, pool: pool, heap: heap, log: opts.Logger,
		listeners: map[*Listener]struct{}{}, closed: make(chan struct{}),
	}
	rt.files.init(ch.name)
	for i := range opts.Loops {
		p, err := rt.newPlace(i, false)
		if err != nil {
			return nil, errors.Join(err, rt.end()) // also in a task: this runtime has none
		}
		rt.loops = append(rt.loops, p)
	}
	if opts.StallLimit > 0 {
		rt.dog = loop.Watch(rt.allLoops, opts.StallLimit, rt.log)
	}
	return rt, nil
}

var errNotMade = errors.New("unio: a Runtime is made by New, and this one is not")

// usable says why nothing can be begun.
func (rt *Runtime) usable() error {
	switch {
	case rt.pool == nil:
		return errNotMade
	case rt.closing.Load():
		return net.ErrClosed
	}
	return nil
}

// Pool is the runtime's pool of buffers.
func (rt *Runtime) Pool() *mem.Pool { return rt.pool }

// Shutdown ends gently: listeners are closed at once, handlers and tasks may finish until ctx is done, then everything is
// closed as by Close. The error is ctx's when it had to be cut short.
func (rt *Runtime) Shutdown(ctx context.Context) error {
	if err := rt.mayEnd("Shutdown"); err != nil {
		return err
	}
	select {
	case <-rt.closeListeners():
	case <-ctx.Done():
	}
	err := rt.awaitTasks(ctx)
	return errors.Join(err, rt.Close())
}

// closeListeners closes all listeners and tells when that is done. One whose loop is held is closed when its task gives the loop
// back.
func (rt *Runtime) closeListeners() <-chan struct{} {
	var closers sync.WaitGroup
	for _, ln := range rt.openListeners() {
		closers.Go(func() {
			for errors.Is(ln.Close(), ErrStalled) {
			}
		})
	}
	done := make(chan struct{})
	go func() { closers.Wait(); close(done) }()
	return done
}

// awaitTasks waits until no task runs. It looks at counters from time to time: nothing waits for this to be instant, and
// a signal at every task's end would cost every task.
func (rt *Runtime) awaitTasks(ctx context.Context) error {
	const tick = 2 * time.Millisecond
	timer := time.NewTicker(tick)
	defer timer.Stop()
	for {
		if !rt.hasTasks() {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
		}
	}
}

// hasTasks reports whether there is a task, on a loop or on its way to one. The counts of the loops are of one moment only where
// no task was sent from one to another meanwhile.
func (rt *Runtime) hasTasks() bool {
	sent := rt.sent.Load()
	return rt.arrived.Load() != sent || rt.Stats().Tasks > 0 || rt.sent.Load() != sent
}

func (rt *Runtime) openListeners() []*Listener {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	var all []*Listener
	for ln := range rt.listeners {
		all = append(all, ln)
	}
	return all
}

// closeLimit is how long Close takes at most. Tests make it shorter.
var closeLimit = 10 * time.Second

// closeKernelLimit is what of that the kernel gets to finish when the tasks' time is over. It begins when the loops end, which get
// what is left.
const closeKernelLimit = time.Second

// Close ends the runtime: listeners and connections are closed, waiting calls fail with net.ErrClosed, and tasks get to
// run until they return. What was written and is not yet with the kernel gets a second. Close takes ten seconds at most,
// eight of them for tasks; then it reports what had not ended. Memory that the kernel might still write to is not freed in
// that case. Close must not be called from a task. A second call waits for the first and returns the same error.
func (rt *Runtime) Close() error {
	if err := rt.mayEnd("Close"); err != nil {
		return err
	}
	return rt.end()
}

// mayEnd says why the caller cannot wait for the end of all tasks: he is one, or a coroutine of one.
func (rt *Runtime) mayEnd(what string) error {
	if rt.pool == nil {
		return errNotMade
	}
	if t, err := loop.Caller(); t == nil && err == nil {
		return nil
	}
	return errors.New("unio: Runtime." + what + " waits for the tasks, so a task cannot call it; use a goroutine")
}

// end is Close.
func (rt *Runtime) end() error {
	rt.mu.Lock()
	first := rt.closing.CompareAndSwap(false, true)
	rt.mu.Unlock()
	if !first {
		<-rt.closed
		return rt.closeErr
	}
	defer close(rt.closed)
	deadline := time.Now().Add(closeLimit - closeKernelLimit - loop.EndGrace)
	places := rt.places()
	var quiet []<-chan struct{}
	for _, p := range places {
		quiet = append(quiet, p.Abort())
	}
	ctx, cancel := context.WithDeadline(context.Background(), deadline)
	defer cancel()
	for _, q := range quiet {
		select {
		case <-q:
		case <-ctx.Done():
		}
	}
	var errs []error
	for _, ln := range rt.openListeners() {
		ln.abandon()
	}
	errs = append(errs, rt.files.closeBy(ctx))
	for _, p := range places {
		errs = append(errs, p.End(deadline.Add(closeKernelLimit)))
	}
	if rt.dog != nil {
		rt.dog.Stop()
	}
	rt.heap.Close()
	errs = append(errs, rt.pool.Close())
	rt.closeErr = errors.Join(errs...)
	return rt.closeErr
}
