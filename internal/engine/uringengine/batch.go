//go:build linux && !unio_nouring

package uringengine

import (
	"time"

	"github.com/unio-go/unio/internal/engine"
)

var _ engine.Batcher = (*Engine)(nil)

// PollBatch is Poll that waits for n completions, for at most limit. What was collected before comes first.
func (e *Engine) PollBatch(n int, limit time.Duration) (ready bool, err error) {
	e.prepare()
	if e.ready() || e.err != nil {
		return e.Poll()
	}
	e.n.enters++
	_, err = e.ring.PollWait(uint32(n), limit, 0)
	e.entered(err)
	e.publish()
	return e.ready(), e.err
}
