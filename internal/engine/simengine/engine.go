package simengine

import (
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/planted"
	"github.com/unio-go/unio/mem"
)

// Engine performs operations in a World.
type Engine struct {
	w        *World
	pool     *mem.Pool
	unread   int
	inline   bool
	counters engine.Counters
	signal   chan struct{} // ends a wait in real time
	timer    *time.Timer
	wake     atomic.Bool // a Wake that the world has not seen, in virtual time
	freed    atomic.Bool // a buffer has come free for somebody who waits
	sleep    sleep

	descs    map[*desc]struct{}
	calls    map[*engine.Op]*call
	done     []*call
	starving []*desc // with a receive that waits for a buffer
	withdraw func()  // the pool's promise to tell
	closed   bool
	within   *call // the one whose Submit runs
}

var (
	_ engine.Engine = (*Engine)(nil)
	_ engine.Clock  = (*Engine)(nil)
)

// New makes an engine of the world.
func (w *World) New(cfg engine.Config) (*Engine, error) {
	if cfg.Pool == nil {
		return nil, fmt.Errorf("engine sim: Config.Pool is nil: %w", syscall.EINVAL)
	}
	e := &Engine{
		w: w, pool: cfg.Pool, unread: cfg.UnreadBytes,
		signal: make(chan struct{}, 1),
		descs:  map[*desc]struct{}{},
		calls:  map[*engine.Op]*call{},
	}
	if e.unread == 0 {
		e.unread = engine.UnreadBytesDefault
	}
	w.mu.Lock()
	defer w.unlock()
	e.inline = w.chance(500)
	e.sleep.turn = sync.NewCond(&w.mu)
	if w.virtual {
		w.baton.engines = append(w.baton.engines, e)
	} else {
		e.timer = time.NewTimer(time.Hour)
		e.timer.Stop()
	}
	return e, nil
}

// Now is the world's time.
func (e *Engine) Now() time.Time { return e.w.Now() }

// Caps describes the engine. The seed decides whether sends are inline.
func (e *Engine) Caps() engine.Caps {
	return engine.Caps{Name: engine.Sim, SendsInline: e.inline}
}

// Counters may be read by anybody. Enters counts Poll and Wait.
func (e *Engine) Counters() *engine.Counters { return &e.counters }

// call is one submission of an operation.
type call struct {
	op   *engine.Op
	d    *desc
	code engine.Code
	seq  uint64 // the order in which they came
	over bool   // it has its result
	sent int

	ready bool // Next returns it, or has
}

// Submit starts an operation.
func (e *Engine) Submit(op *engine.Op) bool {
	if op.Code == engine.Connect && op.Dial.Control != nil {
		// There is no descriptor; what Control says counts all the same.
		if err := op.Dial.Control(^uintptr(0)); err != nil {
			op.Desc, op.Err = nil, err
			return true
		}
	}
	e.w.mu.Lock()
	defer e.w.unlock()
	op.N, op.Buf, op.Err = 0, nil, nil
	if op.Sock != nil {
		*op.Sock = engine.Socket{}
	}
	if e.calls[op] != nil {
		panic("engine sim: " + op.Code.String() + " submitted while it is pending")
	}
	e.w.seq++
	k := &call{op: op, code: op.Code, seq: e.w.seq}
	e.calls[op] = k
	e.counters.Pending.Add(1)
	e.within = k
	e.begin(k)
	e.within = nil
	if e.calls[op] == nil {
		e.counters.Ops.Add(1)
		return true
	}
	return false
}

// begin starts a call.
func (e *Engine) begin(k *call) {
	op := k.op
	if e.closed {
		e.finish(k, net.ErrClosed)
		return
	}
	switch op.Code {
	case engine.Nop:
		e.finish(k, nil)
		return
	case engine.Connect:
		e.connect(k)
		return
	case engine.File:
		e.file(k)
		return
	}
	d := op.Desc.(*desc)
	k.d = d
	switch {
	case d.closing:
		e.finish(k, net.ErrClosed)
	case op.Code == engine.Close:
		d.close(k)
	case op.Code == engine.Accept && d.l != nil:
		d.claim(&d.in, k)
	case op.Code == engine.Recv && d.c != nil:
		d.claim(&d.in, k)
	case op.Code == engine.Send && d.c != nil:
		d.claim(&d.out, k)
	case op.Code == engine.Shutdown && d.c != nil:
		d.shutdown(k)
	default:
		e.finish(k, syscall.EINVAL)
	}
}

