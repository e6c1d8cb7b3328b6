package loop

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/unio-go/unio/internal/coro"
	"github.com/unio-go/unio/internal/sys"
)

// ErrCoroutine is the error of a call that would have to wait, made in a coroutine which is not a task although it runs
// on a loop's thread: waiting there would stop the loop for good.
var ErrCoroutine = errors.New("would block a loop: called in a coroutine that is not a task; " +
	"call from the handler itself, or from a goroutine")

// loops are all loops of the process, for Current.
var (
	loops   atomic.Pointer[[]*Loop]
	loopsMu sync.Mutex
)

func addLoop(l *Loop) {
	loopsMu.Lock()
	defer loopsMu.Unlock()
	all := append(slices.Clone(allLoops()), l)
	loops.Store(&all)
}

func removeLoop(l *Loop) {
	loopsMu.Lock()
	defer loopsMu.Unlock()
	rest := slices.DeleteFunc(slices.Clone(allLoops()), func(o *Loop) bool { return o == l })
	loops.Store(&rest)
}

func allLoops() []*Loop {
	if p := loops.Load(); p != nil {
		return *p
	}
	return nil
}

// Current returns the task whose coroutine the caller runs on, or nil.
func Current() *Task {
	id := coro.ID()
	for _, l := range allLoops() {
		if t := l.cur.Load(); t != nil && t.co.GoID() == id {
			return t
		}
	}
	return nil
}

// Caller is who calls, with the right to wait: a task, or nil for a goroutine. It fails with ErrCoroutine where waiting
// would stop a loop.
func Caller() (*Task, error) {
	t := Current()
	if t == nil && onLoopThread() {
		return nil, ErrCoroutine
	}
	return t, nil
}

// Here returns the caller's task if it is one of this loop, else nil. It costs a few nanoseconds.
func (l *Loop) Here() *Task {
	if t := l.cur.Load(); t != nil && t.co.GoID() == coro.ID() {
		return t
	}
	return nil
}

// onLoopThread reports whether the caller runs on the thread of a loop that is running a task. A goroutine that is not
// that task can only be a coroutine of it. Where threads have no identity the answer is no.
func onLoopThread() bool {
	for _, l := range allLoops() {
		if l.OnThread() {
			return true
		}
	}
	return false
}

// OnThread reports whether the caller runs on this loop's thread while a task has it: in the task, or in a coroutine
// that the task made. The loop stands still meanwhile, so the caller may touch what belongs to it.
func (l *Loop) OnThread() bool {
	return l.cur.Load() != nil && l.tid != 0 && l.tid == sys.Gettid()
}
