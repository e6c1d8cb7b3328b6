package uniotest

import (
	"testing"
	"time"
)

// ShortSettle makes waiting for what will not go short, during one test.
func ShortSettle(t *testing.T) {
	old := settleLimit
	settleLimit = 200 * time.Millisecond
	t.Cleanup(func() { settleLimit = old })
}

// Digest sums up what has happened in a seed.
func (s *Sim) Digest() uint64 { return s.world.Digest() }

// SimulateOn is SimulateWith with a test that need not be the real one.
func SimulateOn(t testing.TB, name string, o *SimOptions, scenario func(s *Sim)) SimReport {
	return simulate(t, name, o, scenario)
}
