package cluster

import (
	"math"
	"testing"
	"time"

	"github.com/unio-go/unio/tinygate/internal/config"
)

// TestBudgetIsAShareOfRequests: in the long run a loop that has all of its requests fail may repeat its percent of them
// and its part of ten a second.
func TestBudgetIsAShareOfRequests(t *testing.T) {
	for _, c := range []struct {
		loops, percent, perSecond int
	}{{1, 20, 1000}, {2, 20, 1000}, {4, 0, 1000}, {1, 20, 50}, {64, 10, 2000}} {
		s, _ := newSet(t, c.loops, nil, same(config.RoundRobin, 1))
		p, now, retries := s.Cluster("u").Picker(0), time.Now(), 0
		const warm, seconds = 60, 60
		for i := range (warm + seconds) * c.perSecond {
			now = now.Add(time.Second / time.Duration(c.perSecond))
			p.Pick(0, nil, nil)
			if p.MayRetry(now, c.percent) && i >= warm*c.perSecond {
				retries++
			}
		}
		want := seconds * (float64(c.perSecond)*float64(c.percent)/100 + 10/float64(c.loops))
		if got := float64(retries); math.Abs(got-want) > want/50+1 {
			t.Errorf("%+v: %v retries in a minute, want %.0f", c, got, want)
		}
	}
}

// TestBudgetOfAnOutage: many requests without a failure allow no more retries than those of about ten seconds.
func TestBudgetOfAnOutage(t *testing.T) {
	s, _ := newSet(t, 2, nil, same(config.RoundRobin, 1))
	p, now := s.Cluster("u").Picker(0), time.Now()
	p.MayRetry(now, 20) // the clock is known
	for range 100_000 {
		p.Pick(0, nil, nil)
	}
	now = now.Add(100 * time.Second)
	n := 0
	for p.MayRetry(now, 20) {
		n++
	}
	// 1000 requests a second of which ten seconds count, and ten seconds of half of ten a second.
	if want := 2000 + 50; n < want-10 || n > want+10 {
		t.Errorf("%d retries at once, want about %d", n, want)
	}
	for range 1000 {
		now = now.Add(time.Hour)
		if !p.MayRetry(now, 0) {
			t.Fatal("one retry an hour is not allowed")
		}
	}
}

// TestRetriesAreNoRequests: a try that is not the first adds nothing to the budget.
func TestRetriesAreNoRequests(t *testing.T) {
	s, _ := newSet(t, 1, nil, same(config.RoundRobin, 3))
	p := s.Cluster("u").Picker(0)
	var tried Tried
	for range 3 {
		p.Pick(0, &tried, nil)
	}
	if p.requests != 1 {
		t.Errorf("one request with three tries counts as %d", p.requests)
	}
}

func TestBudgetOfManyLoopsAllowsOne(t *testing.T) {
	s, _ := newSet(t, 1000, nil, same(config.RoundRobin, 1))
	p := s.Cluster("u").Picker(7)
	if !p.MayRetry(time.Now(), 0) || p.MayRetry(time.Now(), 0) {
		t.Error("a thousandth of a hundred is one, and no more")
	}
}
