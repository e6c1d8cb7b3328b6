package uniolog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/bits"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/unio-go/unio"
)

var (
	// ErrFull is the error of Handle when the record was dropped because the queue was full.
	ErrFull = errors.New("uniolog: the queue is full: the record was dropped")
	// ErrClosed is the error of Handle after Close; errors.Is finds net.ErrClosed in it.
	ErrClosed = fmt.Errorf("uniolog: the Handler is closed, the record was dropped: %w", net.ErrClosed)
)

// queue is a ring that many put records into and one goroutine takes them from, after Dmitry Vyukov's bounded queue
// (1024cores.net, "Bounded MPMC queue"). Each slot has a number that says whose turn it is: the record's number when it is
// free for that record, one more when it holds it.
type queue struct {
	slots []slot
	base  slog.Handler // for what the queue has to say itself

	tail     atomic.Uint64 // the number of the next record, with closedBit
	head     atomic.Uint64 // of the next one to be handled
	sleeping atomic.Bool
	wake     chan struct{}
	ended    unio.Chan[struct{}] // closed when the goroutine ends

	handled, dropped, failed atomic.Uint64

	told  uint64 // of dropped; the goroutine's, as the next one
	noted uint64 // the record before which new ones were found to have been dropped; 0: none

	mu       sync.Mutex
	flushers []*flusher
	flushing atomic.Bool // there are flushers
	err      error       // the first since Flush returned one
}

// closedBit in tail says that no more records are taken.
const closedBit = 1 << 63

type slot struct {
	turn atomic.Uint64
	to   slog.Handler
	ctx  context.Context
	r    slog.Record
}

// flusher waits until the record before a number has been handled.
type flusher struct {
	until uint64
	done  *unio.Chan[struct{}]
}

func newQueue(base slog.Handler, n int) *queue {
	// In a ring of one the numbers that say "full" and "free for the next" are the same.
	n = 1 << bits.Len(uint(min(max(n, 2), recordsMax)-1))
	q := &queue{base: base, slots: make([]slot, n), wake: make(chan struct{}, 1)}
	for i := range q.slots {
		q.slots[i].turn.Store(uint64(i))
	}
	return q
}

// recordsMax keeps a wrong option from taking all memory.
const recordsMax = 1 << 22

func (q *queue) slot(n uint64) *slot { return &q.slots[n&uint64(len(q.slots)-1)] }

// waiting is how many records there are, at one moment: head and tail are not read at once.
func (q *queue) waiting() int {
	for {
		head := q.head.Load()
		if tail := q.tail.Load() &^ closedBit; q.head.Load() == head {
			return int(tail - head)
		}
	}
}

// put queues a record and never waits.
func (q *queue) put(to slog.Handler, ctx context.Context, r slog.Record) error {
	for {
		n := q.tail.Load()
		if n&closedBit != 0 {
			q.dropped.Add(1)
			return ErrClosed
		}
		s := q.slot(n)
		switch turn := s.turn.Load(); {
		case turn == n && q.tail.CompareAndSwap(n, n+1):
			s.to, s.ctx, s.r = to, ctx, r
			s.turn.Store(n + 1)
			q.rouse()
			return nil
		case turn < n:
			q.dropped.Add(1)
			return ErrFull
		}
	}
}

// rouse wakes the goroutine if it sleeps.
func (q *queue) rouse() {
	if q.sleeping.Load() && q.sleeping.CompareAndSwap(true, false) {
		q.wake <- struct{}{} // has room: one wake-up for each time that sleeping was set
	}
}

// run is the goroutine. Where the wrapped handler ends it, by runtime.Goexit, another goes on.
func (q *queue) run() {
	over := false
	defer func() {
		if over {
			q.ended.Close()
		} else {
			go q.run()
		}
	}()
	for {
		n := q.head.Load()
		dropped := q.dropped.Load()
		switch {
		case dropped == q.told:
			q.noted = 0
		case q.noted == 0:
			q.noted = n + uint64(len(q.slots)) // those before them were in the queue
		case n >= q.noted:
			q.tell(dropped)
		}
		if q.next(n) {
			continue
		}
		if dropped != q.told {
			q.tell(dropped)
		}
		if !q.sleep(n) {
			over = true
			return
		}
	}
}

