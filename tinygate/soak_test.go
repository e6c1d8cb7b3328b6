package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

var soak = flag.Duration("soak", 0, "how `long` TestReloadsUnderLoad and TestGoodClientsBesideBadOnes go on; 0: some seconds")

const (
	// reloadsShort is how long TestReloadsUnderLoad goes on without -soak.
	reloadsShort = 5 * time.Second
	soakSockets  = 500
	soakClients  = 16
	// soakGrowth is how much more memory may be resident at the end than after a third of the time: what the garbage
	// collector has not come round to.
	soakGrowth = 16 << 20
)

// A reload every second under load with many WebSockets open: no request fails, no WebSocket is closed, no connection to a
// server that stays is made anew, and memory stays as it is.
func TestReloadsUnderLoad(t *testing.T) {
	if testing.Short() {
		t.Skip("lacks: ten seconds, without -short")
	}
	t.Setenv("GOGC", "100") // with tinygate's own 400 memory rises for minutes, until the first collection
	s := newSite(t, 3)
	s.writeSoak(0)
	p := s.run(engines(t)[0], "--loops", "2")
	stop := make(chan struct{})
	var all sync.WaitGroup
	var echoes atomic.Int64
	for range soakSockets {
		c := p.dial()
		if err := c.socket(); err != nil {
			t.Fatal(err)
		}
		all.Go(func() { c.echoUntil(t, stop, &echoes) })
	}
	requests := p.load(&all, soaked(reloadsShort))
	list := s.reloads(p)
	close(stop)
	all.Wait()
	n := s.up[0].used.Load() + s.up[1].used.Load()
	t.Logf("%d requests, %d echoes on %d WebSockets; %d connections to the servers that stay", requests.Load(), echoes.Load(), soakSockets, n)
	if n > soakSockets+2*2*soakClients {
		t.Errorf("%d connections were made to the servers that stay", n)
	}
	if requests.Load() == 0 || echoes.Load() == 0 {
		t.Error("nothing was served")
	}
	first, last := list[len(list)/3], list[len(list)-1]
	t.Logf("resident after a third of the time %d KiB, at the end %d KiB; descriptors %d and %d", first.bytes>>10, last.bytes>>10, first.files, last.files)
	t.Logf("resident in tenths of the time: %s MiB", tenths(list))
	if !raced && last.bytes > first.bytes+soakGrowth {
		t.Errorf("memory grows: %v", list)
	}
	if last.files > first.files+soakClients {
		t.Errorf("descriptors grows: %v", list)
	}
}

// writeSoak writes the configuration of the second n. Servers that stay, one that comes and goes with its route, another log
// and another listener.
func (s *site) writeSoak(n int) {
	extra, listen, log := "", "127.0.0.1:0", "a"
	if n%2 == 1 {
		extra = "  - {prefix: /extra, to: extra}\n"
	}
	if n%3 == 1 {
		listen = "[127.0.0.1:0, 'localhost:0']"
	}
	if n%4 > 1 {
		log = "b"
	}
	text := fmt.Sprintf("listen: %s\nadmin: unix:DIR/admin.sock\ndrain: 1s\naccess_log: {path: DIR/%s.log, format: '${status}'}\n"+
		"upstreams:\n  web: {servers: [{address: '@0', weight: %d}, @1], health: connect}\n", listen, log, n%3+1)
	if extra != "" {
		text += "  extra: {servers: ['@2'], health: {connect: true, interval: 1s, timeout: 1s}}\n"
	}
	s.write(text + "routes:\n" + extra + fmt.Sprintf("  - {to: web, response_headers: {set: {X-N: '%d'}}}\n", n))
}

