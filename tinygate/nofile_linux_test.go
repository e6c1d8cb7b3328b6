package main

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Who has no descriptors left learns nothing of servers from that, neither by requests nor by checks: when there are some again, all
// servers are as they were.
func TestNoDescriptorsAreLeft(t *testing.T) {
	for _, e := range engines(t) {
		t.Run(e, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, 2)
			s.write("listen: 127.0.0.1:0\nadmin: unix:DIR/admin.sock\nlog_level: debug\nretry: off\n" +
				"upstreams:\n  web:\n    servers: [@0, @1]\n    eject: {failures: 1, for: 1h}\n" +
				"    health: {connect: true, interval: 1s, fall: 1}\n" +
				"routes: [{to: web}, {path: /own, answer: 204}]\n")
			p := s.run(e)
			c := p.dial()
			if _, _, err := c.ask("/own", ""); err != nil {
				t.Fatal(err)
			}
			back := p.descriptors(0)
			for range 4 {
				if r, _, err := c.ask("/", ""); err != nil || r.StatusCode != 502 {
					t.Errorf("without descriptors: %v, %v", r, err)
				}
			}
			told := func(what string) bool {
				return strings.Contains(p.out.String(), what+" upstream=web server="+s.up[0].addr) &&
					strings.Contains(p.out.String(), what+" upstream=web server="+s.up[1].addr)
			}
			for end := time.Now().Add(bound); !told(`"tinygate: a server cannot be checked"`) && !told(`"tinygate: a server is down"`); {
				if time.Sleep(10 * time.Millisecond); time.Now().After(end) {
					t.Fatal("no check fails")
				}
			}
			p.descriptors(back)
			if r, text, err := c.ask("/", ""); err != nil || text != "ok" {
				t.Errorf("with descriptors: %v, %v", r, err)
			}
			for _, word := range []string{"is down", "is ejected", "is not ejected"} {
				if strings.Contains(p.out.String(), word) {
					t.Errorf("the log has %q", word)
				}
			}
			s.told([]string{s.up[0].addr + "  up", s.up[1].addr + "  up"}, "upstreams")
			if _, text := s.scrape("/metrics"); !strings.Contains(text, `tinygate_upstream_failures_total{kind="connect",server="`+s.up[0].addr+`",upstream="web"} 2`) {
				t.Error("the metrics do not count the tries that failed")
			}
		})
	}
}

// descriptors bounds how many the process may have from now on, and returns the bound before. Those that it has stay.
func (p *process) descriptors(n uint64) (before uint64) {
	p.t.Helper()
	var was unix.Rlimit
	if err := unix.Prlimit(p.Process.Pid, unix.RLIMIT_NOFILE, nil, &was); err != nil {
		p.t.Fatal(err)
	}
	if err := unix.Prlimit(p.Process.Pid, unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: n, Max: was.Max}, nil); err != nil {
		p.t.Fatal(err)
	}
	return was.Cur
}
