package stdengine

import (
	"testing"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/engine/enginetest"
)

func newEngine(cfg engine.Config) (engine.Engine, error) { return New(cfg) }

func TestContract(t *testing.T) { enginetest.Run(t, engine.Std, newEngine) }

func FuzzOps(f *testing.F) { enginetest.Fuzz(f, engine.Std, newEngine) }
