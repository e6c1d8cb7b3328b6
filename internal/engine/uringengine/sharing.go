//go:build linux && !unio_nouring

package uringengine

import (
	"errors"
	"sync"
	"sync/atomic"

	"github.com/unio-go/unio/mem"
)

// sharing is what lets several loops live on one pool, however small it is. A block that was offered to the kernel is kept until
// something comes, which may be never, while on another loop something has come and finds no block, or a Write wants the memory. So
// who finds none waits in the pool's queue, and who holds some while others wait gives them back.
//
// In a pool that is not small (mem.Pool.OnWait) nothing is given back: what loops hold is then what serves a neighbour of those who
// use up all the rest.
type sharing struct {
	pool *mem.Pool
	wake func()
	stop func() // ends the pool's calls of onWait

	waiting bool // for the pool to give a block: there is none to offer, and a receive waits
	cancels []func()
	came    atomic.Bool // it has given some
	mu      sync.Mutex  // guards the following
	given   []*mem.Buf
	closed  bool

	// For others.
	holding atomic.Bool // blocks are offered
	turns   int         // for how many while others wait
	stuck   bool        // the kernel was asked for them in vain, and nothing has come since
	back    bool        // they were given back, and there have been none since
}

func (s *sharing) open(pool *mem.Pool, wake func()) {
	s.pool, s.wake = pool, wake
	s.stop = pool.OnWait(s.onWait)
}

// onWait is called by whoever begins to wait for memory of the pool.
func (s *sharing) onWait() {
	if s.holding.Load() {
		s.wake()
	}
}

// await asks the pool for a whole block and for the smallest one: which of them comes first depends on what others release.
func (s *sharing) await(blockBytes int) {
	if s.waiting {
		return
	}
	s.waiting = true
	s.cancels = append(s.cancels, s.pool.Request(blockBytes, s.give))
	if blockBytes > blockBytesMin {
		s.cancels = append(s.cancels, s.pool.Request(blockBytesMin, s.give))
	}
}

// give is called by whoever releases a buffer, when it is our turn.
func (s *sharing) give(buf *mem.Buf) {
	s.mu.Lock()
	closed := s.closed
	if !closed {
		s.given = append(s.given, buf)
	}
	s.mu.Unlock()
	if closed {
		buf.Release()
		return
	}
	s.came.Store(true)
	s.wake()
}

// take is what the pool has given.
func (s *sharing) take() []*mem.Buf {
	if !s.came.Load() {
		return nil
	}
	s.came.Store(false)
	s.mu.Lock()
	defer s.mu.Unlock()
	given := s.given
	s.given = nil
	return given
}

func (s *sharing) stopWaiting() {
	if !s.waiting {
		return
	}
	s.waiting = false
	for i, cancel := range s.cancels {
		cancel()
		s.cancels[i] = nil
	}
	s.cancels = s.cancels[:0]
}

// close ends all that has to do with the pool. It may be called more than once.
func (s *sharing) close() {
	s.stop()
	s.stopWaiting()
	s.mu.Lock()
	given := s.given
	s.given, s.closed = nil, true
	s.mu.Unlock()
	for _, buf := range given {
		buf.Release()
	}
}

// owed reports whether others wait while the kernel holds blocks that it may be asked for.
func (b *blocks) owed() bool { return b.offered > 0 && !b.sharing.stuck && b.pool.Wanted() }

// share gives the blocks back that others wait for: before the loop sleeps, when that may be for ever, and after a while where it
// does not. What receives are queued for must first have had its chance, or nobody would ever receive anything.
func (e *Engine) share(asleep bool) {
	b := e.blocks
	switch {
	case b.gone:
		e.giveBack()
	case !b.owed():
		b.sharing.turns = 0
	case asleep && e.ring.Pending() == 0, b.sharing.turns >= shareTurns:
		e.giveBack()
	default:
		b.sharing.turns++
	}
}

// giveBack takes the group of blocks away from the kernel and gives them to the pool. Receives that are armed stay so; the next of
// them to which something comes ends with ENOBUFS and waits for its turn.
//
// The kernel fills blocks only within its lock, under which it also forgets the group, so that nothing is written to them
// afterwards. The exception is a receive that has gone to a worker thread, for want of memory: it holds on to its block, and the
// kernel counts one more than we do as taken.
func (e *Engine) giveBack() {
	b := e.blocks
	if e.completions() {
		return // they name blocks
	}
	if !b.gone {
		if n, err := b.ring.Available(); err == nil && int(n) != b.offered {
			b.sharing.stuck = true
			return
		}
		if err := b.unregister(); err != nil {
			e.err = err
			return
		}
		if e.completions() {
			return // of another thread, which were on their way
		}
	}
	b.release()
	if err := errors.Join(b.ring.Free(), b.register()); err != nil {
		e.err = err
		return
	}
	b.sharing.turns, b.sharing.back = 0, true
	b.sharing.holding.Store(false)
	if len(e.starved) > 0 {
		b.sharing.await(b.blockBytes)
	}
}

// completions reports whether the kernel has some that were not dispatched.
func (e *Engine) completions() bool {
	e.seen()
	return e.ring.CQReady() > 0 || e.ring.CQOverflow()
}
