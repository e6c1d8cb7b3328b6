//go:build linux && !unio_noepoll

package epollengine

import (
	"sync"
	"sync/atomic"

	"github.com/unio-go/unio/internal/sys"
)

// waker ends a sleep in epoll from outside. The eventfd is written only while the loop sleeps and only
// once per wake:
//
//	wake:  woken = true, then look at sleeping
//	sleep: sleeping = true, then look at woken
//
// so that one of the two sees the other.
type waker struct {
	woken    atomic.Bool
	sleeping atomic.Bool

	mu sync.Mutex // between a late writer and close, after which the number may be somebody else's
	fd int
}

func (w *waker) open(ep int) error {
	fd, err := sys.Eventfd()
	if err != nil {
		return err
	}
	// Edge-triggered and never read: each write is a new edge. Identity and generation 0 are no descriptor's.
	if err := sys.EpollAdd(ep, fd, sys.EpollIn|sys.EpollET, 0, 0); err != nil {
		sys.CloseFD(fd)
		return err
	}
	w.fd = fd
	return nil
}

// wake may be called by anybody.
func (w *waker) wake() {
	if w.woken.Swap(true) || !w.sleeping.Load() {
		return
	}
	w.mu.Lock()
	if w.fd >= 0 {
		sys.EventfdSignal(w.fd)
	}
	w.mu.Unlock()
}

// sleep announces a sleep. False: there has been a wake, and there must be no sleep.
func (w *waker) sleep() bool {
	w.sleeping.Store(true)
	if w.woken.Load() {
		w.awake()
		return false
	}
	return true
}

// awake ends what sleep began.
func (w *waker) awake() { w.sleeping.Store(false) }

// consume uses up the wakes so far. Only Wait does that: a wake that Poll meets is for the Wait that follows.
func (w *waker) consume() {
	if w.woken.Load() {
		w.woken.Store(false)
	}
}

func (w *waker) close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	fd := w.fd
	w.fd = -1
	return sys.CloseFD(fd)
}
