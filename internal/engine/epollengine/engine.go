//go:build linux && !unio_noepoll

package epollengine

import (
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/sys"
	"github.com/unio-go/unio/mem"
)

const (
	// eventsMax is how many events one entry collects: enough that a busy loop enters once per turn, few
	// enough to stay in the first-level cache (12 bytes each).
	eventsMax = 256

	// sendBytesMax ends one raw sendmsg: a copy of this size takes some 50 us, for which stopping the
	// world has to wait.
	sendBytesMax = 256 << 10

	// sendTurnBytesMax is what one operation may send before others have their turn.
	sendTurnBytesMax = 1 << 20

	// acceptSkipMax is how many connections that died in the backlog one attempt passes over before
	// others have their turn.
	acceptSkipMax = 16
)

// Engine is an engine.Engine over epoll. See the contract for who may call what.
type Engine struct {
	pool   *mem.Pool
	ep     int
	closed bool
	vector sys.Vector

	table []slot // by id; slot 0 is the wake eventfd
	free  []uint32

	done     engine.Queue // completed, to be returned by Next
	ready    descQueue    // descriptors with an operation that may go on
	later    descQueue    // the same, after the next Poll: they have had their turn
	starved  []*desc      // receives that wait for a buffer
	notices  []func()     // withdraw the wait for a buffer, or pass it on; empty: no wait
	served   bool         // there was a buffer, and all of starved have their try now
	refilled atomic.Bool

	closers closers
	waker   waker
	netpoll *netpoll // nil unless Config.Netpoll

	counters engine.Counters
	stats    stats

	// What the last entry has collected, and how much of it Next has looked at. They are noted one by one, so that a
	// descriptor is touched once, when it is its turn.
	events      [eventsMax]sys.EpollEvent
	fresh, seen int
}

var _ engine.Engine = (*Engine)(nil)

// stats are counted without atomics and published once per turn.
type stats struct {
	enters, ops, noBuffers, copied uint64
	descs, pending                 int64
}

// New makes an engine. It keeps two descriptors, three with Config.Netpoll.
func New(cfg engine.Config) (*Engine, error) {
	if cfg.Pool == nil {
		return nil, fmt.Errorf("engine epoll: Config.Pool is nil: %w", syscall.EINVAL)
	}
	if cfg.SQPoll {
		return nil, fmt.Errorf("engine epoll: SQPoll is for io_uring: %w", errors.ErrUnsupported)
	}
	ep, err := sys.EpollCreate()
	if err != nil {
		return nil, fmt.Errorf("engine epoll: %w", err)
	}
	e := &Engine{pool: cfg.Pool, ep: ep, table: make([]slot, 1, 64)}
	e.closers.wake = e.waker.wake
	if err := e.waker.open(ep); err != nil {
		sys.CloseFD(ep)
		return nil, fmt.Errorf("engine epoll: %w", err)
	}
	if cfg.Netpoll {
		if e.netpoll, err = newNetpoll(e); err != nil {
			e.waker.close()
			return nil, fmt.Errorf("engine epoll: %w", err)
		}
	}
	return e, nil
}

// Submit starts an operation and, where that does not need waiting, ends it.
func (e *Engine) Submit(op *engine.Op) bool {
	op.Err = nil
	if e.closed {
		op.Err = net.ErrClosed
		return true
	}
	switch op.Code {
	case engine.Nop:
		return e.finishNow(true)
	case engine.Connect:
		return e.finishNow(e.connect(op))
	case engine.File:
		return e.finishNow(e.submitFile(op))
	}
	d := op.Desc.(*desc)
	if d.fd < 0 {
		op.Err = net.ErrClosed
		return e.finishNow(true)
	}
	switch op.Code {
	case engine.Recv:
		op.Buf = nil
		d.claim(&d.in, op)
		if d.isReady(op) {
			// Its caller has received enough for now, or others have received by RecvNow, of which nobody has told.
			if d.readable = d.readable && sys.Readable(d.fd); d.readable {
				e.yield(d)
			}
			return e.started(d, op, false)
		}
		return e.started(d, op, d.readable && e.recv(d, op))
	case engine.Send:
		return e.submitSend(d, op)
	case engine.Accept:
		d.claim(&d.in, op)
		return e.started(d, op, d.readable && e.accept(d, op))
	case engine.Shutdown:
		return e.finishNow(e.shutdown(d, op))
	case engine.Close:
		return e.finishNow(e.close(d, op)) // which may come back later, by closers
	}
	op.Err = syscall.EINVAL
	return e.finishNow(true)
}

// started ends the beginning of an operation that d has claimed: it is over, or it waits.
func (e *Engine) started(d *desc, op *engine.Op, done bool) bool {
	if done {
		d.release(op)
		e.stats.ops++
	} else {
		e.stats.pending++
	}
	return done
}

func (e *Engine) finishNow(done bool) bool {
	if done {
		e.stats.ops++
	}
	return done
}

// finish hands a pending operation that is over to Next.
func (e *Engine) finish(op *engine.Op) {
	e.stats.pending--
	e.done.Push(op)
}

// Poll collects without sleeping.
func (e *Engine) Poll() (bool, error) {
	e.requeue()
	e.noteAll()
	n, errno := sys.EpollPoll(e.ep, e.events[:])
	e.stats.enters++
	e.fresh, e.seen = n, 0
	e.publish()
	return e.busy(), pollErr(errno)
}

var _ engine.InPlacer = (*Engine)(nil)

