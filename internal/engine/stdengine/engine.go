// Package stdengine performs operations with package net: a goroutine makes each call that may block. It
// runs wherever Go runs, and it is the oracle that the other engines are compared with.
//
// A pending receive holds no buffer. Where the connection tells when it is readable ([syscall.Conn]) a
// buffer is taken only then; where it does not, such as [net.Pipe], a receive reads into a small buffer
// of its own first and copies.
package stdengine

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/mem"
)

// Engine is an engine.Engine over package net.
type Engine struct {
	pool     *mem.Pool
	counters engine.Counters
	signal   chan struct{} // holds one token when there is something for Wait
	timer    *time.Timer
	workers  sync.WaitGroup // goroutines of operations

	mu     sync.Mutex
	closed bool
	done   engine.Queue
	descs  map[*desc]struct{}
	dials  map[*engine.Op]func()   // pending Connects and how to cancel them
	closes map[*engine.Op]struct{} // pending Closes; the goroutine of one that is not here drops its result
}

var _ engine.Engine = (*Engine)(nil)

// New makes an engine. Config.Netpoll makes no difference: Wait parks the goroutine either way.
func New(cfg engine.Config) (*Engine, error) {
	if cfg.Pool == nil {
		return nil, fmt.Errorf("engine std: Config.Pool is nil: %w", syscall.EINVAL)
	}
	if cfg.SQPoll {
		return nil, fmt.Errorf("engine std: SQPoll is for io_uring: %w", errors.ErrUnsupported)
	}
	e := &Engine{
		pool:   cfg.Pool,
		signal: make(chan struct{}, 1),
		timer:  time.NewTimer(time.Hour),
		descs:  map[*desc]struct{}{},
		dials:  map[*engine.Op]func(){},
		closes: map[*engine.Op]struct{}{},
	}
	e.timer.Stop()
	return e, nil
}

// Submit starts an operation.
func (e *Engine) Submit(op *engine.Op) bool {
	op.N, op.Buf, op.Err = 0, nil, nil
	done := e.submit(op)
	if done {
		e.counters.Ops.Add(1)
	}
	return done
}

func (e *Engine) submit(op *engine.Op) bool {
	e.mu.Lock()
	closed := e.closed
	e.mu.Unlock()
	if closed {
		op.Err = net.ErrClosed
		return true
	}
	switch op.Code {
	case engine.Nop:
		return true
	case engine.Connect:
		e.connect(op)
		return false
	case engine.File:
		return e.submitFile(op)
	}
	d := op.Desc.(*desc)
	if op.Code == engine.Close {
		return d.close(op)
	}
	if d.isClosing() {
		op.Err = net.ErrClosed
		return true
	}
	switch {
	case op.Code == engine.Accept && d.listener != nil:
		return d.accept(op)
	case op.Code == engine.Recv && d.conn != nil:
		d.recv(op)
		return false
	case op.Code == engine.Send && d.conn != nil:
		return d.send(op)
	case op.Code == engine.Shutdown && d.conn != nil:
		op.Err = unwrap(d.shutdown(op.How))
		return true
	}
	op.Err = syscall.EINVAL
	return true
}

// begin counts an operation that a goroutine performs, which ends in finish.
func (e *Engine) begin() {
	e.workers.Add(1)
	e.counters.Pending.Add(1)
}

// finish hands an operation to Next.
func (e *Engine) finish(op *engine.Op) {
	e.counters.Pending.Add(-1)
	e.mu.Lock()
	e.done.Push(op)
	e.mu.Unlock()
	e.Wake()
}

// Poll reports whether Next has something. Operations go on by themselves.
func (e *Engine) Poll() (bool, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return !e.done.Empty(), nil
}

// Wait sleeps until there is something.
func (e *Engine) Wait(d time.Duration) error {
	if ready, _ := e.Poll(); ready || d == 0 {
		select {
		case <-e.signal:
		default:
		}
		return nil
	}
	if d < 0 {
		<-e.signal
		return nil
	}
	e.timer.Reset(d)
	select {
	case <-e.signal:
	case <-e.timer.C:
	}
	e.timer.Stop()
	return nil
}

// Next returns the next completion.
func (e *Engine) Next() *engine.Op {
	e.mu.Lock()
	defer e.mu.Unlock()
	op := e.done.Pop()
	if op != nil {
		e.counters.Ops.Add(1)
	}
	return op
}

// Wake ends a running or the next Wait.
func (e *Engine) Wake() {
	select {
	case e.signal <- struct{}{}:
	default:
	}
}

// Caps describes the engine.
func (e *Engine) Caps() engine.Caps { return engine.Caps{Name: engine.Std, SendsInline: true} }

// Counters may be read by anybody. Enters counts calls of package net.
func (e *Engine) Counters() *engine.Counters { return &e.counters }
