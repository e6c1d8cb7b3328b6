package unio

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/unio-go/unio/internal/loop"
)

// Group runs functions concurrently and waits for all: as tasks on the loop of a task that calls Go, as goroutines
// otherwise. It is how a handler does two things at once, such as copying in both directions. Its methods may be called
// from anywhere, also by the functions that it runs. The zero Group is ready, has no limit, and is ready again after
// Wait.
type Group struct {
	mu     sync.Mutex
	open   int
	limit  int
	errs   []error
	cancel context.CancelCauseFunc
	full   line[struct{}] // those in Go
	done   line[struct{}] // those in Wait
}

// NewGroup makes a Group with a context that is cancelled when the first function fails, by its error as context.Cause
// tells it, and at the latest when Wait returns, so that the others can be ended: what waits with that context ends by
// itself, and a connection by context.AfterFunc and Close. Such a Group is used once.
func NewGroup(ctx context.Context) (*Group, context.Context) {
	ctx, cancel := context.WithCancelCause(ctx)
	return &Group{cancel: cancel}, ctx
}

// SetLimit bounds how many functions run at the same time; 0 or less is no bound. It holds for calls of Go that wait and
// for later ones; functions that run go on.
func (g *Group) SetLimit(n int) {
	g.mu.Lock()
	g.limit = n
	next := g.admit()
	g.mu.Unlock()
	wakeAll(next)
}

// admit counts in who waits and has room now, and returns the first of a list by next. The lock is held.
func (g *Group) admit() (first *inLine[struct{}]) {
	for last := &first; g.limit <= 0 || g.open < g.limit; {
		w := g.full.take()
		if w == nil {
			break
		}
		g.open++
		*last, last = w, &w.next
	}
	return first
}

var errGroupExit = errors.New("unio: a function of a Group ended by runtime.Goexit")

// Go runs fn, after waiting until fewer than the limit run: a task parks, a goroutine blocks. Where waiting would stop a
// loop fn does not run, and Wait says so by ErrCoroutine.
//
// A panic in fn is what it is elsewhere. In a task it is logged and ends fn alone, and Wait has an error that wraps the
// panic's value if that is one; in a goroutine it ends the process. Go panics when fn is nil.
func (g *Group) Go(fn func() error) {
	if fn == nil {
		panic("unio: Group.Go needs a function")
	}
	if !g.enter() {
		return
	}
	if t := loop.Current(); t != nil {
		t.Loop().Go(func() { g.run(fn, true) })
		return
	}
	go g.run(fn, false)
}

// enter counts a function in, when there is room.
func (g *Group) enter() bool {
	g.mu.Lock()
	if g.limit <= 0 || g.open < g.limit {
		g.open++
		g.mu.Unlock()
		return true
	}
	t, err := loop.Caller()
	if err != nil {
		g.errs = append(g.errs, errWaiting("Group.Go", err))
		g.mu.Unlock()
		return false
	}
	w := g.full.join(&g.mu, t)
	g.mu.Unlock()
	w.stay() // admit counts it in
	g.mu.Lock()
	g.full.free(w)
	g.mu.Unlock()
	return true
}

// run runs fn and counts it out. A panic goes on, so that a task is logged with the frames that it came from.
func (g *Group) run(fn func() error, task bool) {
	err := errGroupExit
	normal := false
	defer func() {
		if normal {
			g.leave(err)
			return
		}
		r := recover()
		if r == nil {
			g.leave(err)
			return
		}
		if task {
			g.leave(panicError(r))
		}
		panic(r)
	}()
	err = fn()
	normal = true
}

// panicError is what Wait returns for a panic.
func panicError(r any) error {
	if err, ok := r.(error); ok {
		return fmt.Errorf("unio: a function of a Group panicked: %w", err)
	}
	return fmt.Errorf("unio: a function of a Group panicked: %v", r)
}

// leave counts a function out and lets those go on who wait for that.
func (g *Group) leave(err error) {
	if err != nil && g.cancel != nil {
		g.cancel(err)
	}
	g.mu.Lock()
	if err != nil {
		g.errs = append(g.errs, err)
	}
	g.open--
	next := g.admit()
	var done *inLine[struct{}]
	if g.open == 0 && g.done.first != nil {
		done = g.done.takeAll(g.takeErrs())
	}
	g.mu.Unlock()
	wakeAll(next)
	wakeAll(done)
}

// Wait waits until every function has returned and joins their errors, the first one first. A task parks, a goroutine
// blocks; where that would stop a loop it returns ErrCoroutine at once. It waits for the functions even when the runtime
// is closed, which ends their calls with net.ErrClosed. All who wait at the same time get the same errors.
func (g *Group) Wait() error {
	var all error
	g.mu.Lock()
	if g.open == 0 {
		all = g.takeErrs()
	} else {
		t, err := loop.Caller()
		if err != nil {
			g.mu.Unlock()
			return errWaiting("Group.Wait", err)
		}
		w := g.done.join(&g.mu, t)
		g.mu.Unlock()
		w.stay()
		g.mu.Lock()
		all = w.err
		g.done.free(w)
	}
	g.mu.Unlock()
	if g.cancel != nil {
		g.cancel(all)
	}
	return all
}

// takeErrs joins the errors that there are, which are then told. The lock is held.
func (g *Group) takeErrs() error {
	err := errors.Join(g.errs...)
	g.errs = nil
	return err
}
