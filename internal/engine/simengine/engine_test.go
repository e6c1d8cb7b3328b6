package simengine

import (
	"testing"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/engine/enginetest"
)

// kit is a world in real time as the conformance kit wants it.
type kit struct{ *World }

// LackFiles has every accept fail until restore is called.
func (k kit) LackFiles() (func(), error) {
	k.World.LackFiles(true)
	return func() { k.World.LackFiles(false) }, nil
}

func (k kit) newEngine(cfg engine.Config) (engine.Engine, error) { return k.New(cfg) }

func TestContract(t *testing.T) {
	k := kit{NewWorld(nil)}
	enginetest.RunOn(t, engine.Sim, k, k.newEngine)
	c := k.Counts()
	t.Logf("\n%v", &c)
}

func FuzzOps(f *testing.F) {
	k := kit{NewWorld(nil)}
	enginetest.FuzzOn(f, engine.Sim, k, k.newEngine)
}
