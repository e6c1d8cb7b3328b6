package soak

import (
	"io"
	"strings"
	"testing"

	"github.com/unio-go/unio"
)

// Each thing that may be wrong at the end is found, alone.
func TestVerdictFindsWhatIsNotFlat(t *testing.T) {
	clean := func() (*soak, *state, *state) {
		l := &load{}
		l.messages.Store(1)
		s := &soak{load: l, w: io.Discard}
		s.first = state{Resident: 20 << 20, Files: 20, Goroutines: 10, Stats: unio.Stats{Pending: 3}}
		s.warm = state{Resident: 100 << 20}
		return s, &state{Resident: 120 << 20, Files: 20, Goroutines: 10, Stats: unio.Stats{Pending: 3}}, &state{}
	}
	s, quiet, last := clean()
	if err := s.verdict(*quiet, *last); err != nil {
		t.Errorf("a clean run: %v", err)
	}
	for want, spoil := range map[string]func(s *soak, quiet, last *state){
		"client's side":           func(s *soak, _, _ *state) { s.load.violation("x") },
		"server's side":           func(_ *soak, _, last *state) { last.Broken = 1 },
		"idle memory":             func(_ *soak, quiet, _ *state) { quiet.Resident = 130 << 20 },
		"Go's heap":               func(_ *soak, quiet, _ *state) { quiet.Heap = 3 << 20 },
		"buffers":                 func(_ *soak, quiet, _ *state) { quiet.Stats.BufferBytes = 20 << 20 },
		"not idle: 1 connections": func(_ *soak, quiet, _ *state) { quiet.Stats.Conns = 1 },
		"4 operations":            func(_ *soak, quiet, _ *state) { quiet.Stats.Pending = 4 },
		"1 tasks":                 func(_ *soak, quiet, _ *state) { quiet.Stats.Tasks = 1 },
		"24 descriptors":          func(_ *soak, quiet, _ *state) { quiet.Files = 24 },
		"1 panics":                func(_ *soak, quiet, _ *state) { quiet.Stats.Panics = 1 },
		"2000 goroutines":         func(_ *soak, quiet, _ *state) { quiet.Goroutines = 2000 },
		"not clean":               func(_ *soak, _, last *state) { last.End = "not clean" },
		"no message":              func(s *soak, _, _ *state) { s.load.messages.Store(0) },
	} {
		s, quiet, last := clean()
		spoil(s, quiet, last)
		if err := s.verdict(*quiet, *last); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
