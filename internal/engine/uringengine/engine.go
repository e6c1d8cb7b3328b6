//go:build linux && !unio_nouring

package uringengine

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/sys"
	"github.com/unio-go/unio/uring"
)

// Engine is an engine.Engine on io_uring. Make it with New.
type Engine struct {
	ring     *uring.Ring
	blocks   *blocks
	table    table
	records  records
	starved  []*desc // the queue of those that wait for blocks
	fed      int     // bytes of the blocks that those of them are likely to take that were armed since the last enter
	suspects suspects
	files    files
	fixed    fixed
	done     engine.Queue
	err      error // why the ring can be used no longer

	// The completions that were there when last looked: those before cqAt are dispatched, cqEnd is the number of all.
	cqAt, cqEnd uint32

	able      ability
	unreadMax int
	copying   int  // bytes of the large receives and sends that are queued
	inPlace   bool // the wait that is under way is one in place
	closing   bool
	netpoll   *netpoll
	elsewhere bool          // completions wait for another thread
	polled    bool          // a thread of the kernel takes what is queued
	spin      time.Duration // how long Wait looks before it sleeps, if polled
	lone      *desc         // whose send is put off
	caps      engine.Caps
	deadEntry uring.SQE

	stats    stats // since they were last published
	counters engine.Counters

	// For other goroutines.
	woken  atomic.Bool
	wakeMu sync.Mutex // guards wakeFD against Close
	wakeFD int
}

var _ engine.Engine = (*Engine)(nil)

// stats are what the counters will be told at the end of the turn.
type stats struct {
	enters, ops, rearms, noBuffers uint64 // since the last time
	files, fixed                   uint64
	multishots, descs, pending     int64 // now
}

// New makes an engine. Without Config.Netpoll it belongs to the calling thread.
func New(cfg engine.Config) (*Engine, error) {
	able, err := abilities()
	if err != nil {
		return nil, err
	}
	return newEngine(cfg, able, sizes[:])
}

// newEngine makes an engine that uses what it is told that the kernel can do.
func newEngine(cfg engine.Config, able ability, sizes []geometry) (*Engine, error) {
	if cfg.Pool == nil {
		return nil, fmt.Errorf("engine uring: Config.Pool is nil: %w", syscall.EINVAL)
	}
	if cfg.SQPoll && cfg.Netpoll {
		return nil, fmt.Errorf("engine uring: SQPoll is for loops with a thread of their own: %w", errors.ErrUnsupported)
	}
	e := &Engine{able: able, unreadMax: cfg.UnreadBytes, wakeFD: -1}
	if e.unreadMax <= 0 {
		e.unreadMax = engine.UnreadBytesDefault
	}
	e.unreadMax = min(e.unreadMax, unreadBytesMax)
	if err := e.open(cfg, sizes); err != nil {
		e.free()
		return nil, explain(err)
	}
	e.caps = describe(e.ring, able)
	e.publish()
	return e, nil
}

func (e *Engine) open(cfg engine.Config, sizes []geometry) error {
	setup := uint32(setupLocked)
	switch {
	case cfg.Netpoll:
		setup = setupShared
	case cfg.SQPoll:
		setup = setupPolled
	}
	ring, g, err := openRing(sizes, setup)
	if err != nil {
		return err
	}
	e.ring = ring
	if e.polled = setup == setupPolled; e.polled {
		e.openSpin()
	}
	if cfg.Netpoll {
		if e.netpoll, err = newNetpoll(ring.FD(), e.pollReady); err != nil {
			return err
		}
	} else {
		// It saves the look-up of a descriptor per enter; without it the ring works too.
		_ = ring.RegisterRingFd()
		if e.wakeFD, err = sys.Eventfd(); err != nil {
			return err
		}
		e.armWake()
	}
	if !e.able.incremental {
		g.blocks, g.blockBytes = plainBlocks, plainBlockBytes
	}
	e.blocks, err = openBlocks(ring, g, cfg.Pool, e.able.incremental, e.Wake)
	return err
}

// Attach takes a socket over.
func (e *Engine) Attach(s engine.Socket, kind engine.Kind) (engine.Desc, error) {
	if s.Conn != nil || s.Listener != nil {
		return nil, fmt.Errorf("engine uring: socket of package net: %w", errors.ErrUnsupported)
	}
	if e.closing {
		return nil, net.ErrClosed
	}
	// The ring waits by itself, whatever the mode of a stream; on a non-blocking listener some kernels would answer EAGAIN at
	// once.
	if kind == engine.Listener {
		if err := sys.SetNonblock(s.FD, false); err != nil {
			return nil, err
		}
	}
	d := &desc{fd: int32(s.FD), kind: kind}
	e.table.add(d)
	e.stats.descs++
	return d, nil
}

