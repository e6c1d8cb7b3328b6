package trial

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"
)

func TestLoadCounts(t *testing.T) {
	var calls [3]atomic.Int64
	s, err := Load(3, 20*time.Millisecond, func(worker int) error {
		calls[worker].Add(1)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var all int64
	for i := range calls {
		n := calls[i].Load()
		if n == 0 {
			t.Errorf("worker %d was never called", i)
		}
		all += n
	}
	if int64(s.Ops) != all {
		t.Errorf("%d operations counted, %d done", s.Ops, all)
	}
	for _, unit := range []string{UnitCPU, UnitRate, UnitMax, UnitThreads} {
		if s.Values[unit] <= 0 {
			t.Errorf("%s is %v", unit, s.Values[unit])
		}
	}
	if s.Values[UnitP50] > s.Values[UnitP99] || s.Values[UnitP99] > s.Values[UnitMax] {
		t.Errorf("quantiles do not rise: %v", s.Values)
	}
}

func TestLoadFailsWithItsWorker(t *testing.T) {
	broken := errors.New("broken")
	if _, err := Load(2, time.Hour, func(int) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}
