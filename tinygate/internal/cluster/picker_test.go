package cluster

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/unio-go/unio/tinygate/internal/cluster/maglev"
	"github.com/unio-go/unio/tinygate/internal/config"
)

var balances = map[string]config.Balance{
	"roundrobin": config.RoundRobin, "leastconn": config.LeastConnections,
	"randomtwo": config.RandomTwo, "hash": config.Hash,
}

// TestSmoothOrder is the example of nginx's change that brought it (commit 52327e0627f4, 2012).
func TestSmoothOrder(t *testing.T) {
	s, _ := newSet(t, 1, nil, upstream(config.RoundRobin, "10.0.0.1:1 5", "10.0.0.2:1", "10.0.0.3:1"))
	p, got := s.Cluster("u").Picker(0), ""
	for range 14 {
		got += string('a' + p.Pick(0, nil, nil).Addr[7] - '1')
	}
	if got != "aabacaaaabacaa" {
		t.Errorf("weights 5, 1, 1 give %s, want aabacaa twice", got)
	}
}

// Servers that are full are passed over while another has room, but not for a backup, and a key stays where it is.
func TestFullServersArePassedOver(t *testing.T) {
	for name, balance := range balances {
		up := same(balance, 3)
		up.Servers[2].Backup = true
		s, _ := newSet(t, 1, nil, up)
		p, busy := s.Cluster("u").Picker(0), map[string]bool{}
		full := func(s *Server) bool { return busy[s.Addr] }
		count := func() (got [3]int) {
			for key := range uint64(100) {
				var tried Tried
				picked := p.Pick(key, &tried, full)
				picked.inFlight.Add(1)
				defer picked.inFlight.Add(-1)
				for i, e := range up.Servers {
					if e.Address == picked.Addr {
						got[i]++
					}
				}
				if tried.n != 1 {
					t.Fatalf("%s: %d servers count as tried", name, tried.n)
				}
			}
			return got
		}
		busy[up.Servers[0].Address] = true
		if got := count(); (got == [3]int{0, 100, 0}) == (balance == config.Hash) || got[2] > 0 {
			t.Errorf("%s: one of two is full: %v", name, got)
		}
		busy[up.Servers[1].Address] = true
		if got := count(); got[0] == 0 || got[1] == 0 || got[2] > 0 {
			t.Errorf("%s: both are full: %v", name, got)
		}
	}
}

// TestOneOfManyHasRoom has all servers be full but one, of more than are tried for a request.
func TestOneOfManyHasRoom(t *testing.T) {
	for name, balance := range balances {
		if balance == config.Hash {
			continue
		}
		s, _ := newSet(t, 1, nil, same(balance, 3*triedMax))
		p, missed := s.Cluster("u").Picker(0), 0
		for _, free := range servers(s) {
			full := func(s *Server) bool { return s != free }
			if p.Pick(0, nil, full) != free {
				missed++
			}
		}
		if missed > 0 {
			t.Errorf("%s: %d of %d times a server was chosen that is full", name, missed, 3*triedMax)
		}
	}
}

// TestRoundsAreExact: in each round a server has as many requests as its weight says, and never strays from its share by
// two within one.
func TestRoundsAreExact(t *testing.T) {
	for _, balance := range []string{"roundrobin", "leastconn"} {
		for seed := range uint64(50) {
			r := rand.New(rand.NewPCG(seed, 0))
			up, round := same(balances[balance], 1+r.IntN(8)), 0
			for i := range up.Servers {
				up.Servers[i].Weight = 1 + r.IntN(20)
				round += up.Servers[i].Weight
			}
			s, _ := newSet(t, 1, nil, up)
			p, got := s.Cluster("u").Picker(0), map[string]int{}
			for n := 1; n <= 3*round; n++ {
				got[p.Pick(0, nil, nil).Addr]++
				for _, e := range up.Servers {
					stray := math.Abs(float64(got[e.Address]) - float64(n*e.Weight)/float64(round))
					if stray >= 2 || balance == "roundrobin" && n%round == 0 && stray != 0 {
						t.Fatalf("%s, seed %d: after %d of rounds of %d, %v of %v is %.2f off its share",
							balance, seed, n, round, e, up.Servers, stray)
					}
				}
			}
		}
	}
}

