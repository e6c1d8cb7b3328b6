package cluster

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/unio-go/unio/tinygate/internal/config"
)

func TestApplyKeepsWhatIsTheSame(t *testing.T) {
	up := upstream(config.RoundRobin, "10.0.0.1:80", "10.0.0.2:80 2", "unix:/run/app.sock")
	s, _ := newSet(t, 2, nil, up)
	c, before := s.Cluster("u"), servers(s)
	a := before["10.0.0.1:80"]
	a.Pools[1] = "mine"
	a.Began(1)
	a.Ended(1, OK)
	b := before["10.0.0.2:80"]

	next := upstream(config.RoundRobin, "unix:/run/app.sock", "10.0.0.1:80 7", "10.0.0.3:80 1 backup")
	next.Pool.Max = 5
	changes := apply(t, s, next)
	wantStrings(t, "changes", changes, []string{
		"upstream u: pool changed",
		"upstream u: server 10.0.0.1:80 has weight 7, was 1",
		"upstream u: server 10.0.0.3:80 added",
		"upstream u: server 10.0.0.2:80 removed",
	})
	after := servers(s)
	if s.Cluster("u") != c || after["10.0.0.1:80"] != a || after["unix:/run/app.sock"] != before["unix:/run/app.sock"] {
		t.Error("what is the same has other objects")
	}
	if a.Pools[1] != "mine" || a.Gone() || !b.Gone() || c.Config() != next {
		t.Error("pools, marks or configuration are wrong")
	}
	st := s.Status()
	if len(st) != 3 || st[1].Addr != "10.0.0.1:80" || st[1].Weight != 7 || st[1].Requests != 1 || !st[2].Backup {
		t.Errorf("the status is %+v", st)
	}
	if got := picks(c.Picker(0), 80); got["10.0.0.1:80"] != 70 || got["unix:/run/app.sock"] != 10 {
		t.Errorf("picks gave %v", got)
	}
	if changes := apply(t, s, next); len(changes) != 0 {
		t.Errorf("nothing changed, and Apply tells %q", changes)
	}
}

func TestOtherTLSIsAnotherServer(t *testing.T) {
	up := upstream(config.RoundRobin, "10.0.0.1:80")
	up.TLS = &config.ClientTLS{ServerName: "a"}
	s, _ := newSet(t, 1, nil, up)
	before := servers(s)["10.0.0.1:80"]
	equal := *up
	equal.TLS = &config.ClientTLS{ServerName: "a"}
	apply(t, s, &equal)
	if servers(s)["10.0.0.1:80"] != before {
		t.Error("equal settings made another server")
	}
	other := *up
	other.TLS = &config.ClientTLS{ServerName: "b"}
	changes := apply(t, s, &other)
	if got := s.Cluster("u").Picker(0).Pick(0, nil, nil); got == before || got.TLS.ServerName != "b" || !before.Gone() {
		t.Errorf("with other settings %+v was chosen", got)
	}
	wantStrings(t, "changes", changes, []string{"upstream u: TLS changed"})
}

// An address of a name that was drained alone got requests again when a reload changed the upstream's TLS.
func TestDrainOfAnAddressOutlastsAChangeOfTLS(t *testing.T) {
	r := &fakeResolver{}
	r.set("web.internal", "10.0.0.1", "10.0.0.2")
	synctest.Test(t, func(t *testing.T) {
		up := upstream(config.RoundRobin, "web.internal:80", "10.0.0.3:80")
		s, _ := newSet(t, 1, &Options{Resolver: r}, up)
		synctest.Wait()
		for _, server := range []string{"10.0.0.1:80", "10.0.0.3:80"} {
			if err := s.Drain("u", server, true); err != nil {
				t.Fatal(err)
			}
		}
		next := *up
		next.TLS = &config.ClientTLS{ServerName: "a"}
		apply(t, s, &next)
		want := []string{"10.0.0.1:80 draining", "10.0.0.2:80 up", "10.0.0.3:80 draining"}
		wantStrings(t, "with other settings of TLS", states(s), want)
		if err := s.Drain("u", "10.0.0.1:80", false); err != nil {
			t.Fatal(err)
		}
		want[0] = "10.0.0.1:80 up"
		apply(t, s, up)
		wantStrings(t, "without TLS again", states(s), want)
	})
}

func TestUpstreamsComeAndGo(t *testing.T) {
	a, b := upstream(config.RoundRobin, "10.0.0.1:80"), upstream(config.Hash, "10.0.0.2:80")
	a.Name, b.Name = "a", "b"
	s, _ := newSet(t, 1, nil, a)
	ca := s.Cluster("a")
	srv := ca.Picker(0).Pick(0, nil, nil)
	wantStrings(t, "changes", apply(t, s, b), []string{"upstream b: new, with 1 servers", "upstream a: removed"})
	if s.Cluster("a") != nil || !srv.Gone() {
		t.Error("a removed upstream is still there")
	}
	if ca.Picker(0).Pick(0, nil, nil) != srv {
		t.Error("a request that began before the upstream was removed finds no server")
	}
	srv = s.Cluster("b").Picker(0).Pick(0, nil, nil)
	s.Close()
	if !srv.Gone() {
		t.Error("a closed set still has servers")
	}
	if _, err := s.Apply([]*config.Upstream{a}); err != ErrClosed {
		t.Errorf("Apply to a closed set: %v", err)
	}
}

