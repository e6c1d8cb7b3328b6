package unio

import (
	"context"
	"sync"
	"sync/atomic"
)

// Mutex is a lock for what tasks share, of one loop or of several, and goroutines with them. Whoever waits for it parks
// when it is a task and blocks when it is a goroutine, so it may be held across calls that wait, such as Recv or Dial.
// Those who wait get it in the order in which they came, and nobody overtakes them. The zero Mutex is not locked. It
// must not be copied, and it has no owner: one task may unlock what another has locked.
//
// What is held for some instructions only is as well guarded by a sync.Mutex, and what tasks of one loop share without
// waiting while they use it needs no lock.
type Mutex struct {
	state atomic.Int32
	mu    sync.Mutex
	line  line[struct{}]
}

// The states of a Mutex.
const (
	mutexFree int32 = iota
	mutexLocked
	mutexAwaited // locked, and mu is needed to unlock it
)

// Lock locks m, and waits while another holds it. If err is not nil the caller does not hold it: ctx was done before its
// turn came (context.Canceled or DeadlineExceeded), the runtime of the calling task is closed (net.ErrClosed), or
// waiting would stop a loop (ErrCoroutine). A Mutex that is free is taken whatever ctx says.
//
// A task that waits for longer than Options.StallLimit is named in the log with its stack: of two that wait for each
// other, or of one that locks m twice, each is.
func (m *Mutex) Lock(ctx context.Context) error {
	if m.state.CompareAndSwap(mutexFree, mutexLocked) {
		return nil
	}
	return m.lock(ctx)
}

// TryLock locks m if it is free.
func (m *Mutex) TryLock() bool { return m.state.CompareAndSwap(mutexFree, mutexLocked) }

func (m *Mutex) lock(ctx context.Context) error {
	t, err := mayWait(ctx.Err())
	m.mu.Lock()
	if m.state.Swap(mutexAwaited) == mutexFree {
		m.state.Store(mutexLocked) // nobody waits for a free one
		m.mu.Unlock()
		return nil
	}
	if err != nil {
		m.mu.Unlock()
		return errWaiting("Mutex.Lock", err)
	}
	w := m.line.join(&m.mu, t)
	m.mu.Unlock()
	if t == nil {
		err = w.wait(ctx)
	} else {
		t.Loop().Enter(&w.parked, t, "Mutex")
		err = w.wait(ctx)
		t.Loop().Leave(&w.parked)
	}
	err = errWaiting("Mutex.Lock", err)
	m.mu.Lock()
	m.line.free(w)
	m.mu.Unlock()
	return err
}

// Unlock unlocks m, which goes to the one who has waited longest. It never waits and may be called from anywhere. It
// panics when m is not locked.
func (m *Mutex) Unlock() {
	if m.state.CompareAndSwap(mutexLocked, mutexFree) {
		return
	}
	m.mu.Lock()
	w := m.line.take()
	var old int32
	if w == nil {
		old = m.state.Swap(mutexFree)
	}
	m.mu.Unlock()
	switch {
	case w != nil:
		w.wake()
	case old == mutexFree:
		panic("unio: Unlock of a Mutex that is not locked")
	}
}
