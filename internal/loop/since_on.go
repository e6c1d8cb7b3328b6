//go:build race

package loop

import "sync/atomic"

// setSince is for an operation whose Since anybody may read. The race detector wants to be told of it.
func setSince(p *uint32, v uint32) { atomic.StoreUint32(p, v) }
