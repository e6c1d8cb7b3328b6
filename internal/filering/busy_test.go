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

// TestPumpPerformsWhilePsAreHeld: many callers at once, each with its own blocks. No read is a system call, also when it finds
// nothing in flight.
func TestPumpPerformsWhilePsAreHeld(t *testing.T) {
	const callers, reads = 32, 50
	r := newRing(t, Config{Rings: 1})
	f := makeFile(t, callers)
	filled := r.shards[0].side.filled
	var ended sync.WaitGroup
	for i := range callers {
		ended.Go(func() {
			op := &fileio.Op{Code: fileio.Read, File: f, Off: int64(i) * blockBytes, Data: make([]byte, 10)}
			for range reads {
				clear(op.Data)
				busyRing{r}.Do(op)
				if op.N != 10 || op.Err != nil || op.Data[9] != byte(i) {
					t.Errorf("block %d: %d, %v", i, op.N, op.Err)
				}
			}
		})
	}
	ended.Wait()
	if n := r.shards[0].side.filled - filled; n < callers*reads {
		t.Errorf("%d of %d reads went to the ring", n, callers*reads)
	}
	if n := r.Counters().Lone.Load(); n != 0 {
		t.Errorf("%d reads were system calls", n)
	}
}

// TestPumpLeavesSlowOnesToTheReaper: a P is not kept for an operation that takes its time.
func TestPumpLeavesSlowOnesToTheReaper(t *testing.T) {
	r := newRing(t, Config{Rings: 1})
	r.busy.on.Store(true)
	complete := hold(t, r)
	enters := r.Counters().Enters.Load
	for end := time.Now().Add(patience); enters() < 1+pumpPatience; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the pump does not begin it")
		}
	}
	time.Sleep(10 * pumpSleep)
	before := enters()
	time.Sleep(50 * pumpSleep)
	if n := enters() - before; n != 0 {
		t.Errorf("the pump has waited in place %d times more", n)
	}
	complete()
}
