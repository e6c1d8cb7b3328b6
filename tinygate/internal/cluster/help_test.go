package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/unio-go/unio/internal/waitfor"
	"github.com/unio-go/unio/tinygate/internal/config"
)

// bound is how long anything in these tests may take before it counts as hanging.
const bound = 20 * time.Second

// testLog keeps what is logged as lines "message key=value ...", and lets tests wait for them.
type testLog struct {
	mu    sync.Mutex
	lines []string
	more  chan struct{} // closed and replaced with each line
}

func newTestLog() *testLog { return &testLog{more: make(chan struct{})} }

func (l *testLog) logger() *slog.Logger { return slog.New(&testHandler{l: l}) }

type testHandler struct {
	l     *testLog
	attrs []slog.Attr
}

func (h *testHandler) Enabled(context.Context, slog.Level) bool { return true }
func (h *testHandler) WithGroup(string) slog.Handler            { return h }
func (h *testHandler) WithAttrs(a []slog.Attr) slog.Handler {
	return &testHandler{l: h.l, attrs: append(slices.Clone(h.attrs), a...)}
}

func (h *testHandler) Handle(_ context.Context, r slog.Record) error {
	line := strings.TrimPrefix(r.Message, "tinygate: ")
	for _, a := range h.attrs {
		line += " " + a.String()
	}
	r.Attrs(func(a slog.Attr) bool {
		line += " " + a.String()
		return true
	})
	h.l.mu.Lock()
	defer h.l.mu.Unlock()
	h.l.lines = append(h.l.lines, line)
	close(h.l.more)
	h.l.more = make(chan struct{})
	return nil
}

// count is how many lines have all the parts.
func (l *testLog) count(parts ...string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.countLocked(parts)
}

func (l *testLog) countLocked(parts []string) (n int) {
	for _, line := range l.lines {
		if !slices.ContainsFunc(parts, func(p string) bool { return !strings.Contains(line, p) }) {
			n++
		}
	}
	return n
}

// await waits for a channel to be closed or to give something.
func await[T any](t testing.TB, c <-chan T, what string) T {
	t.Helper()
	return waitfor.Value(t, c, bound, what)
}

// wait returns when there are n lines that have all the parts.
func (l *testLog) wait(t *testing.T, n int, parts ...string) {
	t.Helper()
	limit := time.After(bound)
	for {
		l.mu.Lock()
		got, more, lines := l.countLocked(parts), l.more, slices.Clone(l.lines)
		l.mu.Unlock()
		if got >= n {
			return
		}
		select {
		case <-more:
		case <-limit:
			t.Fatalf("there are %d lines with %q, want %d, of\n%s", got, parts, n, strings.Join(lines, "\n"))
		}
	}
}

// upstream makes an upstream "u" of servers, each "HOST:PORT", "HOST:PORT weight" or "HOST:PORT weight backup".
func upstream(balance config.Balance, servers ...string) *config.Upstream {
	up := &config.Upstream{Name: "u", Balance: balance}
	for _, s := range servers {
		e := config.Server{Weight: 1}
		f := strings.Fields(s)
		e.Address = f[0]
		if len(f) > 1 {
			fmt.Sscan(f[1], &e.Weight)
		}
		e.Backup = len(f) > 2
		up.Servers = append(up.Servers, e)
	}
	return up
}

// same makes an upstream of n servers with weight 1.
func same(balance config.Balance, n int) *config.Upstream {
	up := upstream(balance)
	for i := range n {
		up.Servers = append(up.Servers, config.Server{Address: fmt.Sprintf("10.0.0.%d:80", i+1), Weight: 1})
	}
	return up
}

func newSet(t testing.TB, loops int, o *Options, ups ...*config.Upstream) (*Set, *testLog) {
	t.Helper()
	log := newTestLog()
	s := New(loops, log.logger(), o)
	t.Cleanup(s.Close)
	apply(t, s, ups...)
	return s, log
}

func apply(t testing.TB, s *Set, ups ...*config.Upstream) []string {
	t.Helper()
	changes, err := s.Apply(ups)
	if err != nil {
		t.Fatal(err)
	}
	return changes
}

// addrs is what so many picks give, by address.
func picks(p *Picker, n int) map[string]int {
	got := map[string]int{}
	for i := range n {
		if s := p.Pick(uint64(i), nil, nil); s != nil {
			got[s.Addr]++
		}
	}
	return got
}

// states is the state of each server, in the order of Status.
func states(s *Set) (all []string) {
	for _, st := range s.Status() {
		all = append(all, st.Addr+" "+string(st.State))
	}
	return all
}

func servers(s *Set) map[string]*Server {
	all := map[string]*Server{}
	c := s.Cluster("u")
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.members {
		all[m.Addr] = m
	}
	return all
}

func wantStrings(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}

// fakeResolver answers what it was told.
type fakeResolver struct {
	mu      sync.Mutex
	answers map[string][]netip.Addr
	asked   int
	wait    time.Duration // before each answer
}

var errNoSuchName = errors.New("no such name")

func (r *fakeResolver) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	time.Sleep(r.wait)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked++
	a, ok := r.answers[host]
	if !ok {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true, UnwrapErr: errNoSuchName}
	}
	return slices.Clone(a), nil
}

// set has a name resolve to addresses; with none, lookups of it fail.
func (r *fakeResolver) set(host string, addrs ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.answers == nil {
		r.answers = map[string][]netip.Addr{}
	}
	delete(r.answers, host)
	for _, a := range addrs {
		r.answers[host] = append(r.answers[host], netip.MustParseAddr(a))
	}
}