func TestLoopsDoNotMarchInStep(t *testing.T) {
	for _, balance := range []string{"roundrobin", "leastconn"} {
		s, _ := newSet(t, 4, nil, same(balances[balance], 4))
		first := map[string]bool{}
		for loop := range 4 {
			first[s.Cluster("u").Picker(loop).Pick(0, nil, nil).Addr] = true
		}
		if len(first) != 4 {
			t.Errorf("%s: four loops begin with %d of four servers", balance, len(first))
		}
	}
}

// TestFewestConnections holds each choice against the definition.
func TestFewestConnections(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	up := same(config.LeastConnections, 7)
	for i := range up.Servers {
		up.Servers[i].Weight = 1 + r.IntN(5)
	}
	s, _ := newSet(t, 2, nil, up)
	all := servers(s)
	load := func(s *Server) float64 { return float64(s.inFlight.Load()) / float64(s.weight) }
	var running []*Server
	for i := range 20_000 {
		if len(running) > 0 && r.IntN(100) < 48 {
			k := r.IntN(len(running))
			running[k].Ended(0, OK)
			running[k] = running[len(running)-1]
			running = running[:len(running)-1]
			continue
		}
		got := s.Cluster("u").Picker(i%2).Pick(0, nil, nil)
		for _, o := range all {
			if load(o) < load(got) {
				t.Fatalf("step %d: %s with load %.2f was chosen, %s has %.2f", i, got.Addr, load(got), o.Addr, load(o))
			}
		}
		got.Began(i % 2)
		running = append(running, got)
	}
}

// TestTurnsAreCountedAnew: passes do not wrap.
func TestTurnsAreCountedAnew(t *testing.T) {
	s, _ := newSet(t, 1, nil, upstream(config.LeastConnections, "10.0.0.1:1 5", "10.0.0.2:1", "10.0.0.3:1"))
	p := s.Cluster("u").Picker(0)
	p.Pick(0, nil, nil)
	p.pass = passMax - 50*strideOne
	for i := range p.state {
		p.state[i].pass = p.pass
	}
	got := picks(p, 7000)
	if math.Abs(float64(got["10.0.0.1:1"]-5000)) > 2 || math.Abs(float64(got["10.0.0.2:1"]-1000)) > 2 || p.pass > passMax/2 {
		t.Errorf("picks gave %v and the pass is %d", got, p.pass)
	}
}

func TestRandomTwoGoesByWeight(t *testing.T) {
	s, _ := newSet(t, 1, nil, upstream(config.RandomTwo, "10.0.0.1:1 1", "10.0.0.2:1 2", "10.0.0.3:1 5"))
	const n = 100_000
	got := picks(s.Cluster("u").Picker(0), n)
	for i, w := range []float64{1, 2, 5} {
		addr := fmt.Sprintf("10.0.0.%d:1", i+1)
		// Nothing is in flight, so the first draw stands; five standard deviations.
		if p := w / 8; math.Abs(float64(got[addr])-n*p) > 5*math.Sqrt(n*p*(1-p)) {
			t.Errorf("%s has %d of %d, want %.0f", addr, got[addr], n, n*p)
		}
	}
}

func TestRandomTwoSparesTheBusiest(t *testing.T) {
	s, _ := newSet(t, 1, nil, same(config.RandomTwo, 3))
	servers(s)["10.0.0.2:80"].Began(0)
	if got := picks(s.Cluster("u").Picker(0), 10_000); got["10.0.0.2:80"] > 0 || len(got) != 2 {
		t.Errorf("two that differ were drawn and the busiest of three won: %v", got)
	}
}