// finish gives a call its result. Where the call's Submit runs it may be complete with that; else Next will return it, at
// once or later.
func (e *Engine) finish(k *call, err error) {
	if k.over {
		panic("engine sim: " + k.code.String() + " has two results")
	}
	k.op.Err = err
	k.over = true
	w := e.w
	late := w.script[Late][k.code] > 0
	if e.within == k && !late && (k.code == engine.Shutdown || e.closed || w.chance(w.profile.Inline)) {
		e.forget(k)
		return
	}
	if w.strikes(Late, k.code, w.profile.Late) {
		w.at(w.clock()+1+w.delay(), func() { e.push(k) })
		return
	}
	e.push(k)
}

// push gives a call to Next.
func (e *Engine) push(k *call) {
	if k.ready {
		return // the engine was closed meanwhile, and has given it
	}
	if planted.Bug == planted.LostCompletion && k.seq%997 == 0 {
		return
	}
	if planted.Bug == planted.DoubledCompletion && k.seq%997 == 0 {
		e.done = append(e.done, k)
	}
	k.ready = true
	e.done = append(e.done, k)
	e.poke()
}

// forget is the end of a call.
func (e *Engine) forget(k *call) {
	delete(e.calls, k.op)
	e.counters.Pending.Add(-1)
}

// Poll lets happen what is due.
func (e *Engine) Poll() (bool, error) {
	w := e.w
	w.mu.Lock()
	defer w.unlock()
	e.counters.Enters.Add(1)
	if w.virtual {
		mine := w.baton.holder == e
		if !mine || !w.baton.held && w.chance(w.profile.Preempt) {
			w.rest(e, true, w.now)
		}
		if !w.baton.held {
			w.now += 1 + w.rnd.Int64N(pollNanoseconds)
		}
	}
	e.collect()
	return len(e.done) > 0, nil
}

// pollNanoseconds is how long a turn of a loop seems to take at most: a loop that never sleeps gets on, too.
const pollNanoseconds = 4000

// collect lets happen what is due and serves those who wait for a buffer.
func (e *Engine) collect() {
	if !e.w.baton.held {
		e.w.runDue()
	}
	if e.freed.Swap(false) {
		e.feed()
	}
}

// Wait sleeps until there is something for Next, a Wake, or d has passed.
func (e *Engine) Wait(d time.Duration) error {
	if e.w.virtual {
		e.waitVirtual(d)
	} else {
		e.waitReal(d)
	}
	return nil
}

func (e *Engine) waitVirtual(d time.Duration) {
	w := e.w
	w.mu.Lock()
	defer w.unlock()
	e.counters.Enters.Add(1)
	until := int64(never)
	if d >= 0 {
		until = w.now + int64(d)
	}
	if !w.baton.held && w.chance(w.profile.Spurious) {
		until = w.now
	}
	w.rest(e, false, until)
	e.sleep.woken = false
	e.collect()
}

func (e *Engine) waitReal(d time.Duration) {
	w := e.w
	w.mu.Lock()
	e.counters.Enters.Add(1)
	e.collect()
	ready := len(e.done) > 0 || w.chance(w.profile.Spurious)
	w.unlock()
	switch {
	case ready || d == 0:
		select {
		case <-e.signal:
		default:
		}
	case d < 0:
		<-e.signal
	default:
		e.timer.Reset(d)
		select {
		case <-e.signal:
		case <-e.timer.C:
		}
		e.timer.Stop()
	}
	w.mu.Lock()
	e.collect()
	w.unlock()
}

// poke ends a wait, from inside the world.
func (e *Engine) poke() {
	if !e.w.virtual {
		select {
		case e.signal <- struct{}{}:
		default:
		}
	}
}

// Wake ends a running or the next Wait. It may be called from inside the world too, by a buffer that comes free, so it
// does not wait for the mutex itself.
func (e *Engine) Wake() {
	if !e.w.virtual {
		e.poke()
		return
	}
	e.wake.Store(true)
	if e.w.mu.TryLock() {
		e.w.unlock()
		return
	}
	go func() {
		e.w.mu.Lock()
		e.w.unlock()
	}()
}

// Next returns a completion, not always the oldest.
func (e *Engine) Next() *engine.Op {
	w := e.w
	w.mu.Lock()
	defer w.unlock()
	if len(e.done) == 0 {
		return nil
	}
	i := 0
	if n := len(e.done); n > 1 && w.chance(w.profile.Reordered) {
		if i = w.rnd.IntN(n); i > 0 {
			w.counts[Reordered][e.done[i].code]++
		}
	}
	k := e.done[i]
	e.done = append(e.done[:i], e.done[i+1:]...)
	e.forget(k)
	e.counters.Ops.Add(1)
	w.note(k.op)
	return k.op
}
