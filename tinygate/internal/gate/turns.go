package gate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/tinygate/internal/cluster"
)

// errFull says that no connection to the server became free in time.
var errFull = errors.New("all connections that the server may have are in use (pool.max)")

// errLate is errFull where a limit of the request has ended the wait, and not that of the pool.
var errLate = fmt.Errorf("%w, and the time of the request is over: %w", errFull, os.ErrDeadlineExceeded)

// enter waits for the exchange's turn with a server whose connections are bounded, on all loops.
func (p *pool) enter(x *exchange) error {
	s := p.group.turns
	if s == nil {
		return nil
	}
	turns := s.of(p.server)
	if w := turns.enter(); w != nil {
		now, wait := x.cl.raw.Now(), p.group.Pool.Wait
		by, came := x.tryBy(now, wait), false
		gone := x.watched(by, func(ctx context.Context) { came = turns.await(ctx, w) })
		switch {
		case came:
			x.turns = turns
			return gone
		case gone != nil:
			return gone
		case by.Before(now.Add(wait)):
			return errLate
		}
		return errFull
	}
	x.turns = turns
	return nil
}

// leaveTurn gives the exchange's turn back, if it has one.
func (x *exchange) leaveTurn() {
	if x.turns != nil {
		x.turns.admit(1)
		x.turns = nil
	}
}

// turnsOf keeps the turns of an upstream's servers. It outlasts reloads: the bound changes in place, so that it holds for
// requests of the old configuration and of the new one together.
type turnsOf struct {
	most atomic.Int64 // requests that each server may have at a time; 0: all that come
	all  sync.Map     // *turns by *cluster.Server
}

func (t *turnsOf) of(s *cluster.Server) *turns {
	if c, ok := t.all.Load(s); ok {
		return c.(*turns)
	}
	c, _ := t.all.LoadOrStore(s, &turns{most: &t.most})
	if s.Gone() { // pool.drain may have been here already, and does not come again
		t.all.Delete(s)
	}
	return c.(*turns)
}

// full reports whether a request would have to wait for its turn with a server.
func (t *turnsOf) full(s *cluster.Server) bool {
	c, ok := t.all.Load(s)
	return ok && c.(*turns).full()
}

// bound changes how many requests each server may have. Those that wait get their turn if there is room now.
func (t *turnsOf) bound(most int) {
	t.most.Store(int64(most))
	t.all.Range(func(_, c any) bool {
		c.(*turns).admit(0)
		return true
	})
}

// turns counts the requests that a server has, and has the ones that wait for their turn, in the order of their arrival.
type turns struct {
	most *atomic.Int64

	mu   sync.Mutex
	used int64
	line []*unio.Chan[struct{}] // places; each gets a value when its turn comes
}

// enter takes a turn. If none is free it returns a place in the line instead.
func (t *turns) enter() (place *unio.Chan[struct{}]) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.line) == 0 && t.free() {
		t.used++
		return nil
	}
	place = unio.NewChan[struct{}](1)
	t.line = append(t.line, place)
	return place
}

func (t *turns) full() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.line) > 0 || !t.free()
}

func (t *turns) free() bool {
	most := t.most.Load()
	return most == 0 || t.used < most
}

// await waits for the turn of a place in the line, and reports whether it came.
func (t *turns) await(ctx context.Context, place *unio.Chan[struct{}]) bool {
	if _, err := place.Recv(ctx); err == nil {
		return true
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	i := slices.Index(t.line, place)
	if i < 0 {
		return true // it came meanwhile
	}
	t.line = slices.Delete(t.line, i, i+1)
	return false
}

// admit takes back as many turns as have left, and gives them to those that wait, as far as there is room.
func (t *turns) admit(left int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.used -= left
	for len(t.line) > 0 && t.free() {
		t.line[0].TrySend(struct{}{})
		t.line = slices.Delete(t.line, 0, 1)
		t.used++
	}
}