// reloads has a file that has changed be taken every second, by SIGHUP and by the API in turn, and looks at the process.
func (s *site) reloads(p *process) (all []used) {
	c := p.dial()
	for n, end := 1, time.Now().Add(soaked(reloadsShort)); time.Now().Before(end); n++ {
		began := time.Now()
		s.writeSoak(n)
		if n%2 == 0 {
			s.told([]string{"route"}, "reload")
		} else {
			p.Process.Signal(syscall.SIGHUP)
		}
		eventually(s.t, "the reload", func() bool {
			r, _, err := c.ask("/", "")
			if err != nil || r.StatusCode != 200 {
				s.t.Fatalf("a request beside reload %d: %v, %v", n, r, err)
			}
			return r.Header.Get("X-N") == strconv.Itoa(n)
		})
		if r, text, err := c.ask("/extra", ""); err != nil || text != "ok" {
			s.t.Fatalf("/extra after reload %d: %v, %v", n, r, err)
		}
		all = append(all, p.usage())
		os.Truncate(s.dir+"/a.log", 0)
		os.Truncate(s.dir+"/b.log", 0)
		time.Sleep(time.Until(began.Add(time.Second)))
	}
	return all
}

// echoUntil echoes now and then, and wants the connection to be there.
func (c *client) echoUntil(t *testing.T, stop chan struct{}, echoes *atomic.Int64) {
	for {
		if err := c.echo(); err != nil {
			t.Errorf("a WebSocket: %v", err)
			return
		}
		echoes.Add(1)
		select {
		case <-stop:
			return
		case <-time.After(500*time.Millisecond + rand.N(2*time.Second)):
		}
	}
}

// load has clients send requests for a while: wrk where it is installed, else clients of our own. Each failure fails the test.
func (p *process) load(all *sync.WaitGroup, long time.Duration) *atomic.Int64 {
	var n atomic.Int64
	wrk, err := exec.LookPath("wrk")
	if err != nil {
		for range soakClients {
			c := p.dial()
			all.Go(func() {
				for end := time.Now().Add(long); time.Now().Before(end); n.Add(1) {
					if r, text, err := c.ask("/", ""); err != nil || text != "ok" {
						p.t.Errorf("a request: %v, %v", r, err)
						return
					}
				}
			})
		}
		return &n
	}
	ctx, cancel := context.WithTimeout(context.Background(), long+bound)
	c := exec.CommandContext(ctx, wrk, "-t1", fmt.Sprintf("-c%d", soakClients), fmt.Sprintf("-d%ds", int(long.Seconds())), "http://"+p.addr+"/")
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	if err := c.Start(); err != nil {
		p.t.Fatal(err)
	}
	all.Go(func() {
		defer cancel()
		err := c.Wait()
		m := wrkTotal.FindSubmatch(out.Bytes())
		if err != nil || m == nil || wrkFailures.Match(out.Bytes()) {
			p.t.Errorf("wrk: %v\n%s", err, &out)
			return
		}
		p.t.Logf("%s", &out)
		v, _ := strconv.ParseInt(string(m[1]), 10, 64)
		n.Store(v)
	})
	return &n
}

var (
	wrkTotal    = regexp.MustCompile(`(\d+) requests in`)
	wrkFailures = regexp.MustCompile(`Socket errors|Non-2xx`)
)

// tenths has the last figure of each tenth of the time, in MiB: memory that grows at first, until the garbage collector has
// come round, and memory that grows for good look alike at two points.
func tenths(list []used) string {
	var all []string
	for i := 1; i <= 10; i++ {
		if n := len(list) * i / 10; n > 0 {
			all = append(all, fmt.Sprintf("%.1f", float64(list[n-1].bytes)/(1<<20)))
		}
	}
	return strings.Join(all, " ")
}

// used is what a process uses.
type used struct {
	bytes int64
	files int
}

func (p *process) usage() (u used) {
	p.t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Process.Pid))
	if err != nil {
		p.t.Skip("lacks: /proc/PID/status")
	}
	for line := range strings.SplitSeq(string(b), "\n") {
		if v, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			n, _ := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(v, "kB")), 10, 64)
			u.bytes = n << 10
		}
	}
	all, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.Process.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	u.files = len(all)
	return u
}
