package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/unio-go/unio/tinygate/internal/certs/certtest"
)

const (
	// misbehaveShort is how long it takes in a test run without -soak.
	misbehaveShort = 1500 * time.Millisecond
	// misbehaveEach is how many clients of each bad kind there are at a time, and of each good kind.
	misbehaveEach, behaveEach = 3, 1
	// misbehaveGrows is from how long a run on its memory is held against itself: before, it has not warmed up.
	misbehaveGrows = 30 * time.Second
	// ringBlocks is how many buffers the uring engine offers a kernel at most, by each loop, and the one in use.
	ringBlocks = 17
	// spareTasks is how many goroutines each loop may keep for later tasks, spareOthers what else comes and goes in a Go program.
	spareTasks, spareOthers = 128, 8
)

// soaked is for how long a test goes on: for what it takes on its own without -soak.
func soaked(short time.Duration) time.Duration {
	if *soak != 0 {
		return *soak
	}
	return short
}

// misbehaviour is a gate between clients and servers of which some are good and the others are not.
type misbehaviour struct {
	*testing.T
	s      *site
	p      *process
	tls    string // the address with TLS
	roots  *tls.Config
	end    chan struct{} // closed: no client begins anything more
	good   atomic.Int64
	bad    []atomic.Int64 // by kind
	secret atomic.Int64   // requests that a server got though they were smuggled
}

// TestGoodClientsBesideBadOnes has clients and servers misbehave in each way that is known to us, for as long as -soak says, on
// all engines at once (UNIO_TEST_ENGINE chooses one): each request of the clients beside them that behave succeeds, nothing that was
// smuggled gets through, and nothing is left of any of it: no descriptor, task, buffer, operation or request, and no memory.
func TestGoodClientsBesideBadOnes(t *testing.T) {
	if testing.Short() {
		t.Skip("lacks: ten seconds, without -short")
	}
	eachEngineAtOnce(t, func(t *testing.T, e string) {
		m := newMisbehaviour(t, e)
		before := m.settled(figures{}) // of a program that has served
		list := m.run(soaked(misbehaveShort))
		after := m.settled(before)
		t.Logf("%d good requests; bad ones: %s", m.good.Load(), m.told())
		t.Logf("before: %v\nafter: %v", before, after)
		m.hold(list)
		if m.good.Load() == 0 {
			t.Error("nothing was served")
		}
		if n := m.secret.Load(); n > 0 {
			t.Errorf("%d smuggled requests got to a server", n)
		}
	})
}

func newMisbehaviour(t *testing.T, engine string) *misbehaviour {
	m := &misbehaviour{T: t, end: make(chan struct{}), bad: make([]atomic.Int64, len(badClients))}
	s := &site{t: t, dir: shortDir(t)}
	s.file = s.dir + "/gate.yaml"
	ca := certtest.New(t)
	ca.ECDSA(t, "h.example").Write(t, s.dir, "h")
	m.roots = &tls.Config{RootCAs: ca.Pool, ServerName: "h.example"}
	for _, addr := range []string{m.goodServer(), badServer(t, flaky), badServer(t, misbehave)} {
		s.up = append(s.up, &upstream{addr: addr})
	}
	cert, key := ca.ECDSA(t, "h.example").Write(t, s.dir, "h")
	s.write(fmt.Sprintf(misbehaveFile, cert, key))
	m.s, m.p = s, s.run(engine, "--loops", "2")
	_, m.tls, _ = strings.Cut(m.p.urls[1], "://")
	m.once(behaving[0])
	return m
}

// misbehaveFile has short limits where the bad ones go, and none that a good one could meet on a machine that is busy.
const misbehaveFile = `
listen: ["127.0.0.1:0", {address: "127.0.0.1:0", tls: {cert: %q, key: %q}}]
admin: unix:DIR/admin.sock
access_log: {path: DIR/log, format: '${status} ${error}'}
log_level: error
times: {header: 1s, handshake: 10s, body: 30s, response: 30s, idle: 30s, tunnel: 30s}
upstreams:
  good: {servers: ['@0'], eject: off, pool: {idle: 500ms}}
  flaky: {servers: ['@1', '@0'], eject: off, pool: {idle: 500ms}}
  bad: {servers: ['@2'], eject: off, pool: {idle: 500ms, max: 64, wait: 1s}}
routes:
  - {to: good}
  - {prefix: /flaky/, to: flaky, retry: {tries: 2, on: [connect, reset], budget: 100%%}}
  - {prefix: /bad/, to: bad, times: {body: 300ms, response: 300ms}, retry: {tries: 2, on: [connect, reset, timeout]}}
  - {prefix: /bad/held/, to: bad, times: {body: 300ms, response: 300ms}, buffer: {request: true, response: true}}
  - {prefix: /short/, to: good, times: {body: 300ms, response: 1s, tunnel: 300ms}, limits: {body: 1MiB}}
  - {prefix: /short/held/, to: good, times: {body: 300ms, response: 1s}, limits: {body: 1MiB}, buffer: {request: true, response: true}}
`

// run has all of them go on for a while, and looks at the process meanwhile.
func (m *misbehaviour) run(long time.Duration) (list []used) {
	var all, good sync.WaitGroup
	for i, kind := range badClients {
		for range misbehaveEach {
			all.Go(func() { m.misbehave(i, kind.play) })
		}
	}
	leave := make(chan struct{})
	for _, kind := range behaving {
		for range behaveEach {
			good.Go(func() { m.behave(kind, leave) })
		}
	}
	for end := time.Now().Add(long); time.Now().Before(end) && !m.Failed(); time.Sleep(min(time.Second, long/10)) {
		list = append(list, m.p.usage())
		os.Truncate(m.s.dir+"/log", 0)
	}
	close(m.end)
	all.Wait()
	close(leave) // the good ones go on as long as there is a bad one
	good.Wait()
	return list
}

