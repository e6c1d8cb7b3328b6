package loop

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// fired notes what its timers do.
type fired struct {
	timer Timer
	id    int
	log   *[]int
	again func(*Timer)
}

func (f *fired) Fire(t *Timer) {
	*f.log = append(*f.log, f.id)
	if f.again != nil {
		f.again(t)
	}
}

func newFired(id int, log *[]int) *fired {
	f := &fired{id: id, log: log}
	f.timer.To = f
	return f
}

// checkHeap holds the heap against its two promises: order, and that each timer knows its place.
func checkHeap(t *testing.T, h heap) {
	t.Helper()
	for i, timer := range h {
		if int(timer.index) != i+1 {
			t.Fatalf("the timer at %d says it is at %d", i, timer.index-1)
		}
		if p := (i - 1) / 2; i > 0 && h[p].when > timer.when {
			t.Fatalf("%d at %d lies below %d at %d", timer.when, i, h[p].when, p)
		}
	}
}

// runTimers interprets bytes as settings, stops and passing time, on the heap and on a model that only sorts.
func runTimers(t *testing.T, script []byte) {
	const count = 16
	l := &Loop{now: 1}
	var log, want []int
	timers := make([]*fired, count)
	for i := range timers {
		timers[i] = newFired(i, &log)
	}
	model := map[int]int64{}
	for ; len(script) >= 3; script = script[3:] {
		id := int(script[1]) % count
		switch script[0] % 4 {
		case 0, 1:
			when := l.now + int64(script[2]) - 20
			l.SetTimer(&timers[id].timer, when)
			model[id] = when
		case 2:
			l.StopTimer(&timers[id].timer)
			delete(model, id)
		case 3:
			l.now += int64(script[2])
			log, want = log[:0], want[:0]
			l.fireTimers()
			for id, when := range model {
				if when <= l.now {
					want = append(want, id)
				}
			}
			slices.SortFunc(want, func(a, b int) int { return int(model[a] - model[b]) })
			checkFired(t, log, want, model)
			for _, id := range want {
				delete(model, id)
			}
		}
		checkHeap(t, l.timers)
		if len(l.timers) != len(model) {
			t.Fatalf("%d timers run, want %d", len(l.timers), len(model))
		}
		for id, f := range timers {
			if when, ok := model[id]; f.timer.Set() != ok || ok && f.timer.When() != when {
				t.Fatalf("timer %d: set %v to %d, want %v, %d", id, f.timer.Set(), f.timer.When(), ok, when)
			}
		}
	}
}

// checkFired wants the same timers in the order of their times; those of one time in any order.
func checkFired(t *testing.T, got, want []int, when map[int]int64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("fired %v, want %v", got, want)
	}
	for i := range got {
		if when[got[i]] != when[want[i]] || !slices.Contains(want, got[i]) {
			t.Fatalf("fired %v, want %v", got, want)
		}
	}
}

func FuzzTimers(f *testing.F) {
	f.Add([]byte{0, 1, 30, 0, 2, 25, 3, 0, 20, 2, 1, 0, 3, 0, 255})
	f.Fuzz(runTimers)
}

func TestTimersAgreeWithAModel(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 300 {
		script := make([]byte, 900)
		for i := range script {
			script[i] = byte(r.Uint32())
		}
		runTimers(t, script)
	}
}

// A timer that set itself to a time in the past when it fired kept the loop in that turn for ever.
func TestTimerSetToThePastWaitsForTheNextTurn(t *testing.T) {
	l := &Loop{now: 100}
	var log []int
	f := newFired(1, &log)
	f.again = func(timer *Timer) {
		if len(log) < 1000 {
			l.SetTimer(timer, 5)
		}
	}
	l.SetTimer(&f.timer, 50)
	l.fireTimers()
	if len(log) != 1 || !f.timer.Set() {
		t.Fatalf("fired %d times in one turn, set again: %v", len(log), f.timer.Set())
	}
	l.now++
	l.fireTimers()
	if len(log) != 2 {
		t.Errorf("fired %d times in two turns", len(log))
	}
}

// A timer may stop and set others when it fires.
func TestTimerThatFiresChangesOthers(t *testing.T) {
	l := &Loop{now: 100}
	var log []int
	a, b, c := newFired(1, &log), newFired(2, &log), newFired(3, &log)
	a.again = func(*Timer) {
		l.StopTimer(&b.timer)
		l.SetTimer(&c.timer, 200)
	}
	l.SetTimer(&a.timer, 10)
	l.SetTimer(&b.timer, 20)
	l.SetTimer(&c.timer, 30)
	l.fireTimers()
	if !slices.Equal(log, []int{1}) || b.timer.Set() || c.timer.When() != 200 {
		t.Errorf("fired %v, b set %v, c at %d", log, b.timer.Set(), c.timer.When())
	}
	checkHeap(t, l.timers)
}

func TestALongTimeFromNowIsNotInThePast(t *testing.T) {
	l := new(Loop)
	l.readClock()
	if when := l.In(math.MaxInt64); when <= 0 || l.Passed(when) {
		t.Errorf("the longest time from now is at %d", when)
	}
	if !l.Passed(l.In(0)) || l.Passed(0) || l.Passed(l.In(time.Hour)) {
		t.Error("what has passed is what was, and never nothing")
	}
}

// A loop slept for good where its first timer lay so far back that the time until then overflowed.
func TestTimerSetToTheBeginningOfTimeFires(t *testing.T) {
	l := newLoop(t, nil)
	ch := make(chan struct{})
	task(l, func() {
		f := &firedOnce{ch: ch}
		f.timer.To = f
		l.SetTimer(&f.timer, Time(time.Time{}.Add(1)))
	})
	wait(t, ch)
	end(t, l)
}

type firedOnce struct {
	timer Timer
	ch    chan struct{}
}

func (f *firedOnce) Fire(*Timer) { close(f.ch) }
