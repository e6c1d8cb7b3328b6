//go:build linux && !unio_nouring

package uringengine

import (
	"time"

	"github.com/unio-go/unio/internal/engine"
)

var _ engine.Batcher = (*Engine)(nil)

// PollBatch is Poll that waits for n completions, for at most limit. What was collected before comes first.
func (e *Engine) PollBatch(n int, limit time.Duration) (got int, err error) {
	e.prepare(false)
	if e.ready() || e.err != nil || e.files.copies {
		_, _ = e.Poll() // e.err tells
	} else {
		e.stats.enters++
		_, err := e.ring.PollWait(uint32(n), limit, 0)
		e.entered(err)
		e.publish()
	}
	if e.ready() {
		got = max(int(e.cqEnd-e.cqAt), 1)
	}
	return got, e.err
}