func TestApplyRefusesAllOrNothing(t *testing.T) {
	good := upstream(config.RoundRobin, "10.0.0.1:80")
	s, _ := newSet(t, 1, nil, good)
	check := func(h config.Health) *config.Upstream {
		up := upstream(config.RoundRobin, "10.0.0.1:80")
		up.Health = &h
		return up
	}
	whole := config.Health{HTTP: true, Path: "/", Interval: 1, Timeout: 1, Rise: 1, Fall: 1}
	overTLS := check(whole)
	overTLS.TLS = &config.ClientTLS{}
	badPath, noRise, noTime := whole, whole, whole
	badPath.Path, noRise.Rise, noTime.Interval = "health", 0, 0
	eject := upstream(config.RoundRobin, "10.0.0.1:80")
	eject.Eject.Failures = 1
	for _, c := range []struct {
		up   *config.Upstream
		says string
	}{
		{upstream(config.RoundRobin, "10.0.0.1"), "not HOST:PORT"},
		{upstream(config.RoundRobin, ":80"), "not HOST:PORT"},
		{upstream(config.RoundRobin, "a:http"), "from 1 to 65535"},
		{upstream(config.RoundRobin, "a:0"), "from 1 to 65535"},
		{upstream(config.RoundRobin, "unix:"), "unix:/path"},
		{upstream(config.RoundRobin, "a:1 0"), "weight"},
		{upstream(config.RoundRobin, "a:1 1001"), "weight"},
		{upstream(config.RoundRobin, "a:1", "a:1"), "sum of the weights"},
		{check(badPath), "begins with /"},
		{check(noRise), "rise"},
		{check(noTime), "interval"},
		{overTLS, "Options.TLS"},
		{eject, "time above 0"},
	} {
		extra := upstream(config.RoundRobin, "10.0.0.9:80")
		extra.Name = "extra"
		_, err := s.Apply([]*config.Upstream{extra, c.up})
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: the error is %v, want one with %q", c.up, err, c.says)
		}
		if s.Cluster("extra") != nil || s.Cluster("u").Config() != good {
			t.Fatalf("%+v: after an error something changed", c.up)
		}
	}
	if _, err := s.Apply([]*config.Upstream{good, good}); err == nil || !strings.Contains(err.Error(), "twice") {
		t.Errorf("two upstreams of a name: %v", err)
	}
}

func TestDrain(t *testing.T) {
	s, _ := newSet(t, 1, nil, same(config.RoundRobin, 2))
	p := s.Cluster("u").Picker(0)
	if err := s.Drain("u", "10.0.0.1:80", true); err != nil {
		t.Fatal(err)
	}
	if got := picks(p, 10); got["10.0.0.2:80"] != 10 {
		t.Errorf("picks gave %v", got)
	}
	apply(t, s, same(config.RoundRobin, 2))
	wantStrings(t, "a reload does not end it", states(s), []string{"10.0.0.1:80 draining", "10.0.0.2:80 up"})
	if err := s.Drain("u", "10.0.0.1:80", false); err != nil {
		t.Fatal(err)
	}
	if got := picks(p, 10); got["10.0.0.1:80"] != 5 {
		t.Errorf("picks gave %v", got)
	}
	for _, c := range [][2]string{{"v", "10.0.0.1:80"}, {"u", "10.0.0.9:80"}} {
		if err := s.Drain(c[0], c[1], true); err == nil || !strings.Contains(err.Error(), "only") {
			t.Errorf("drain of %v: %v", c, err)
		}
	}
}

func TestCounters(t *testing.T) {
	s, _ := newSet(t, 3, nil, same(config.RoundRobin, 1))
	srv := servers(s)["10.0.0.1:80"]
	failures := uint64(0)
	for o := range Outcome(outcomes) {
		for range int(o) + 1 {
			srv.Began(int(o) % 3)
			srv.Ended(int(o)%3, o)
		}
		if o.Failed() {
			failures += uint64(o) + 1
		}
	}
	srv.Began(0)
	for loop := range 3 {
		srv.Retried(loop)
		srv.Connected(loop, 3)
		srv.Connected(loop, -1)
		srv.SetIdle(loop, 1)
	}
	st := s.Status()[0]
	for o := range Outcome(outcomes) {
		if st.Outcomes[o] != uint64(o)+1 {
			t.Errorf("%v: %d, want %d", o, st.Outcomes[o], o+1)
		}
	}
	if st.InFlight != 1 || st.Requests != 67 || st.Failures != failures || failures != 2+3+4+5+6+7 ||
		st.Retries != 3 || st.Connections != 6 || st.Idle != 3 || st.Since.IsZero() {
		t.Errorf("the status is %+v", st)
	}
}
