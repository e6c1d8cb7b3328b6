//go:build linux && !unio_nouring

package filering

import (
	"testing"

	"github.com/unio-go/unio/internal/fileio"
)

// fullSide is a ring all of whose slots are taken by operations that do not complete.
type fullSide struct {
	side
	t      *testing.T
	enters int
}

func (s *fullSide) room() int { return 0 }

func (s *fullSide) enter(bool) (int, error) {
	if s.enters++; s.enters > 10 {
		s.t.Fatal("a full ring is entered over and over: its CPU time is lost until something completes")
	}
	return 0, nil
}

func (s *fullSide) reap(int) reaped { return reaped{} }

func (s *fullSide) begun() uint32 { return inFlightMax }

func (s *fullSide) ended() uint32 { return 0 }

func TestFullRingIsNotEnteredOverAndOver(t *testing.T) {
	f := flow{
		side: &fullSide{t: t}, kicked: make(chan struct{}, 1), called: make(chan struct{}, 1), bounds: bound,
	}
	var op fileio.Op
	f.start(&op, &op)
	f.help(func(int) {})
	if !f.starved.Load() {
		t.Error("nobody will look at the operation when a slot is free")
	}
	if len(f.called) != 1 {
		t.Error("nobody watches what is in flight")
	}
}
