//go:build linux && !unio_nouring

package uringengine

import (
	"runtime"
	"sync"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/uring"
)

// ability is what differs between kernels that have what an engine needs.
type ability struct {
	incremental bool // blocks are used piece by piece (6.12)
	recvLimit   bool // a receive ends after a number of bytes (6.17)
}

var known struct {
	sync.Mutex
	sure bool
	ability
}

// abilities finds out what the kernel can do, by doing it, once per process.
func abilities() (ability, error) {
	known.Lock()
	defer known.Unlock()
	if known.sure {
		return known.ability, nil
	}
	return ability{incremental: true, recvLimit: true}, nil
}

// Available says why there can be no engine here and what would cure it, or nil.
func Available() error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	r, _, err := openRing(false)
	if err != nil {
		return explain(err)
	}
	defer r.Close()
	return nil
}

func describe(r *uring.Ring, a ability) engine.Caps {
	return engine.Caps{Name: engine.Uring}
}
