package nop

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"time"

	"github.com/unio-go/unio/bench/internal/trial"
	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/engine/uringengine"
	"github.com/unio-go/unio/internal/fileio"
	"github.com/unio-go/unio/internal/loop"
	"github.com/unio-go/unio/mem"
)

// errNoFiles says that an engine cannot be asked for a no-op that the kernel performs.
var errNoFiles = errors.New("the engine performs no operations on files here")

func newEngine(cfg engine.Config) (engine.Engine, error) { return uringengine.New(cfg) }

// driven is an engine without a loop. The goroutine that starts it is the one that uses it.
type driven struct {
	e   engine.Engine
	ops []*engine.Op
}

func startEngine() (trial.Program, error) {
	runtime.LockOSThread()
	pool, err := mem.NewPool(nil)
	if err != nil {
		return nil, err
	}
	e, err := newEngine(engine.Config{Pool: pool})
	if err != nil {
		return nil, err
	}
	if !e.Caps().Files {
		return nil, errors.Join(errNoFiles, e.Close(time.Second))
	}
	return &driven{e: e}, nil
}

func (d *driven) Slice(cs string, limit time.Duration, _ bool) (trial.Slice, error) {
	n, err := depth(cs)
	if err != nil {
		return trial.Slice{}, err
	}
	for len(d.ops) < n {
		d.ops = append(d.ops, nopOp())
	}
	ops, m, end := 0, trial.StartMeter(), time.Now().Add(limit)
	for ops == 0 || time.Now().Before(end) {
		for range many {
			if err := d.turn(d.ops[:n]); err != nil {
				return trial.Slice{}, err
			}
			ops += n
		}
	}
	return account(m, ops), nil
}

func nopOp() *engine.Op {
	return &engine.Op{Code: engine.File, IO: &fileio.Op{Code: fileio.Nop, File: nopFile}}
}

// turn performs some no-ops.
func (d *driven) turn(ops []*engine.Op) error {
	left := len(ops)
	for _, op := range ops {
		if d.e.Submit(op) {
			left--
		}
	}
	for left > 0 {
		if err := d.e.Wait(-1); err != nil {
			return err
		}
		for op := d.e.Next(); op != nil; op = d.e.Next() {
			if left--; op.IO.Err != nil {
				return op.IO.Err
			}
		}
	}
	return nil
}

func (d *driven) Close() error { return d.e.Close(time.Second) }

// tasks are those of a loop.
type tasks struct{ l *loop.Loop }

func startLoop() (trial.Program, error) {
	pool, err := mem.NewPool(nil)
	if err != nil {
		return nil, err
	}
	l, err := loop.New(loop.Config{
		NewEngine: newEngine, Engine: engine.Config{Pool: pool}, CPU: -1, Logger: slog.Default(), BatchWait: true,
	})
	if err != nil {
		return nil, err
	}
	p := tasks{l}
	if !l.Caps().Files {
		return nil, errors.Join(errNoFiles, p.Close())
	}
	return p, nil
}

// newTask is the mail that starts a task.
type newTask struct {
	loop.Node
	fn func()
}

func (m *newTask) Deliver(l *loop.Loop) { l.Go(m.fn) }

// waiting is a task that waits for an operation.
type waiting struct{ w *loop.Waiter }

// Complete resumes the task.
func (w *waiting) Complete(*engine.Op) { w.w.Finish() }

func (p tasks) Slice(cs string, d time.Duration, _ bool) (trial.Slice, error) {
	return together(cs, d, p.begin, p.work)
}

// begin starts a task.
func (p tasks) begin(fn func()) error {
	task := &newTask{fn: fn}
	task.Mail = task
	if !p.l.Post(&task.Node) {
		return fmt.Errorf("the loop has ended: %w", p.l.Err())
	}
	return nil
}

// work performs no-ops in a task.
func (p tasks) work(end time.Time) (ops int) {
	t, op := p.l.Here(), nopOp()
	op.To = &waiting{&t.Waiter}
	for ops == 0 || time.Now().Before(end) {
		for range many {
			if !p.l.Submit(op) {
				t.Wait()
			}
		}
		ops += many
	}
	return ops
}

func (p tasks) Close() error {
	<-p.l.Abort()
	return p.l.End(time.Now().Add(time.Second))
}
