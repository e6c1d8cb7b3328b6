//go:build linux && !unio_nouring

package uringengine

import (
	"github.com/unio-go/unio/internal/sys"
	"github.com/unio-go/unio/uring"
)

// Wake ends a running or the next Wait.
//
// woken is set from the first Wake until a Wait has ended for it, so that of many only one enters the kernel. A locked
// ring is woken by an eventfd on which it has a multishot poll: each signal is a new edge and nobody reads it. A shared
// one sleeps in Go's network poller, which needs no descriptor for that.
func (e *Engine) Wake() {
	if e.woken.Swap(true) {
		return
	}
	if e.netpoll != nil {
		e.netpoll.wake()
		return
	}
	e.wakeMu.Lock()
	if e.wakeFD >= 0 {
		sys.EventfdSignal(e.wakeFD)
	}
	e.wakeMu.Unlock()
}

// wakeDue reports whether somebody has called Wake since a Wait last ended for it.
func (e *Engine) wakeDue() bool {
	if !e.woken.Load() {
		return false
	}
	e.woken.Store(false)
	return true
}

// armWake watches the eventfd.
func (e *Engine) armWake() {
	s := e.sqe()
	s.PrepPollMultishot(e.wakeFD, sys.EpollIn)
	s.UserData = kindWake << kindShift
	e.stats.pending++
	e.stats.multishots++
}

// wakeDone takes one completion of the eventfd's poll. That something arrived has ended the wait; there is nothing else
// to do.
func (e *Engine) wakeDone(cqe uint32) {
	if cqe&uring.CqeFMore != 0 {
		return
	}
	e.stats.pending--
	e.stats.multishots--
	if !e.closing {
		e.stats.rearms++
		e.armWake()
	}
}
