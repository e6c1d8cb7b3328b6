//go:build linux && !unio_nouring

package filering

import "sync/atomic"

// company remembers whether operations have met others in flight. One that is alone costs least by a system call that
// blocks. But many goroutines together find nothing in flight as well, when all of them have been served at once: with 32
// of them each group began with such a call, which kept a P and woke the scheduler's monitor thread, at a third of the CPU;
// and on one P nobody else got as far as putting an operation beside it.
type company struct{ left atomic.Int32 }

const (
	// companyOps is how many operations that find nothing in flight go to the ring after one that found something.
	companyOps = 64
	// aloneOps is how many are done by a system call in a row before one goes to the ring, where others can join it.
	aloneOps = 64
)

// alone reports whether an operation is to be done by a system call; pending counts those in flight, itself included.
func (c *company) alone(pending int64) bool {
	if pending > 1 {
		if c.left.Load() != companyOps {
			c.left.Store(companyOps)
		}
		return false
	}
	left := c.left.Add(-1)
	if left < -aloneOps {
		c.left.Store(0)
		return false
	}
	return left < 0
}