// TestKeysStay: when a server cannot be used, only its keys move, to all others, and they come back with it.
func TestKeysStay(t *testing.T) {
	s, _ := newSet(t, 2, nil, same(config.Hash, 10))
	const keys = 20_000
	where := func(loop int) (at []string) {
		for k := range uint64(keys) {
			at = append(at, s.Cluster("u").Picker(loop).Pick(k, nil, nil).Addr)
		}
		return at
	}
	before, count := where(0), map[string]int{}
	for _, addr := range before {
		count[addr]++
	}
	for addr, n := range count {
		if math.Abs(float64(n)/(keys/10)-1) > 0.1 {
			t.Errorf("%s has %d of %d keys, want a tenth", addr, n, keys)
		}
	}
	const out = "10.0.0.4:80"
	if err := s.Drain("u", out, true); err != nil {
		t.Fatal(err)
	}
	moved := map[string]int{}
	for k, addr := range where(1) {
		switch {
		case before[k] == out:
			moved[addr]++
		case addr != before[k]:
			t.Fatalf("key %d moved from %s to %s, which both can be used", k, before[k], addr)
		}
	}
	if moved[out] > 0 || len(moved) != 9 {
		t.Errorf("the keys of the drained server went to %v, want the nine others", moved)
	}
	for addr, n := range moved {
		if want := float64(count[out]) / 9; math.Abs(float64(n)-want) > 5*math.Sqrt(want) {
			t.Errorf("%s got %d of the moved keys, want about %.0f", addr, n, want)
		}
	}
	if err := s.Drain("u", out, false); err != nil {
		t.Fatal(err)
	}
	for k, addr := range where(0) {
		if addr != before[k] {
			t.Fatalf("key %d is at %s when all are back, was at %s", k, addr, before[k])
		}
	}
}

func TestEachServerIsTriedOnceAndBackupsLast(t *testing.T) {
	for name, balance := range balances {
		s, _ := newSet(t, 1, nil, upstream(balance,
			"10.0.0.1:1 3", "10.0.0.2:1", "10.0.0.3:1 1000", "10.0.0.8:1 1 backup", "10.0.0.9:1 9 backup"))
		p := s.Cluster("u").Picker(0)
		var tried Tried
		for range 200 {
			seen := map[string]bool{}
			for i := range 5 {
				got := p.Pick(7, &tried, nil)
				if got == nil || seen[got.Addr] || got.backup != (i >= 3) {
					t.Fatalf("%s: try %d gave %v after %v", name, i, got, seen)
				}
				seen[got.Addr] = true
			}
			if got := p.Pick(7, &tried, nil); got != nil || tried.n != 5 {
				t.Fatalf("%s: a sixth try gave %v", name, got)
			}
			tried = Tried{}
		}
		if got := picks(p, 1000); got["10.0.0.8:1"]+got["10.0.0.9:1"] > 0 || got["10.0.0.3:1"] < 900 {
			t.Errorf("%s: first tries went to %v", name, got)
		}
	}
}

func TestMoreServersThanTries(t *testing.T) {
	s, _ := newSet(t, 1, nil, same(config.RoundRobin, triedMax+1))
	var tried Tried
	p := s.Cluster("u").Picker(0)
	for range triedMax {
		if p.Pick(0, &tried, nil) == nil {
			t.Fatal("there are servers left")
		}
	}
	if p.Pick(0, &tried, nil) != nil {
		t.Error("a request was tried more often than a Tried holds")
	}
}

func TestWhenNoneCanBeUsedAllAre(t *testing.T) {
	for name, balance := range balances {
		s, _ := newSet(t, 1, nil, upstream(balance, "10.0.0.1:1", "10.0.0.2:1", "10.0.0.3:1", "10.0.0.9:1 1 backup"))
		c, p := s.Cluster("u"), s.Cluster("u").Picker(0)
		out := func(addrs ...string) {
			c.mu.Lock()
			defer c.mu.Unlock()
			for _, m := range c.members {
				m.up = true
				for _, a := range addrs {
					m.up = m.up && m.Addr != a
				}
			}
			c.publish(time.Now())
		}
		out("10.0.0.1:1", "10.0.0.2:1", "10.0.0.3:1")
		if got := picks(p, 100); got["10.0.0.9:1"] != 100 {
			t.Errorf("%s: only the backup is up, and picks gave %v", name, got)
		}
		if err := s.Drain("u", "10.0.0.2:1", true); err != nil {
			t.Fatal(err)
		}
		out("10.0.0.1:1", "10.0.0.2:1", "10.0.0.3:1", "10.0.0.9:1")
		got := picks(p, 1000)
		if got["10.0.0.1:1"] == 0 || got["10.0.0.3:1"] == 0 || got["10.0.0.2:1"] > 0 {
			t.Errorf("%s: none is up and one is drained, and picks gave %v", name, got)
		}
		for _, a := range []string{"10.0.0.1:1", "10.0.0.3:1", "10.0.0.9:1"} {
			s.Drain("u", a, true)
		}
		if got := p.Pick(1, nil, nil); got != nil {
			t.Errorf("%s: all are drained, and %s was chosen", name, got.Addr)
		}
	}
}