// behave has a good client go on until it may leave.
func (m *misbehaviour) behave(kind behaviour, leave chan struct{}) {
	for !m.Failed() {
		select {
		case <-leave:
			return
		default:
			m.once(kind)
		}
	}
}

// once plays a connection of a good client.
func (m *misbehaviour) once(kind behaviour) {
	addr := m.p.addr
	if kind.secure {
		addr = m.tls
	}
	c, err := net.DialTimeout("tcp", addr, bound)
	if err != nil {
		m.Errorf("%s: %v", kind.name, err)
		return
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(bound))
	if kind.secure {
		c = tls.Client(c, m.roots)
	}
	n, err := kind.play(rand.New(rand.NewPCG(rand.Uint64(), 0)), c)
	m.good.Add(int64(n))
	if err != nil {
		m.Errorf("a good client (%s): %v", kind.name, err)
	}
}

// misbehave has a bad client go on to the end. Pauses keep it from taking all of the machine and its ports.
func (m *misbehaviour) misbehave(i int, play func(*bad)) {
	r := rand.New(rand.NewPCG(rand.Uint64(), uint64(i)))
	for {
		select {
		case <-m.end:
			return
		case <-time.After(time.Duration(r.IntN(100)) * time.Millisecond):
		}
		addr := m.p.addr
		if badClients[i].secure {
			addr = m.tls
		}
		c, err := net.DialTimeout("tcp", addr, bound)
		if err != nil {
			m.Errorf("%s: %v", badClients[i].name, err)
			return
		}
		c.SetDeadline(time.Now().Add(bound))
		play(&bad{m, r, c.(*net.TCPConn)})
		c.Close()
		m.bad[i].Add(1)
	}
}

func (m *misbehaviour) told() string {
	var all []string
	for i := range m.bad {
		all = append(all, fmt.Sprintf("%s %d", badClients[i].name, m.bad[i].Load()))
	}
	return strings.Join(all, ", ")
}

// hold wants memory and descriptors of the second half not to be more than those of the first.
func (m *misbehaviour) hold(list []used) {
	middle := func(part []used) (u used) {
		slices.SortFunc(part, func(a, b used) int { return int(a.bytes - b.bytes) })
		u.bytes = part[len(part)/2].bytes
		slices.SortFunc(part, func(a, b used) int { return a.files - b.files })
		u.files = part[len(part)/2].files
		return u
	}
	n := len(list)
	if n < 8 {
		return // a failure ended it
	}
	first, last := middle(slices.Clone(list[n/4:n/2])), middle(slices.Clone(list[n*3/4:]))
	m.Logf("in the second quarter %d KiB resident and %d descriptors, in the last %d and %d",
		first.bytes>>10, first.files, last.bytes>>10, last.files)
	m.Logf("resident in tenths of the time: %s MiB", tenths(list))
	if *soak >= misbehaveGrows && !raced && last.bytes > first.bytes+soakGrowth {
		m.Errorf("memory grows: %v", list)
	}
	if last.files > 2*first.files {
		m.Errorf("descriptors grow: %v", list)
	}
}

// figures are what a program holds.
type figures map[string]float64

// String has the figures in order.
func (f figures) String() string {
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(f)) {
		fmt.Fprintf(&b, "%s %g, ", k, f[k])
	}
	return strings.TrimSuffix(b.String(), ", ")
}

// none are the figures that have to be 0 of a program that nobody uses.
var none = []string{"requests_in_flight", "client_connections", "io_connections", "io_tasks", "io_panics_total", "listed"}

var figure = regexp.MustCompile(`(?m)^(?:tinygate_)?(` + strings.Join(none, "|") +
	`|io_pending_operations|io_multishot_requests|io_buffers|go_goroutines|server_requests_in_flight{[^}]*}) (\S+)$`)

// settled waits until nothing is left of what was served, and no more is held than before.
func (m *misbehaviour) settled(before figures) figures {
	m.Helper()
	var now figures
	var err error
	for end := time.Now().Add(bound); time.Now().Before(end) && !m.Failed(); time.Sleep(20 * time.Millisecond) {
		now = m.figures()
		if err = now.excess(before); err == nil {
			return now
		}
	}
	if err != nil {
		m.Errorf("something is left: %v\n%v\n%s", err, now, m.s.told(nil, "inflight"))
	}
	return now
}

// figures are those of now.
func (m *misbehaviour) figures() figures {
	f := figures{"files": float64(m.p.usage().files)}
	_, text := m.s.scrape("/metrics")
	for _, v := range figure.FindAllStringSubmatch(text, -1) {
		f[v[1]], _ = strconv.ParseFloat(v[2], 64)
	}
	f["listed"] = float64(strings.Count(m.s.told(nil, "inflight"), "\n")) - 1 // without the headline
	if f["listed"] < 0 {
		f["listed"] = 0
	}
	return f
}

// excess says what is more than it may be.
func (f figures) excess(before figures) (err error) {
	for k, v := range f {
		most := before[k]
		switch {
		case slices.Contains(none, k), strings.HasPrefix(k, "server_"):
			most = 0
		case len(before) == 0:
			continue
		case k == "io_buffers":
			most = 2 * ringBlocks
		case k == "go_goroutines":
			most += 2*spareTasks + spareOthers
		}
		if v > most {
			err = errors.Join(err, fmt.Errorf("%s is %g, at most %g are expected", k, v, most))
		}
	}
	if len(f) < len(none)+6 {
		err = errors.Join(err, fmt.Errorf("figures are missing: %v", f))
	}
	return err
}