// WaitInPlace is Wait by a raw system call, where the kernel has one with a limit in nanoseconds.
func (e *Engine) WaitInPlace(d time.Duration) error { return e.wait(d, true) }

// Wait collects and sleeps if there is nothing.
func (e *Engine) Wait(d time.Duration) error { return e.wait(d, false) }

func (e *Engine) wait(d time.Duration, inPlace bool) error {
	e.requeue()
	if d == 0 || e.busy() || !e.waker.sleep() {
		e.waker.consume()
		_, err := e.Poll()
		return err
	}
	e.publish()
	var n int
	var errno syscall.Errno
	switch {
	case e.netpoll != nil:
		n, errno = e.netpoll.wait(d)
	case inPlace:
		n, errno = sys.EpollWaitInPlace(e.ep, e.events[:], d)
		e.stats.enters++
	default:
		n, errno = sys.EpollWait(e.ep, e.events[:], d)
		e.stats.enters++
	}
	e.waker.awake()
	e.fresh, e.seen = n, 0
	e.requeue()
	e.waker.consume()
	return pollErr(errno)
}

func pollErr(errno syscall.Errno) error {
	if errno == 0 {
		return nil
	}
	return fmt.Errorf("engine epoll: epoll_pwait: %w", errno)
}

// busy reports whether Next may have something.
func (e *Engine) busy() bool {
	return e.seen < e.fresh || !e.done.Empty() || e.ready.head != nil || e.later.head != nil
}

// requeue lets those go on who had had their turn, or for whom a buffer has come free, and takes what
// other goroutines have ended.
func (e *Engine) requeue() {
	e.ready.join(&e.later)
	if e.closers.some.Load() {
		e.closers.take(e)
	}
	if !e.refilled.Load() || !e.refilled.Swap(false) {
		return
	}
	e.served = true
	for i, d := range e.starved {
		e.starved[i] = nil
		d.starved = false
		e.enqueue(d)
	}
	e.starved = e.starved[:0]
}

// noteAll empties the events for the next entry, which overwrites them.
func (e *Engine) noteAll() {
	for d := e.note(); d != nil; d = e.note() {
		d.queued = true
		e.ready.push(d)
	}
}

// note takes what events tell until one has made an operation runnable, and returns its descriptor. Events of a descriptor
// that is gone are dropped by its generation, and the waker has done its work by ending the sleep.
func (e *Engine) note() *desc {
	for e.seen < e.fresh {
		ev := &e.events[e.seen]
		e.seen++
		s := &e.table[ev.ID()]
		d := s.d
		if d == nil || s.gen != ev.Gen() {
			continue
		}
		if ev.Events&(sys.EpollIn|sys.EpollRdhup|sys.EpollHup|sys.EpollErr) != 0 {
			d.readable = true
			d.hup = d.hup || ev.Events&^(sys.EpollIn|sys.EpollOut) != 0
		}
		if ev.Events&(sys.EpollOut|sys.EpollHup|sys.EpollErr) != 0 {
			d.writable = true
		}
		if !d.queued && d.runnable() {
			return d
		}
	}
	return nil
}

// enqueue puts a descriptor where Next looks, if it has an operation that may go on.
func (e *Engine) enqueue(d *desc) {
	if !d.queued && d.runnable() {
		d.queued = true
		e.ready.push(d)
	}
}

// Next returns the next completion. System calls that transfer data are made here.
func (e *Engine) Next() *engine.Op {
	op := e.done.Pop()
	for op == nil {
		d := e.ready.pop()
		if d == nil {
			if d = e.note(); d == nil {
				e.renotify()
				return nil
			}
		}
		d.queued = false
		if op = e.step(d); op != nil && d.runnable() {
			d.queued = true
			e.ready.pushFront(d)
		}
	}
	e.stats.ops++
	return op
}

// step performs what d is ready for until one operation is over, and returns that.
func (e *Engine) step(d *desc) *engine.Op {
	if op := d.in; op != nil && d.readable && !d.starved {
		if op.Code == engine.Recv && (d.isReady(op) || e.recv(d, op)) || op.Code == engine.Accept && e.accept(d, op) {
			return e.stepped(d, op)
		}
	}
	if op := d.out; op != nil && d.writable {
		if op.Code == engine.Send && e.send(d, op) || op.Code == engine.Connect && e.connected(d, op) {
			return e.stepped(d, op)
		}
	}
	return nil
}

func (e *Engine) stepped(d *desc, op *engine.Op) *engine.Op {
	d.release(op)
	e.stats.pending--
	return op
}

// yield lets others have their turn before d goes on.
func (e *Engine) yield(d *desc) {
	if !d.queued {
		d.queued = true
		e.later.push(d)
	}
}

// publish makes the counts visible.
func (e *Engine) publish() {
	c, s := &e.counters, &e.stats
	c.Enters.Store(s.enters)
	c.Ops.Store(s.ops)
	c.NoBuffers.Store(s.noBuffers)
	c.Copied.Store(s.copied)
	c.Descs.Store(s.descs)
	c.Pending.Store(s.pending)
}

// Wake ends a running or the next Wait. Any goroutine may call it.
func (e *Engine) Wake() { e.waker.wake() }

// Caps describes the engine.
func (e *Engine) Caps() engine.Caps {
	features := []string{"edge-triggered"}
	if e.netpoll != nil {
		features = append(features, "netpoll")
	}
	return engine.Caps{Name: engine.Epoll, SendsInline: true, Features: features}
}

// Counters are published by Poll and Wait.
func (e *Engine) Counters() *engine.Counters { return &e.counters }
