package cluster

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/unio-go/unio/tinygate/internal/config"
)

func ejecting(servers ...string) *config.Upstream {
	up := upstream(config.RoundRobin, servers...)
	up.Eject = config.Eject{Failures: 3, For: 10 * time.Second, Percent: 50}
	return up
}

// fail has requests to a server fail, and waits until it was judged.
func fail(s *Server, n int, o Outcome) {
	for range n {
		s.Began(0)
		s.Ended(0, o)
	}
	synctest.Wait()
}

func TestFailuresInARowEject(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, log := newSet(t, 2, nil, ejecting("10.0.0.1:80", "10.0.0.2:80"))
		a, p := servers(s)["10.0.0.1:80"], s.Cluster("u").Picker(0)
		fail(a, 2, Reset)
		fail(a, 1, OK)
		fail(a, 2, Timeout)
		fail(a, 5, Status5xx)
		fail(a, 5, ClientGone)
		wantStrings(t, "after two in a row", states(s), []string{"10.0.0.1:80 up", "10.0.0.2:80 up"})
		fail(a, 1, ConnectFailed)
		wantStrings(t, "after three", states(s), []string{"10.0.0.1:80 ejected", "10.0.0.2:80 up"})
		if got := picks(p, 10); got["10.0.0.2:80"] != 10 {
			t.Errorf("an ejected server was chosen: %v", got)
		}
		fail(a, 30, Reset) // of requests that were in flight
		st := s.Status()[0]
		if want := time.Now().Add(10 * time.Second); !st.Until.Equal(want) || st.Ejections != 1 || st.WeightNow != 0 {
			t.Errorf("the status is %+v, want until %v, one ejection and no weight", st, want)
		}
		time.Sleep(10*time.Second - time.Nanosecond)
		if got := picks(p, 10); got["10.0.0.2:80"] != 10 {
			t.Errorf("an ejected server was chosen before its time: %v", got)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if got := picks(p, 10); got["10.0.0.1:80"] != 5 {
			t.Errorf("when its time was over, ten picks gave %v", got)
		}
		if log.count("is ejected", "10.0.0.1:80") != 1 || log.count("comes back", "10.0.0.1:80") != 1 {
			t.Errorf("each turn is logged once, and the log is %q", log.lines)
		}
	})
}

func TestTimesDoubleAndAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := newSet(t, 1, nil, ejecting("10.0.0.1:80", "10.0.0.2:80"))
		a := servers(s)["10.0.0.1:80"]
		for i, times := range []int{1, 2, 4, 8, 8} {
			fail(a, 3, BadResponse)
			st := s.Status()[0]
			if got, want := time.Until(st.Until), time.Duration(times)*10*time.Second; got != want {
				t.Errorf("ejection %d is for %v, want %v", i+1, got, want)
			}
			time.Sleep(time.Until(st.Until))
			synctest.Wait()
			fail(a, 1, OK)
			time.Sleep(79 * time.Second)
		}
		time.Sleep(time.Second)
		fail(a, 3, BadResponse)
		if got := time.Until(s.Status()[0].Until); got != 10*time.Second {
			t.Errorf("after 80 s without failures the ejection is for %v, want 10 s", got)
		}
	})
}

func TestEjectedServerComesBackSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := ejecting("10.0.0.1:80", "10.0.0.2:80")
		up.Eject.Return = 32 * time.Second
		s, _ := newSet(t, 1, nil, up)
		fail(servers(s)["10.0.0.1:80"], 3, Reset)
		time.Sleep(10 * time.Second)
		for _, want := range []float64{1. / 32, 9. / 32, 17. / 32, 25. / 32, 1} {
			synctest.Wait()
			if got := s.Status()[0].WeightNow; got != want {
				t.Errorf("the weight is %v, want %v", got, want)
			}
			time.Sleep(8 * time.Second)
		}
	})
}

func TestLastServerIsNotEjected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := ejecting("10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80")
		up.Eject.Percent = 100
		s, log := newSet(t, 1, nil, up)
		all := servers(s)
		if err := s.Drain("u", "10.0.0.3:80", true); err != nil {
			t.Fatal(err)
		}
		for range 5 {
			fail(all["10.0.0.1:80"], 3, Reset)
			fail(all["10.0.0.2:80"], 3, Reset)
		}
		wantStrings(t, "with one drained", states(s), []string{"10.0.0.1:80 ejected", "10.0.0.2:80 up", "10.0.0.3:80 draining"})
		if n := log.count("not ejected", "10.0.0.2:80"); n != 1 {
			t.Errorf("that a server is spared was logged %d times", n)
		}
	})
}

func TestReloadChangesEjectionInPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := ejecting("10.0.0.1:80", "10.0.0.2:80")
		never := *up
		never.Eject.Failures = 0
		s, _ := newSet(t, 1, nil, &never)
		a := servers(s)["10.0.0.1:80"]
		fail(a, 100, Reset)
		wantStrings(t, "without ejection", states(s), []string{"10.0.0.1:80 up", "10.0.0.2:80 up"})
		apply(t, s, up)
		fail(a, 3, Reset)
		wantStrings(t, "with it", states(s), []string{"10.0.0.1:80 ejected", "10.0.0.2:80 up"})
		apply(t, s, &never)
		wantStrings(t, "what was ejected stays so", states(s), []string{"10.0.0.1:80 ejected", "10.0.0.2:80 up"})
		time.Sleep(10 * time.Second)
		synctest.Wait()
		wantStrings(t, "until its time is over", states(s), []string{"10.0.0.1:80 up", "10.0.0.2:80 up"})
	})
}

