//go:build linux && !unio_nouring

package filering

import (
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/unio-go/unio/internal/fileio"
	"github.com/unio-go/unio/internal/fileio/fileiotest"
)

// TestScoreOfWaits: l is a look that found Ps held, s one that did not, a slice after the last; . one that did not at once.
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
		"l......l":               true,  // all readers had their turn
		"ll" + dots(50):          true,
		"l" + dots(50) + "ss":    false,
		short(100) + "ll":        true,
	} {
		var s score
		got := false
		now := time.Now()
		for _, look := range looks {
			if look != '.' {
				now = now.Add(slice)
			}
			got = s.saw(look == 'l', now)
		}
		if got != want {
			t.Errorf("after %q: %v", looks, got)
		}
	}
}

func short(n int) string { return strings.Repeat("s", n) }
func dots(n int) string  { return strings.Repeat(".", n) }

// TestOwnReadersAreNoCrowd: of those who are ready to run, the ones that have waited here do not count.
func TestOwnReadersAreNoCrowd(t *testing.T) {
	n := 4 * readyPerP * runtime.GOMAXPROCS(0)
	var quit atomic.Bool
	var ended sync.WaitGroup
	for range n {
		ended.Go(func() {
			for !quit.Load() {
				runtime.Gosched()
			}
		})
	}
	defer ended.Wait()
	defer quit.Store(true)
	for end := time.Now().Add(10 * time.Second); !crowded(0); runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatal("many goroutines that are ready to run are no crowd")
		}
	}
	if crowded(int64(n)) {
		t.Error("goroutines that have waited here are a crowd")
	}
}

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
