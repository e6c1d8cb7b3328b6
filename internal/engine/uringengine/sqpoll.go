//go:build linux && !unio_nouring

package uringengine

import (
	"time"

	"github.com/unio-go/unio/internal/sys"
	"github.com/unio-go/unio/uring"
)

const (
	// setupPolled has a thread of the kernel take what is queued and post completions, so that a busy loop enters the
	// kernel not at all.
	setupPolled = uring.SetupSqpoll
	// sqThreadIdleMillis is how long that thread goes on looking when there is nothing. It costs a CPU until then; to
	// wake it costs an enter.
	sqThreadIdleMillis = 10
	// spinLimit is how long the loop looks for a completion before it sleeps in the kernel. It looks only where the
	// kernel's thread has another CPU than the loop's to do its work on.
	spinLimit = 50 * time.Microsecond
)

// openSpin decides how long a polled ring's loop looks before it sleeps.
func (e *Engine) openSpin() {
	if cpus, err := sys.ThreadCPUs(); err == nil && len(cpus) > 1 {
		e.spin = spinLimit
	}
}

// hand makes what is queued visible to the kernel's thread, and wakes that if it sleeps.
func (e *Engine) hand() {
	if e.ring.Unpublished() == 0 {
		return
	}
	if e.ring.NeedsWakeup() {
		e.stats.enters++
	}
	_, err := e.ring.Submit()
	e.entered(err)
}

// collect is the polled ring's part of Poll.
func (e *Engine) collect() {
	e.hand()
	if e.ring.CQOverflow() {
		e.enterNow()
	}
}

// waitPolled looks for a completion for a while, and then sleeps.
func (e *Engine) waitPolled(d time.Duration) {
	e.collect()
	if spin := min(uint64(e.spin), uint64(d)); spin > 0 { // a negative d is the largest
		for end := time.Now().Add(time.Duration(spin)); time.Now().Before(end); {
			if e.ready() || e.err != nil {
				return
			}
		}
	}
	e.waitLocked(d)
}