// next handles record n, if it is there.
func (q *queue) next(n uint64) bool {
	s := q.slot(n)
	if s.turn.Load() != n+1 {
		return false
	}
	to, ctx, r := s.to, s.ctx, s.r
	s.to, s.ctx, s.r = nil, nil, slog.Record{}
	s.turn.Store(n + uint64(len(q.slots)))
	q.handled.Add(1)
	ok := false
	defer func() {
		if !ok {
			q.failed.Add(1)
		}
		q.head.Store(n + 1)
		if q.flushing.Load() {
			q.endFlushes(func(f *flusher) bool { return f.until <= n+1 })
		}
	}()
	ok = q.handle(to, ctx, r)
	return true
}

var errExit = errors.New("uniolog: the wrapped handler called runtime.Goexit")

// handle calls the wrapped handler. A panic in it must not end the process for the sake of a line in the log.
func (q *queue) handle(to slog.Handler, ctx context.Context, r slog.Record) (ok bool) {
	err := errExit
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("uniolog: the wrapped handler panicked: %v", p)
		}
		if err != nil {
			q.keep(err)
		}
	}()
	err = to.Handle(ctx, r)
	return err == nil
}

// keep keeps an error for Flush.
func (q *queue) keep(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err == nil {
		q.err = err
	}
}

// tell writes a record about those that are missing, of all that were dropped until now.
func (q *queue) tell(dropped uint64) {
	r := slog.NewRecord(time.Now(), slog.LevelWarn, "uniolog: records were dropped", 0)
	r.AddAttrs(slog.Uint64("dropped", dropped-q.told))
	q.told, q.noted = dropped, 0
	q.handle(asked{q.base}, context.Background(), r)
}

// asked is a handler that is asked whether it wants a record.
type asked struct{ slog.Handler }

func (h asked) Handle(ctx context.Context, r slog.Record) error {
	if !h.Enabled(ctx, r.Level) {
		return nil
	}
	return h.Handler.Handle(ctx, r)
}

// sleep waits for record n. False: it will never come.
func (q *queue) sleep(n uint64) bool {
	q.sleeping.Store(true)
	tail := q.tail.Load()
	if tail == n|closedBit {
		return false
	}
	if q.slot(n).turn.Load() == n+1 {
		if !q.sleeping.CompareAndSwap(true, false) {
			<-q.wake // somebody has done so
		}
		return true
	}
	<-q.wake
	return true
}

// flush waits for all records before one.
func (q *queue) flush(ctx context.Context, until uint64) error {
	if err := q.awaitHandled(ctx, until); err != nil {
		return fmt.Errorf("uniolog: Flush: %w", err)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	err := q.err
	q.err = nil
	return err
}

func (q *queue) awaitHandled(ctx context.Context, until uint64) error {
	f := &flusher{until: until, done: unio.NewChan[struct{}](1)}
	q.mu.Lock()
	q.flushers = append(q.flushers, f)
	q.flushing.Store(true)
	q.mu.Unlock()
	q.endFlushes(func(f *flusher) bool { return f.until <= q.head.Load() })
	_, err := f.done.Recv(ctx)
	if err != nil {
		q.endFlushes(func(o *flusher) bool { return o == f })
	}
	return err
}

// endFlushes wakes those who have waited long enough.
func (q *queue) endFlushes(enough func(*flusher) bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.flushers = slices.DeleteFunc(q.flushers, func(f *flusher) bool {
		return enough(f) && f.done.TrySend(struct{}{})
	})
	q.flushing.Store(len(q.flushers) > 0)
}

// close ends the queue, and waits until the goroutine is at its end too.
func (q *queue) close(ctx context.Context) error {
	n := q.tail.Or(closedBit) &^ closedBit
	q.rouse()
	err := q.flush(ctx, n)
	if _, late := q.ended.Recv(ctx); late != io.EOF && err == nil {
		err = fmt.Errorf("uniolog: Close: %w", late)
	}
	return err
}
