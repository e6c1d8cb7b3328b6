//go:build linux && !unio_noepoll

package epollengine

import (
	"testing"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/engine/enginetest"
)

func newEngine(cfg engine.Config) (engine.Engine, error) { return New(cfg) }

func TestContract(t *testing.T) { enginetest.Run(t, engine.Epoll, newEngine) }

func FuzzOps(f *testing.F) { enginetest.Fuzz(f, engine.Epoll, newEngine) }
