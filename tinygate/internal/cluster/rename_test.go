package cluster

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/unio-go/unio/tinygate/internal/config"
)

// lists are the upstreams of routes that name servers by the last number of their addresses, a route for each word: "12 3".
func lists(t *testing.T, words string) []*config.Upstream {
	t.Helper()
	text := "listen: :80\nroutes:\n"
	for i, word := range strings.Fields(words) {
		text += fmt.Sprintf("  - {path: /%d, to: [%s]}\n", i, list(word, ", "))
	}
	c, err := config.Parse("test.yaml", []byte(text), os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	return c.Upstreams
}

// list is the addresses of a word.
func list(word, between string) string {
	var all []string
	for _, n := range word {
		all = append(all, fmt.Sprintf("10.0.0.%c:80", n))
	}
	return strings.Join(all, between)
}

// A list of servers is the name of its upstream, so a server more, or another order, made all servers new: those that were
// drained got requests, and all connections were given up.
func TestListOfServersChanges(t *testing.T) {
	for _, c := range []struct {
		name, before, after string
		drained             string // upstream/server each, before
		want                string // and after
	}{
		{"one more", "12", "123", "12/1", "123/1"},
		{"another order", "12", "21", "12/1", "21/1"},
		{"one less", "123", "31", "123/1 123/2", "31/1"},
		{"all others", "12", "34", "12/1", ""},
		{"the most alike", "123 19", "4123 019", "123/2 19/9", "4123/2 019/9"},
		{"one stays", "12 34", "12 345", "12/1 34/3", "12/1 345/3"},
		{"two become one", "12 34", "123", "12/1 34/3", "123/1 123/3"},
		{"one becomes two", "12", "123 124", "12/1", "123/1 124/1"},
		{"one of two routes", "12 12", "12 123", "12/1", "12/1 123/1"},
		{"what is up stays up", "12 123", "1234", "12/1", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, _ := newSet(t, 1, nil, lists(t, c.before)...)
			for _, d := range strings.Fields(c.drained) {
				up, server, _ := strings.Cut(d, "/")
				if err := s.Drain(list(up, ","), list(server, ""), true); err != nil {
					t.Fatal(err)
				}
			}
			apply(t, s, lists(t, c.after)...)
			want := map[string]bool{}
			for _, d := range strings.Fields(c.want) {
				up, server, _ := strings.Cut(d, "/")
				want[list(up, ",")+" "+list(server, "")] = true
			}
			for _, st := range s.Status() {
				if is := st.Upstream + " " + st.Server; (st.State == Draining) != want[is] {
					t.Errorf("%s is %s", is, st.State)
				}
				delete(want, st.Upstream+" "+st.Server)
			}
			if len(want) > 0 {
				t.Errorf("there is no %v", want)
			}
		})
	}
}

func TestListOfServersKeepsItsServers(t *testing.T) {
	s, _ := newSet(t, 1, nil, lists(t, "12")...)
	c := s.Cluster(list("12", ","))
	server := c.Picker(0).Pick(0, nil, nil)
	server.Pools[0] = "mine"
	wantStrings(t, "changes", apply(t, s, lists(t, "312")...), []string{
		"upstream 10.0.0.1:80,10.0.0.2:80: has another name now, 10.0.0.3:80,10.0.0.1:80,10.0.0.2:80",
		"upstream 10.0.0.3:80,10.0.0.1:80,10.0.0.2:80: server 10.0.0.3:80 added",
	})
	if s.Cluster(list("312", ",")) != c || s.Cluster(list("12", ",")) != nil || server.Gone() || server.Pools[0] != "mine" {
		t.Errorf("a server that is still there was made anew: %+v", server)
	}
	if err := s.Drain(list("12", ","), list("1", ""), true); err == nil || !strings.Contains(err.Error(), list("312", ",")) {
		t.Errorf("by the old name: %v", err)
	}
}

// An upstream with a name is what its name says.
func TestUpstreamWithANameTakesNothingOver(t *testing.T) {
	named := upstream(config.RoundRobin, "10.0.0.1:80")
	s, _ := newSet(t, 1, nil, lists(t, "1")...)
	before := s.Cluster(list("1", "")).Picker(0).Pick(0, nil, nil)
	apply(t, s, named)
	between := s.Cluster("u").Picker(0).Pick(0, nil, nil)
	apply(t, s, lists(t, "1")...)
	if !before.Gone() || !between.Gone() {
		t.Error("a server of another upstream is still there")
	}
}

// TestListsThatShareAServer has a thousand lists with one server in common, of which all others change at once.
func TestListsThatShareAServer(t *testing.T) {
	make := func(net int) (ups []*config.Upstream) {
		for i := range 1000 {
			up := upstream(config.RoundRobin, "10.0.0.1:80", fmt.Sprintf("10.%d.%d.%d:80", net, i/250, i%250))
			up.Name, up.Own = up.Servers[0].Address+","+up.Servers[1].Address, true
			ups = append(ups, up)
		}
		return ups
	}
	before := make(1)
	s, _ := newSet(t, 1, nil, before...)
	var shared []*Server
	for _, up := range before {
		shared = append(shared, s.Cluster(up.Name).members[0])
	}
	var was, is runtime.MemStats
	runtime.ReadMemStats(&was)
	apply(t, s, make(2)...)
	runtime.ReadMemStats(&is)
	for _, server := range shared {
		if server.Gone() {
			t.Fatal("a server that is still there was made anew")
		}
	}
	if took := (is.TotalAlloc - was.TotalAlloc) >> 20; took > 32 {
		t.Errorf("it took %d MiB to see which list has become which", took)
	}
}