// Submit hands over an operation.
func (e *Engine) Submit(op *engine.Op) (done bool) {
	if done = e.submit(op); done {
		e.stats.ops++
	}
	return done
}

func (e *Engine) submit(op *engine.Op) (done bool) {
	op.Err = nil
	if e.err != nil || e.closing {
		if op.Err = net.ErrClosed; op.Code == engine.File {
			op.FailFile(op.Err)
		}
		return true
	}
	switch op.Code {
	case engine.Nop:
		return true
	case engine.Connect:
		return e.submitConnect(op)
	case engine.File:
		return e.submitFile(op)
	}
	d := op.Desc.(*desc)
	if d.closing != nil {
		op.Err = net.ErrClosed
		return true
	}
	switch op.Code {
	case engine.Recv:
		return e.submitRecv(d, op)
	case engine.Send:
		return e.submitSend(d, op)
	case engine.Accept:
		return e.submitAccept(d, op)
	case engine.Shutdown:
		return e.submitShutdown(d, op)
	case engine.Close:
		return e.submitClose(d, op)
	}
	op.Err = fmt.Errorf("engine uring: operation %v: %w", op.Code, errors.ErrUnsupported)
	return true
}

// complete queues an operation for Next.
func (e *Engine) complete(op *engine.Op) { e.done.Push(op) }

// Next returns a completed operation. Completions of the kernel are looked at one by one as they are asked for: an
// operation that is submitted meanwhile can be answered by the next of them.
func (e *Engine) Next() *engine.Op {
	for e.done.Empty() {
		if e.closing || !e.ready() {
			return nil
		}
		c := e.ring.CQE(e.cqAt)
		e.cqAt++
		e.dispatch(c.UserData, c.Res, c.Flags)
	}
	e.stats.ops++
	return e.done.Pop()
}

// dispatch takes a completion to whom it is for.
func (e *Engine) dispatch(data uint64, res int32, cqe uint32) {
	kind := data >> kindShift
	switch kind {
	case kindNone:
		return
	case kindWake:
		e.wakeDone(cqe)
		return
	case kindFile:
		e.fileDone(data, res)
		return
	}
	d := e.table.find(data)
	if d == nil {
		e.stale(kind, res, cqe)
		return
	}
	switch kind {
	case kindRecv:
		e.recvDone(d, res, cqe)
	case kindSend:
		e.sendDone(d, res)
	case kindAccept:
		e.acceptDone(d, res, cqe)
	case kindConnect:
		e.connectDone(d, res)
	case kindClose:
		e.closeDone(d, res)
	}
}

// stale takes a completion whose descriptor is gone. An index is given up after its last completion, so there are none;
// if there were one, what it brings must not leak.
func (e *Engine) stale(kind uint64, res int32, cqe uint32) {
	if cqe&uring.CqeFBuffer != 0 {
		if b := e.blocks.take(cqe, int(max(res, 0))); b != nil {
			b.Release()
		}
	}
	if kind == kindAccept && res >= 0 {
		sys.CloseFD(int(res))
	}
}

// Caps tells what the engine does differently inside.
func (e *Engine) Caps() engine.Caps { return e.caps }

// Counters may be read by anybody.
func (e *Engine) Counters() *engine.Counters { return &e.counters }

// publish tells the counters what has changed. An atomic store costs as much as a completion's whole bookkeeping, so it
// is done once per turn and only for what is new.
func (e *Engine) publish() {
	c, s := &e.counters, &e.stats
	bump(&c.Enters, &s.enters)
	bump(&c.Ops, &s.ops)
	bump(&c.Rearms, &s.rearms)
	bump(&c.NoBuffers, &s.noBuffers)
	bump(&c.Files, &s.files)
	bump(&c.Fixed, &s.fixed)
	if e.blocks != nil {
		bump(&c.Copied, &e.blocks.copied)
	}
	set(&c.Multishots, s.multishots)
	set(&c.Descs, s.descs)
	set(&c.Pending, s.pending)
}

func bump(c *atomic.Uint64, n *uint64) {
	if *n != 0 {
		engine.Bump(c, *n)
		*n = 0
	}
}

func set(c *atomic.Int64, n int64) {
	if c.Load() != n {
		c.Store(n)
	}
}
