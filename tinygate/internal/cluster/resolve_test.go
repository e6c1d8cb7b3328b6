package cluster

import (
	"fmt"
	"math"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/unio-go/unio/tinygate/internal/config"
)

func named(servers ...string) *config.Upstream {
	up := upstream(config.RoundRobin, servers...)
	up.DNS = 30 * time.Second
	return up
}

func TestAddressesOfANameAreServers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &fakeResolver{}
		r.set("web.test", "10.0.0.2", "10.0.0.1", "2001:db8::1", "::ffff:10.0.0.1")
		up := named("web.test:80 3", "10.0.9.9:80")
		up.Eject.Return = time.Hour // nobody has to come back yet
		s, _ := newSet(t, 1, &Options{Resolver: r}, up)
		synctest.Wait()
		wantStrings(t, "states", states(s), []string{"10.0.0.1:80 up", "10.0.0.2:80 up", "[2001:db8::1]:80 up", "10.0.9.9:80 up"})
		got := picks(s.Cluster("u").Picker(0), 100)
		if got["10.0.0.1:80"] != 30 || got["[2001:db8::1]:80"] != 30 || got["10.0.9.9:80"] != 10 {
			t.Errorf("each address has the weight of its name, and picks gave %v", got)
		}
		a := servers(s)["10.0.0.1:80"]
		if a.Name != "web.test:80" || a.Host != "web.test" || a.Cluster != s.Cluster("u") || len(a.Pools) != 1 {
			t.Errorf("the server is %+v", a)
		}
	})
}

func TestAddressesComeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &fakeResolver{}
		r.set("web.test", "10.0.0.1", "10.0.0.2")
		up := named("web.test:80")
		up.Eject.Return = 20 * time.Second
		var gone []string
		s, _ := newSet(t, 1, &Options{Resolver: r, Gone: func(s *Server) {
			if !s.Gone() {
				t.Error("the server is not marked yet")
			}
			gone = append(gone, s.Addr)
		}}, up)
		synctest.Wait()
		p, before := s.Cluster("u").Picker(0), servers(s)
		if got := picks(p, 100); got["10.0.0.1:80"] != 50 || got["10.0.0.2:80"] != 50 {
			t.Errorf("the first addresses have to wait: %v", got)
		}
		r.set("web.test", "10.0.0.2", "10.0.0.3")
		time.Sleep(34 * time.Second) // the interval and its tenth
		synctest.Wait()
		if after := servers(s); !before["10.0.0.1:80"].Gone() || after["10.0.0.2:80"] != before["10.0.0.2:80"] || after["10.0.0.1:80"] != nil {
			t.Errorf("before there were %v, after %v", before, after)
		}
		wantStrings(t, "gone", gone, []string{"10.0.0.1:80"})
		if got := s.Status()[1]; got.Addr != "10.0.0.3:80" || got.WeightNow > 0.6 {
			t.Errorf("the new server is at once at %v", got)
		}
		if got := picks(p, 300); got["10.0.0.3:80"] > 100 || got["10.0.0.3:80"] == 0 || got["10.0.0.1:80"] > 0 {
			t.Errorf("beside a new server picks gave %v", got)
		}
		time.Sleep(21 * time.Second)
		synctest.Wait()
		if got := picks(p, 100); math.Abs(float64(got["10.0.0.3:80"]-50)) > 1 {
			t.Errorf("a server that was new long ago has %v", got)
		}
	})
}

func TestFailedLookupKeepsAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &fakeResolver{}
		r.set("web.test", "10.0.0.1")
		s, log := newSet(t, 1, &Options{Resolver: r}, named("web.test:80"))
		synctest.Wait()
		r.set("web.test")
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		wantStrings(t, "states", states(s), []string{"10.0.0.1:80 up"})
		if st := s.Status()[0]; st.Reason == "" {
			t.Error("the status does not say that the name does not resolve")
		}
		if n := log.count("does not resolve", "web.test", "no such host"); n != 1 {
			t.Errorf("the failure was logged %d times", n)
		}
		r.set("web.test", "10.0.0.1")
		time.Sleep(time.Minute)
		synctest.Wait()
		if st := s.Status()[0]; st.Reason != "" || log.count("resolves again") != 1 {
			t.Errorf("the name resolves, the status is %+v and the log %q", st, log.lines)
		}
	})
}

func TestNameThatNeverResolved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &fakeResolver{}
		s, _ := newSet(t, 1, &Options{Resolver: r}, named("web.test:80"))
		synctest.Wait()
		if got := s.Cluster("u").Picker(0).Pick(0, nil, nil); got != nil {
			t.Errorf("%s was chosen", got.Addr)
		}
		st := s.Status()
		if len(st) != 1 || st[0].State != Resolving || st[0].Server != "web.test:80" || st[0].Reason == "" {
			t.Errorf("the status is %+v", st)
		}
		r.set("web.test", "10.0.0.1")
		time.Sleep(1200 * time.Millisecond) // a failed lookup is repeated soon
		synctest.Wait()
		if got := s.Cluster("u").Picker(0).Pick(0, nil, nil); got == nil || got.Addr != "10.0.0.1:80" {
			t.Errorf("%v was chosen after the name resolved", got)
		}
		r.set("web.test", "10.0.0.2")
		time.Sleep(33 * time.Second)
		synctest.Wait()
		wantStrings(t, "states", states(s), []string{"10.0.0.2:80 up"})
	})
}

func TestNameThatResolvesLateComesInSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &fakeResolver{}
		up := named("10.0.9.9:80", "web.test:80")
		up.Eject.Return = time.Minute
		s, _ := newSet(t, 1, &Options{Resolver: r}, up)
		synctest.Wait()
		r.set("web.test", "10.0.0.1")
		time.Sleep(1200 * time.Millisecond)
		synctest.Wait()
		if st := s.Status(); st[0].WeightNow != 1 || st[1].Addr != "10.0.0.1:80" || st[1].WeightNow > 0.1 {
			t.Errorf("the status is %+v", st)
		}
	})
}

// TestChurnLeavesNothing: a name that has other addresses with each lookup takes no more room.
func TestChurnLeavesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &fakeResolver{}
		s, _ := newSet(t, 1, &Options{Resolver: r}, named("web.test:80"))
		c, p := s.Cluster("u"), s.Cluster("u").Picker(0)
		for i := range 100 {
			r.set("web.test", fmt.Sprintf("10.0.0.%d", i+1), fmt.Sprintf("10.0.1.%d", i+1))
			time.Sleep(34 * time.Second)
			synctest.Wait()
			p.Pick(0, nil, nil)
		}
		if len(c.slots) > 4 || len(p.state) > 4 {
			t.Errorf("two servers at a time need %d slots and a loop has %d", len(c.slots), len(p.state))
		}
		for _, st := range p.state {
			if st.server != nil && st.server.Gone() {
				t.Errorf("the loop still holds %s", st.server.Addr)
			}
		}
	})
}

func TestRetriesOfLookupsSlowDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &fakeResolver{}
		s, _ := newSet(t, 1, &Options{Resolver: r}, named("web.test:80"))
		time.Sleep(62 * time.Second) // 1 + 2 + 4 + 8 + 16 + 30, each a tenth more or less
		synctest.Wait()
		s.Close()
		if r.asked < 6 || r.asked > 7 {
			t.Errorf("in a minute a name that does not resolve was asked for %d times, want 6 or 7", r.asked)
		}
	})
}

func TestNameThatIsResolvedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &fakeResolver{}
		up := named("web.test:80")
		up.DNS = 0
		s, _ := newSet(t, 1, &Options{Resolver: r}, up)
		time.Sleep(10 * time.Minute)
		r.set("web.test", "10.0.0.1")
		time.Sleep(2 * time.Minute)
		r.set("web.test", "10.0.0.2")
		time.Sleep(time.Hour)
		wantStrings(t, "states", states(s), []string{"10.0.0.1:80 up"})
		up2 := *up
		up2.DNS = time.Second
		apply(t, s, &up2)
		synctest.Wait()
		wantStrings(t, "with an interval", states(s), []string{"10.0.0.2:80 up"})
	})
}

func TestNameThatIsGoneIsNotResolved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &fakeResolver{}
		r.set("web.test", "10.0.0.1")
		s, _ := newSet(t, 1, &Options{Resolver: r}, named("web.test:80", "10.0.9.9:80"))
		synctest.Wait()
		apply(t, s, named("10.0.9.9:80"))
		before := r.asked
		time.Sleep(time.Hour)
		synctest.Wait()
		if r.asked != before {
			t.Errorf("it was asked for %d times", r.asked-before)
		}
	})
}

func TestNameWithoutAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &fakeResolver{answers: map[string][]netip.Addr{"web.test": {}}}
		s, _ := newSet(t, 1, &Options{Resolver: r}, named("web.test:80"))
		synctest.Wait()
		if st := s.Status()[0]; st.State != Resolving || !strings.Contains(st.Reason, "A and AAAA") {
			t.Errorf("the status is %+v", st)
		}
	})
}

func TestDrainedNameStaysDrainedWithNewAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &fakeResolver{}
		r.set("web.test", "10.0.0.1")
		s, _ := newSet(t, 1, &Options{Resolver: r}, named("web.test:80", "10.0.9.9:80"))
		synctest.Wait()
		if err := s.Drain("u", "web.test:80", true); err != nil {
			t.Fatal(err)
		}
		r.set("web.test", "10.0.0.7")
		time.Sleep(34 * time.Second)
		synctest.Wait()
		wantStrings(t, "states", states(s), []string{"10.0.0.7:80 draining", "10.0.9.9:80 up"})
	})
}

// Who waits for the first server of a cluster is told of it, or that there is none, and nobody waits where there is nothing to wait for.
func TestFirstServerIsAwaited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &fakeResolver{wait: time.Second}
		r.set("web.test", "10.0.0.1")
		for _, up := range []*config.Upstream{named("web.test:80"), named("none.test:80"), named("web.test:80", "none.test:80")} {
			s, _ := newSet(t, 1, &Options{Resolver: r}, up)
			p, told := s.Cluster("u").Picker(0), new(atomic.Int64)
			if !p.Await(func() { told.Add(1) }) || told.Load() != 0 {
				t.Errorf("%v: nobody waits", up.Servers)
			}
			time.Sleep(1100 * time.Millisecond)
			synctest.Wait()
			if told.Load() != 1 || p.Await(func() { told.Add(1) }) {
				t.Errorf("%v: told %d times, or there is something to wait for still", up.Servers, told.Load())
			}
		}
		s, _ := newSet(t, 1, &Options{Resolver: r}, named("web.test:80"))
		p, told := s.Cluster("u").Picker(0), 0
		p.Await(func() { told++ })
		apply(t, s)
		if told != 1 || p.Await(func() {}) {
			t.Errorf("an upstream that is removed is waited for")
		}
	})
}
