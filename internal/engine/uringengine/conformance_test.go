//go:build linux && !unio_nouring

package uringengine

import (
	"testing"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/engine/enginetest"
)

func TestConformance(t *testing.T) {
	enginetest.Run(t, engine.Uring, func(cfg engine.Config) (engine.Engine, error) { return made(New(cfg)) })
}

// TestConformanceOfOldKernels uses nothing that Linux 6.1 lacks and none of the multishots that were broken later.
func TestConformanceOfOldKernels(t *testing.T) {
	if testing.Short() {
		t.Skip("short: the kit runs once")
	}
	enginetest.Run(t, engine.Uring, func(cfg engine.Config) (engine.Engine, error) {
		if err := Available(); err != nil {
			return nil, err
		}
		return made(newEngine(cfg, ability{}, sizes[:]))
	})
}

// TestConformanceOfPolledRings has a thread of the kernel take what is queued.
func TestConformanceOfPolledRings(t *testing.T) {
	enginetest.RunLocked(t, engine.Uring, func(cfg engine.Config) (engine.Engine, error) {
		cfg.SQPoll = true
		return made(New(cfg))
	})
}

// made keeps a nil *Engine from becoming an engine.
func made(e *Engine, err error) (engine.Engine, error) {
	if err != nil {
		return nil, err
	}
	return e, nil
}
