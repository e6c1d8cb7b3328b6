//go:build linux && !unio_nouring

package filering

import (
	"strings"
	"testing"

	"github.com/unio-go/unio/internal/fileio"
	"github.com/unio-go/unio/internal/fileio/fileiotest"
)

// TestScoreOfWaits: l is a look that found Ps held, s one that did not.
func TestScoreOfWaits(t *testing.T) {
	for looks, want := range map[string]bool{
		"":                       false,
		"l":                      false, // the system may have taken the CPU away
		"ll":                     true,
		"lsl":                    true,
		"lssl":                   false, // too far apart
		"lsssslssss":             false,
		"lls":                    true,
		"ll" + short(7):          true,
		"ll" + short(8):          false,
		"ll" + short(8) + "l":    false, // from the beginning
		"ll" + short(8) + "ll":   true,
		"ll" + short(7) + "l":    true,
		"llll" + short(15):       true,
		"llll" + short(16):       false,
		"llllllllll" + short(16): false, // however long it was on
		short(100) + "ll":        true,
	} {
		var s score
		got := false
		for _, look := range looks {
			got = s.saw(look == 'l')
		}
		if got != want {
			t.Errorf("after %q: %v", looks, got)
		}
	}
}

func short(n int) string { return strings.Repeat("s", n) }

// busyRing is a ring that takes all Ps to be held whenever an operation is done.
type busyRing struct{ *Ring }

func (r busyRing) Do(op *fileio.Op) {
	r.busy.on.Store(true)
	r.Ring.Do(op)
}

func TestConformanceWhilePsAreHeld(t *testing.T) {
	fileiotest.Run(t, func() (fileio.Executor, error) {
		r, err := New(Config{Rings: 2})
		return busyRing{r}, err
	})
}

// TestSystemCallsWhilePsAreHeld: nothing goes to the ring.
func TestSystemCallsWhilePsAreHeld(t *testing.T) {
	r := newRing(t, Config{Rings: 1})
	defer hold(t, r)()
	f := makeFile(t, 3)
	filled := r.shards[0].side.filled
	for i := range 3 {
		op := &fileio.Op{Code: fileio.Read, File: f, Off: int64(i) * blockBytes, Data: make([]byte, 10)}
		busyRing{r}.Do(op)
		if op.N != 10 || op.Err != nil || op.Data[9] != byte(i) {
			t.Errorf("block %d: %d, %v", i, op.N, op.Err)
		}
	}
	if n := r.shards[0].side.filled - filled; n != 0 {
		t.Errorf("%d of 3 reads went to the ring", n)
	}
	if n := r.Counters().Lone.Load(); n != 0 {
		t.Errorf("%d reads found nothing in flight", n)
	}
}
