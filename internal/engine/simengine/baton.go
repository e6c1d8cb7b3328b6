package simengine

import (
	"fmt"
	"math"
	"sync"
	"time"
)

// baton says which engine runs, in virtual time.
type baton struct {
	engines []*Engine
	holder  *Engine
	held    bool // time stands still and nothing is drawn: the world is set up, or taken down
	gate    bool // nobody goes on before every engine has been woken
	stuck   bool // nothing will ever happen again by itself
	stops   int  // how often that came to be
	limit   int64
	late    bool // the limit has been reached
	ended   bool // the scenario has
	given   bool // it has been given up
	outside *sync.Cond
}

// sleep is an engine's place in the order of those that could go on.
type sleep struct {
	asleep bool
	inPoll bool  // it would go on at once
	until  int64 // it goes on at this time
	woken  bool
	turn   *sync.Cond
}

// never is a time that does not come.
const never = math.MaxInt64

// rest gives the baton back until it is the engine's turn again. The mutex is held.
func (w *World) rest(e *Engine, inPoll bool, until int64) {
	e.sleep.asleep, e.sleep.inPoll, e.sleep.until = true, inPoll, until
	if w.baton.holder == e {
		w.baton.holder = nil
	}
	w.pass()
	for w.baton.holder != e {
		e.sleep.turn.Wait()
	}
	e.sleep.asleep = false
}

// pass gives the baton to one of the engines that can go on, and lets time go on where none can.
func (w *World) pass() {
	b := &w.baton
	if !w.virtual || b.holder != nil {
		return
	}
	for _, e := range b.engines {
		if !e.sleep.asleep {
			return // it is new, and will ask
		}
	}
	if b.gate && !w.open() {
		return
	}
	for {
		if e := w.next(); e != nil {
			b.holder, b.stuck = e, false
			e.sleep.turn.Signal()
			return
		}
		if b.held {
			b.outside.Broadcast()
			return
		}
		when := w.nextTime()
		if !b.stuck && when == never {
			b.stops++
		}
		b.stuck = when == never
		b.late = !b.stuck && b.limit != 0 && when > b.limit
		if b.stuck || b.late {
			b.outside.Broadcast()
			return
		}
		w.now = max(w.now, when)
		w.runDue()
	}
}

// open opens the gate when every engine has been woken.
func (w *World) open() bool {
	for _, e := range w.baton.engines {
		if !e.sleep.woken && !e.wake.Load() {
			return false
		}
	}
	w.baton.gate, w.baton.held = false, false
	return true
}

// next chooses among the engines that can go on. While the world is held the first one goes on, so that nothing is drawn.
func (w *World) next() *Engine {
	var ready []*Engine
	for _, e := range w.baton.engines {
		if e.wake.Swap(false) {
			e.sleep.woken = true
		}
		due := e.sleep.until <= w.now && !w.baton.held
		if e.sleep.inPoll || e.sleep.woken || due || len(e.done) > 0 {
			ready = append(ready, e)
		}
	}
	switch {
	case len(ready) == 0:
		return nil
	case len(ready) == 1 || w.baton.held:
		return ready[0]
	}
	return ready[w.rnd.IntN(len(ready))]
}

// nextTime is when the next thing happens.
func (w *World) nextTime() int64 {
	when := int64(never)
	if len(w.events) > 0 {
		when = w.events[0].when
	}
	for _, e := range w.baton.engines {
		when = min(when, e.sleep.until)
	}
	return when
}

// Start lets time go on. A scenario calls it from its first task, so that where it begins does not depend on the machine.
func (w *World) Start() {
	w.mu.Lock()
	w.baton.held = false
	w.unlock()
}

// Settle waits until every engine sleeps in a world that is held.
func (w *World) Settle() {
	w.mu.Lock()
	for !w.settled() {
		w.baton.outside.Wait()
	}
	w.unlock()
}

func (w *World) settled() bool {
	if w.baton.holder != nil {
		return false
	}
	for _, e := range w.baton.engines {
		if !e.sleep.asleep || e.sleep.inPoll || e.sleep.woken || e.wake.Load() || len(e.done) > 0 {
			return false
		}
	}
	return true
}

// Gate has a held and settled world go on when every engine has been woken: whoever ends a runtime tells one loop after
// the other, and none shall be ahead of the telling.
func (w *World) Gate() {
	w.mu.Lock()
	w.baton.gate = true
	w.unlock()
}

// Await waits for the scenario's End, and then until every engine sleeps: the world is held by then. It fails when nothing more can
// happen, or when the clock has passed the limit; then time goes on without one, so that the rest can be taken down. A goroutine
// that does not belong to the world may still make something happen, and has so much real time for it as patience says.
func (w *World) Await(patience time.Duration) error {
	w.mu.Lock()
	defer w.unlock()
	b := &w.baton
	for {
		switch {
		case b.ended && w.settled():
			b.limit = 0
			return nil
		case b.ended:
		case b.late:
			limit := b.limit
			b.limit, b.late, b.given = 0, false, true
			return fmt.Errorf("the scenario has not ended after %v of simulated time", time.Duration(limit))
		case b.stuck:
			if !w.staysStuck(patience) {
				continue
			}
			b.limit, b.given = 0, true
			return fmt.Errorf("the scenario stands still: every loop sleeps, no timer is set and nothing is under way, "+
				"after %v", time.Duration(w.now))
		}
		b.outside.Wait()
	}
}

// staysStuck waits for so much real time at most, and reports whether nothing has happened in it. The mutex is held.
func (w *World) staysStuck(patience time.Duration) bool {
	b := &w.baton
	over, stops := false, b.stops
	timer := time.AfterFunc(patience, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		over = true
		b.outside.Broadcast()
	})
	defer timer.Stop()
	for b.stuck && b.stops == stops && !over {
		b.outside.Wait()
	}
	return b.stuck && b.stops == stops
}

// End says, from the scenario's first task, that the scenario has ended, and holds the world.
func (w *World) End() {
	w.mu.Lock()
	if !w.baton.given {
		w.baton.ended, w.baton.held = true, true
	}
	w.unlock()
}