// TestShareGrowsLinearly: a server that is new beside others gets its part bit by bit, whatever the balance.
func TestShareGrowsLinearly(t *testing.T) {
	for name, balance := range balances {
		synctest.Test(t, func(t *testing.T) {
			up := same(balance, 4)
			up.Eject.Return = 32 * time.Second
			late := *up
			up.Servers = up.Servers[:3]
			s, _ := newSet(t, 2, nil, up)
			p := s.Cluster("u").Picker(1)
			picks(p, 10)
			apply(t, s, &late)
			const n = 20_000
			time.Sleep(time.Millisecond) // beside the steps
			for sec := 0; sec <= 34; sec++ {
				f := min(float64(sec+1)/32, 1)
				want := f / 4 * n
				if balance == config.RoundRobin {
					want = f / (3 + f) * n // a weight that is f of the others'
				}
				got := float64(picks(p, n)["10.0.0.4:80"])
				// Keys and draws have their chance: five standard deviations and the places of a table.
				if math.Abs(got-want) > 5*math.Sqrt(want)+want/50+1 {
					t.Errorf("%s: %d s after it came, the server has %.0f of %d requests, want about %.0f", name, sec, got, n, want)
				}
				time.Sleep(time.Second)
			}
		})
	}
}

// TestKeysDoNotWanderWhenAllAreNew: when all servers come back at once, a key stays at its own.
func TestKeysDoNotWanderWhenAllAreNew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := same(config.Hash, 3)
		up.Eject.Return = 32 * time.Second
		s, _ := newSet(t, 1, nil, up)
		p := s.Cluster("u").Picker(0)
		var before []*Server
		for k := range uint64(1000) {
			before = append(before, p.Pick(k, nil, nil))
		}
		for _, on := range []bool{true, false} {
			for _, e := range up.Servers {
				s.Drain("u", e.Address, on)
			}
		}
		for range 34 {
			for k := range uint64(1000) {
				if got := p.Pick(k, nil, nil); got != before[k] {
					t.Fatalf("key %d is at %s, was at %s", k, got.Addr, before[k].Addr)
				}
			}
			time.Sleep(time.Second)
		}
	})
}

func TestKeysAreTheSameInAllProcesses(t *testing.T) {
	// FNV-1a of "foobar" is 85944171f73967e8 (its authors' test vectors); the rest is SplitMix64.
	if got, want := Key([]byte("foobar")), maglev.Mix(0x85944171f73967e8); got != want {
		t.Errorf("the key of foobar is %x, want %x", got, want)
	}
	// The first number of SplitMix64 with seed 1234567, as in Vigna's reference implementation.
	if got := maglev.Mix(1234567); got != 6457827717110365317 {
		t.Errorf("the mix of 1234567 is %d", got)
	}
}

// TestAllComeBackTogether: credit is not waited for when there is nobody else.
func TestAllComeBackTogether(t *testing.T) {
	for name, balance := range balances {
		synctest.Test(t, func(t *testing.T) {
			up := same(balance, 2)
			up.Eject.Return = time.Minute
			s, _ := newSet(t, 1, nil, up)
			for _, e := range up.Servers {
				s.Drain("u", e.Address, true)
			}
			for _, e := range up.Servers {
				s.Drain("u", e.Address, false)
			}
			got := picks(s.Cluster("u").Picker(0), 1000)
			if got["10.0.0.1:80"]+got["10.0.0.2:80"] != 1000 || math.Abs(float64(got["10.0.0.1:80"]-500)) > 100 {
				t.Errorf("%s: picks gave %v, want about 500 each", name, got)
			}
		})
	}
}

