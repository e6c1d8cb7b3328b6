package nop

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/bench/internal/cfloor"
	"github.com/unio-go/unio/bench/internal/trial"
	"github.com/unio-go/unio/uniotest"
)

// Every contender performs no-ops at every depth.
func TestEveryLayer(t *testing.T) {
	for _, contender := range Suite.Cases[0].Contenders {
		t.Run(contender, func(t *testing.T) {
			if err := uniotest.Refused(unio.Uring); err != nil && contender != onThreads {
				t.Skipf("lacks: the engine %s: %v", unio.Uring, err)
			}
			p, err := start(contender, t.TempDir())
			if errors.Is(err, cfloor.ErrNoCompiler) || errors.Is(err, cfloor.ErrNoLiburing) {
				t.Skipf("lacks: a compiler, or its library: %v", err)
			}
			if err != nil {
				t.Fatal(err)
			}
			for cs, depth := range depths {
				s, err := p.Slice(cs, 5*time.Millisecond, false)
				if err != nil || s.Ops < depth || s.Values[unitTime] <= 0 || s.Values[trial.UnitCPU] <= 0 {
					t.Errorf("%s: %+v, %v", cs, s, err)
				}
			}
			for cs, depth := range depths { // what is over before anything has run
				if s, err := p.Slice(cs, 0, false); err != nil || s.Ops < depth || math.IsInf(s.Values[unitTime], 0) {
					t.Errorf("%s, no time: %+v, %v", cs, s, err)
				}
			}
			if _, err := p.Slice("depth=0", time.Millisecond, false); err == nil {
				t.Error("a case that there is not: no error")
			}
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
