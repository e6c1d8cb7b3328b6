//go:build linux && !unio_nouring

package uringengine

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/sys"
	"github.com/unio-go/unio/uring"
)

// drainPause is how long a wait for the last completions lasts before the cancellation is asked for again.
const drainPause = 50 * time.Millisecond

// quarantine keeps engines whose requests the kernel did not end in time: it may still write to their memory.
var quarantine struct {
	sync.Mutex
	engines []*Engine
}

// Close cancels everything, waits for the terminal completions and frees the engine.
func (e *Engine) Close(limit time.Duration) error {
	if e.closing {
		return nil
	}
	e.closing = true
	e.suspects.stop()
	e.dropWaiting()
	for i := range e.table.slots {
		if d := e.table.slots[i].d; d != nil {
			e.endAll(d)
		}
	}
	e.drain(time.Now().Add(limit))
	for i := range e.table.slots {
		if d := e.table.slots[i].d; d != nil {
			e.abandon(d)
		}
	}
	e.giveUpFiles()
	e.publish()
	if e.stats.pending > 0 {
		quarantine.Lock()
		quarantine.engines = append(quarantine.engines, e)
		quarantine.Unlock()
		e.blocks.sharing.close()
		e.closeWake()
		return errors.Join(e.err, fmt.Errorf(
			"engine uring: %d requests did not end within %v; the memory that they may write to is kept for good",
			e.stats.pending, limit))
	}
	return errors.Join(e.err, e.free())
}

// drain cancels until the kernel has nothing left, and dispatches what comes. It tries once however late it is:
// most requests end at once.
func (e *Engine) drain(deadline time.Time) {
	e.reap()
	for first := true; e.stats.pending > 0 && e.err == nil; first = false {
		left := time.Until(deadline)
		if left <= 0 && !first {
			return
		}
		s := e.sqe()
		s.PrepCancel(0, uring.AsyncCancelAny|uring.AsyncCancelAll)
		s.Flags |= uring.SqeCqeSkipSuccess
		s.UserData = kindNone
		e.enterNow()
		if e.reap(); e.stats.pending == 0 || e.err != nil {
			return
		}
		e.stats.enters++
		_, err := e.ring.SubmitAndWaitTimeout(1, max(0, min(left, drainPause)), 0)
		e.entered(err)
		e.reap()
	}
}

// reap dispatches the completions that are there.
func (e *Engine) reap() {
	for {
		e.seen()
		if e.cqEnd = e.ring.CQReady(); e.cqEnd == 0 {
			return
		}
		for e.cqAt < e.cqEnd {
			c := e.ring.CQE(e.cqAt)
			e.cqAt++
			e.dispatch(c.UserData, c.Res, c.Flags)
		}
	}
}

// abandon closes a descriptor that nobody has closed. What was to be told through its operations is told.
func (e *Engine) abandon(d *desc) {
	e.dropUnread(d)
	if op := d.closing; op != nil {
		e.complete(op)
	}
	if d.requests > 0 {
		e.giveUp(d)
		return // the kernel has its file, and its number must not be given to another
	}
	sys.CloseFD(int(d.fd))
	e.forget(d)
}

// giveUp returns the operations that the kernel did not end. It may still read the memory of a send, which therefore
// gets a handle that nobody releases.
func (e *Engine) giveUp(d *desc) {
	for _, op := range [...]*engine.Op{d.send, d.conn} {
		if op == nil {
			continue
		}
		for _, b := range op.Bufs {
			b.Ref()
		}
		op.Err = engine.ErrCanceled
		e.complete(op)
	}
	d.send, d.conn = nil, nil
}

// free gives everything back. Nothing is with the kernel.
func (e *Engine) free() error {
	var errs []error
	if e.blocks != nil {
		errs = append(errs, e.blocks.unregister(), e.blocks.drop())
	}
	if e.netpoll != nil {
		errs = append(errs, e.netpoll.close())
	}
	if e.ring != nil {
		e.unfixAll()
		// A registered index keeps the ring alive for as long as its thread lives.
		errs = append(errs, e.ring.UnregisterRingFd(), e.ring.Close())
	}
	e.records.drop()
	errs = append(errs, e.closeWake())
	return errors.Join(errs...)
}

// closeWake makes Wake do nothing from now on.
func (e *Engine) closeWake() error {
	e.wakeMu.Lock()
	defer e.wakeMu.Unlock()
	fd := e.wakeFD
	e.wakeFD = -1
	if fd < 0 {
		return nil
	}
	return sys.CloseFD(fd)
}