// modelServer is what the model knows of a server: the rules of the package comment in plain words.
type modelServer struct {
	row     int
	until   time.Time
	back    time.Time
	times   int
	drained bool
}

// model says how many of the servers are ejected.
type model struct {
	cfg     config.Eject
	servers []modelServer
}

func (m *model) pass(now time.Time) {
	for i := range m.servers {
		if s := &m.servers[i]; !s.until.IsZero() && !now.Before(s.until) {
			s.back, s.until, s.row = s.until, time.Time{}, 0
		}
	}
}

func (m *model) failed(i int, now time.Time) {
	s := &m.servers[i]
	if !s.until.IsZero() {
		return
	}
	if s.row++; s.row < m.cfg.Failures {
		return
	}
	s.row = 0
	ejected, others := 0, 0
	for k, o := range m.servers {
		if !o.until.IsZero() {
			ejected++
		} else if k != i && !o.drained {
			others++
		}
	}
	if others == 0 || (ejected+1)*100 > m.cfg.Percent*len(m.servers) {
		return
	}
	if now.Sub(s.back) >= 8*m.cfg.For {
		s.times = 0
	}
	s.until = now.Add(m.cfg.For * time.Duration(min(1<<s.times, 8)))
	s.times++
}

// FuzzEjection plays outcomes, drains and time on servers and on the model. The first bytes are the configuration.
func FuzzEjection(f *testing.F) {
	f.Add([]byte{2, 1, 50, 0, 0, 3, 0, 0, 64 + 10, 0, 0, 0})
	f.Add([]byte{4, 2, 100, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 128, 129, 64 + 63, 1, 1, 1})
	f.Add([]byte{3, 0, 34, 0, 1, 2, 64 + 5, 0, 64 + 20, 0, 64 + 40, 0, 32, 33, 64 + 63, 64 + 63, 0})
	f.Fuzz(func(t *testing.T, script []byte) {
		if len(script) < 3 || len(script) > 300 {
			return
		}
		synctest.Test(t, func(t *testing.T) { playEjection(t, script) })
	})
}

func playEjection(t *testing.T, script []byte) {
	n := 1 + int(script[0]%6)
	up := same(config.RoundRobin, n)
	up.Eject = config.Eject{Failures: 1 + int(script[1]%4), For: 10 * time.Second, Percent: int(script[2]) % 101}
	s, _ := newSet(t, 1, nil, up)
	c := s.Cluster("u")
	m := model{cfg: up.Eject, servers: make([]modelServer, n)}
	for step, b := range script[3:] {
		i := int(b&31) % n
		srv := c.members[i]
		switch b >> 5 {
		case 0, 4, 5:
			fail(srv, 1, Reset)
			m.failed(i, time.Now())
		case 1:
			fail(srv, 1, OK)
			if m.servers[i].until.IsZero() {
				m.servers[i].row = 0
			}
		case 2, 3:
			time.Sleep(time.Duration(b&63) * time.Second)
			synctest.Wait()
			m.pass(time.Now())
		default:
			d := &m.servers[i].drained
			*d = !*d
			if err := s.Drain("u", srv.Name, *d); err != nil {
				t.Fatal(err)
			}
		}
		compareEjection(t, step, s, &m)
	}
}

func compareEjection(t *testing.T, step int, s *Set, m *model) {
	t.Helper()
	var usable, notDrained int
	for i, st := range s.Status() {
		o := m.servers[i]
		want := fmt.Sprint(Up)
		switch {
		case o.drained:
			want = fmt.Sprint(Draining)
		case !o.until.IsZero():
			want = fmt.Sprintf("%s until %v", Ejected, o.until)
		default:
			usable++
		}
		if !o.drained {
			notDrained++
		}
		got := fmt.Sprint(st.State)
		if st.State == Ejected {
			got = fmt.Sprintf("%s until %v", Ejected, st.Until)
		}
		if got != want {
			t.Fatalf("step %d: server %d is %s, and %s in the model", step, i, got, want)
		}
	}
	if usable == 0 {
		usable = notDrained
	}
	if got := len(picks(s.Cluster("u").Picker(0), 4*len(m.servers))); got != usable {
		t.Fatalf("step %d: %d servers are chosen, %d in the model", step, got, usable)
	}
}

// TestManyComeBackOneAfterAnother has a thousand servers come back a millisecond apart. Each new view costs all loops a look at all of
// them.
func TestManyComeBackOneAfterAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := upstream(config.RoundRobin)
		up.Eject.Return = 10 * time.Second
		for i := range 1000 {
			up.Servers = append(up.Servers, config.Server{Address: fmt.Sprintf("unix:/%d", i), Weight: 1})
		}
		s, _ := newSet(t, 1, nil, up)
		for _, e := range up.Servers {
			s.Drain("u", e.Address, true)
		}
		for _, e := range up.Servers {
			s.Drain("u", e.Address, false)
			time.Sleep(time.Millisecond)
		}
		c, views := s.Cluster("u"), 0
		for last, end := c.view.Load(), time.Now().Add(2*up.Eject.Return); time.Now().Before(end); time.Sleep(time.Millisecond) {
			synctest.Wait()
			if v := c.view.Load(); v != last {
				views, last = views+1, v
			}
		}
		if most := int(up.Eject.Return/returnStepMin) + 1; views > most {
			t.Errorf("there were %d views, want %d at most", views, most)
		}
		for _, st := range s.Status() {
			if st.WeightNow != 1 {
				t.Fatalf("%s has the weight %v in the end", st.Addr, st.WeightNow)
			}
		}
	})
}
