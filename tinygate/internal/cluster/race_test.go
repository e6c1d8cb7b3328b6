package cluster

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/unio-go/unio/tinygate/internal/config"
)

// TestAllAtOnce has loops pick and tell outcomes while configurations, addresses, ejections and drains change all. What
// has to hold: no server is chosen twice for a request, none that the loop has seen to be gone, and when all has ended,
// nothing is in flight and every request was counted.
func TestAllAtOnce(t *testing.T) {
	const loops = 4
	r := &fakeResolver{}
	r.set("web.test", "10.1.0.1", "10.1.0.2")
	ups := make([]*config.Upstream, 8)
	for i := range ups {
		up := same(config.Balance(i%4), 3+i%3)
		up.Servers = append(up.Servers, config.Server{Address: "web.test:80", Weight: 1 + i%2})
		up.Servers[0].Weight = 1 + i
		up.Servers[1].Backup = i%2 == 0
		up.DNS = time.Millisecond
		up.Eject = config.Eject{Failures: 2, For: time.Millisecond, Return: time.Duration(i) * time.Millisecond, Percent: 60}
		ups[i] = up
	}
	s, _ := newSet(t, loops, &Options{Resolver: r}, ups[0])
	c := s.Cluster("u")
	var stop atomic.Bool
	var wg sync.WaitGroup
	var picked [loops]map[*Server]uint64
	for loop := range loops {
		wg.Go(func() {
			p, random := c.Picker(loop), rand.New(rand.NewPCG(uint64(loop), 1))
			var tried Tried
			mine, gone := map[*Server]uint64{}, map[*Server]bool{}
			picked[loop] = mine
			for !stop.Load() {
				tried = Tried{}
				for range 1 + random.IntN(4) {
					seen := tried
					got := p.Pick(random.Uint64(), &tried, nil)
					if got == nil {
						break
					}
					if seen.Has(got) {
						t.Errorf("%s was chosen again", got.Addr)
					}
					if gone[got] {
						t.Errorf("%s was chosen, which was gone before", got.Addr)
					}
					if mine[got]++; got.Gone() {
						gone[got] = true
					}
					got.Began(loop)
					got.Pools[loop] = loop
					got.Ended(loop, Outcome(random.IntN(outcomes)))
					p.MayRetry(time.Now(), 20)
				}
			}
		})
	}
	changers := []func(i int){
		func(i int) { apply(t, s, ups[i%len(ups)]) },
		func(i int) {
			r.set("web.test", fmt.Sprintf("10.1.0.%d", i%5+1), fmt.Sprintf("10.1.0.%d", i%7+1))
			s.Status()
		},
		func(i int) { s.Drain("u", "10.0.0.3:80", i%2 == 0) },
	}
	var changing sync.WaitGroup
	for _, change := range changers {
		changing.Go(func() {
			for i := range 100 {
				change(i)
			}
		})
	}
	changing.Wait()
	stop.Store(true)
	wg.Wait()
	s.Close()
	total := map[*Server]uint64{}
	for loop := range loops {
		if len(picked[loop]) == 0 {
			t.Errorf("loop %d has picked nothing", loop)
		}
		for srv, n := range picked[loop] {
			total[srv] += n
		}
	}
	for srv, n := range total {
		if st := srv.status(time.Now()); st.InFlight != 0 || st.Requests != n {
			t.Errorf("%s has %d in flight and counts %d requests, want none and %d", st.Addr, st.InFlight, st.Requests, n)
		}
	}
}

// TestRequestsNeverGoDown asks while requests begin and end: a counter that goes down is for Prometheus one that has begun anew, and
// all that it had counts again.
func TestRequestsNeverGoDown(t *testing.T) {
	const loops = 2
	s, _ := newSet(t, loops, nil, same(config.RoundRobin, 1))
	srv := servers(s)["10.0.0.1:80"]
	var stop atomic.Bool
	var wg sync.WaitGroup
	for loop := range loops {
		wg.Go(func() {
			for !stop.Load() {
				for range 50 {
					srv.Began(loop)
				}
				for range 50 {
					srv.Ended(loop, OK)
				}
			}
		})
	}
	for last, i := uint64(0), 0; i < 100_000 && !t.Failed(); i++ {
		now := s.Status()[0].Requests
		if now < last {
			t.Errorf("%d requests after %d", now, last)
		}
		last = now
	}
	stop.Store(true)
	wg.Wait()
}