// TestStandingsSurviveChanges: views come and go without a server losing or doubling its turn.
func TestStandingsSurviveChanges(t *testing.T) {
	up := upstream(config.RoundRobin, "10.0.0.1:1 5", "10.0.0.2:1", "10.0.0.3:1")
	s, _ := newSet(t, 1, nil, up)
	p, got := s.Cluster("u").Picker(0), map[string]int{}
	for range 70 {
		got[p.Pick(0, nil, nil).Addr]++
		apply(t, s, up)
	}
	if got["10.0.0.1:1"] != 50 || got["10.0.0.2:1"] != 10 || got["10.0.0.3:1"] != 10 {
		t.Errorf("with a new view before each request picks gave %v, want 50, 10 and 10", got)
	}
}

// TestWeightThatFell: what a server owes from a large weight does not keep it away for thousands of requests.
func TestWeightThatFell(t *testing.T) {
	up := upstream(config.RoundRobin, "10.0.0.1:1 1000", "10.0.0.2:1 1000")
	s, _ := newSet(t, 1, nil, up)
	p := s.Cluster("u").Picker(0)
	p.Pick(0, nil, nil)
	apply(t, s, upstream(config.RoundRobin, "10.0.0.1:1", "10.0.0.2:1"))
	if got := picks(p, 10); got["10.0.0.1:1"] < 4 {
		t.Errorf("after weights fell from 1000 to 1, ten picks gave %v", got)
	}
}

func TestNothingIsAllocated(t *testing.T) {
	for name, balance := range balances {
		up := same(balance, 5)
		up.Eject = config.Eject{Failures: 1 << 30, For: time.Second, Percent: 50, Return: time.Hour}
		up.Servers = append(up.Servers, config.Server{Address: "10.0.0.99:80", Weight: 3, Backup: true})
		s, _ := newSet(t, 1, nil, up)
		s.Drain("u", "10.0.0.3:80", true)
		s.Drain("u", "10.0.0.3:80", false) // one that comes back
		p, key, now := s.Cluster("u").Picker(0), uint64(0), time.Now()
		var tried Tried
		if n := testing.AllocsPerRun(1000, func() {
			key++
			tried = Tried{}
			for _, o := range []Outcome{ConnectFailed, OK, Status5xx} {
				got := p.Pick(key, &tried, nil)
				got.Began(0)
				got.Ended(0, o)
				now = now.Add(time.Millisecond)
				p.MayRetry(now, 20)
			}
			p.Pick(key, nil, nil)
		}); n != 0 {
			t.Errorf("%s: a request allocates %v times", name, n)
		}
	}
}

func BenchmarkPick(b *testing.B) {
	for _, balance := range []string{"roundrobin", "leastconn", "randomtwo", "hash"} {
		for _, n := range []int{3, 100} {
			b.Run(fmt.Sprintf("balance=%s/servers=%d", balance, n), func(b *testing.B) {
				s, _ := newSet(b, 1, nil, same(balances[balance], n))
				p, key := s.Cluster("u").Picker(0), uint64(0)
				var tried Tried
				b.ReportAllocs()
				for b.Loop() {
					key++
					p.Pick(key, &tried, nil)
					tried = Tried{}
				}
			})
		}
	}
}

// BenchmarkOutcome is what telling costs: one loop, and two that share a server.
func BenchmarkOutcome(b *testing.B) {
	s, _ := newSet(b, 8, nil, same(config.RoundRobin, 3))
	srv := servers(s)["10.0.0.1:80"]
	b.Run("loops=1", func(b *testing.B) {
		for b.Loop() {
			srv.Began(0)
			srv.Ended(0, OK)
		}
	})
	b.Run("loops=shared", func(b *testing.B) {
		var loop = make(chan int, 8)
		for i := range 8 {
			loop <- i
		}
		b.RunParallel(func(pb *testing.PB) {
			l := <-loop
			for pb.Next() {
				srv.Began(l)
				srv.Ended(l, OK)
			}
			loop <- l
		})
	})
}
