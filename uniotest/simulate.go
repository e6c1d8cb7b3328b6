package uniotest

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/engine/guest"
	"github.com/unio-go/unio/internal/engine/simengine"
)

// The environment variables of Simulate. A failure prints the first, to be given back:
//
//	UNIO_SEED=4711 go test -run '^TestTransfer$'
const (
	// SeedVariable is the seed to run instead of many, or, beside SeedsVariable, the first.
	SeedVariable = "UNIO_SEED"
	// SeedsVariable is how many seeds are run, whatever the test says: SimOptions.Seeds is for every day, this for the
	// night.
	SeedsVariable = "UNIO_SEEDS"
)

// The engine sim outside of Simulate is a network in real time for each runtime, which loses nothing and resets nothing.
var _ = guest.Invite(string(unio.Sim), func() (guest.Guest, error) {
	return guestOf(simengine.NewWorld(nil)), nil
})

func guestOf(w *simengine.World) guest.Guest {
	return guest.Guest{
		Open:   func(c engine.Config) (engine.Engine, error) { return w.New(c) },
		Listen: w.Listen,
	}
}

// SimOptions are the settings of SimulateWith. nil is good.
type SimOptions struct {
	// Seeds is how many seeds are run, from 1 on, where the environment does not say. 0 means 100.
	Seeds int
	// Runtime is the options of the runtimes. Engine, StallLimit and Logger are set by Simulate; Loops is 1 or 2, by the
	// seed, where it is 0.
	Runtime unio.Options
	// Limit is how long a scenario may take, on the simulated clock. 0 means an hour, a matter of milliseconds for one
	// that waits for nothing but timers.
	Limit time.Duration
}

const (
	simSeedsDefault = 100
	simLimitDefault = time.Hour
)

// SimReport is what a simulation has done.
type SimReport struct {
	Seeds int
	// Faults is a table: how often each fault happened to each operation.
	Faults string
	// Missing are the entries of the table that are 0, as "send raced".
	Missing []string
}

// Simulate runs a scenario under many seeds, each with a new runtime on a simulated network and a simulated clock. The
// seed decides what goes wrong: receives that bring a few bytes, completions that come late and in another order,
// operations that fail, connections that are reset, closes that meet what has just succeeded, buffers that run out. Time
// costs nothing: it jumps to whatever comes next. The network has every IP address: servers at 10.0.0.1:80 and 10.0.0.2:80
// are two, and where nobody listens the connection is refused.
//
// The scenario runs as a task, and ends when its function returns; it waits for the tasks that it has started, by a Group
// or otherwise. As long as it leaves everything to tasks (rt.Go, Group.Go, handlers) its seed decides all that happens, on
// two loops too. Goroutines do not belong to the simulation: neither Offload, nor a context with a time limit, nor the
// return of Listener.Serve, so that a scenario which uses them may run differently each time, and one that only waits for
// them takes real time, five seconds at most. What it draws itself comes from Sim.Rand, what it times from Sim.Now.
//
// A seed fails by Sim.Errorf, Fatalf, a panic, a scenario that stands still because nobody will ever wake it, one that
// takes too long on its clock, or what is left when its runtime is closed: connections, tasks, operations, buffers. The
// first seed that fails ends the test, with the line that repeats it.
func Simulate(t *testing.T, scenario func(s *Sim)) SimReport {
	t.Helper()
	return SimulateWith(t, nil, scenario)
}

// SimulateWith is Simulate with options.
func SimulateWith(t *testing.T, o *SimOptions, scenario func(s *Sim)) SimReport {
	t.Helper()
	return simulate(t, t.Name(), o, scenario)
}

func simulate(t testing.TB, name string, o *SimOptions, scenario func(s *Sim)) SimReport {
	t.Helper()
	var opts SimOptions
	if o != nil {
		opts = *o
	}
	if opts.Limit == 0 {
		opts.Limit = simLimitDefault
	}
	first, count := seeds(t, opts.Seeds)
	CheckLeaks(t)
	var total simengine.Counts
	report := SimReport{}
	for seed := first; seed-first < count; seed++ {
		s := newSim(seed, &opts)
		s.run(scenario)
		counts := s.world.Counts()
		total.Add(&counts)
		report.Seeds++
		if failures := s.failures(); failures != "" {
			t.Errorf("uniotest: seed %d failed:\n%s\n\nrepeat it, in %s:\n\t%s=%d go test -run '^%s$'",
				seed, failures, folder(), SeedVariable, seed, pattern(name))
			break
		}
	}
	report.Faults, report.Missing = total.String(), total.Zeros()
	return report
}

// seeds is where to begin, and how many.
func seeds(t testing.TB, byDefault int) (first, count uint64) {
	t.Helper()
	first, count = 1, simSeedsDefault
	if byDefault != 0 {
		count = uint64(byDefault)
	}
	number := func(name string, into *uint64) bool {
		text := os.Getenv(name)
		if text == "" {
			return false
		}
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatalf("%s=%s: want a number", name, text)
		}
		*into = n
		return true
	}
	many := number(SeedsVariable, &count)
	if number(SeedVariable, &first) && !many {
		count = 1
	}
	return first, count
}

// pattern is what -run of go test takes for one test, as a shell reads it between apostrophes.
func pattern(name string) string {
	return strings.NewReplacer("/", "$/^", "'", ".").Replace(regexp.QuoteMeta(name))
}

// folder is where go test has to be called, which is where it runs a test.
func folder() string {
	wd, err := os.Getwd()
	if err != nil {
		return "the folder of this package"
	}
	return filepath.Base(wd)
}

// Sim is a scenario under one seed.
type Sim struct {
	// Seed is the seed, and Rand draws from it.
	Seed uint64
	Rand *rand.Rand

	opts  *SimOptions
	world *simengine.World
	rt    *unio.Runtime

	mu     sync.Mutex
	errors []string
	log    []string
}

// sims numbers the engines of simulations.
var sims atomic.Uint64

func newSim(seed uint64, o *SimOptions) *Sim {
	return &Sim{
		Seed: seed, Rand: rand.New(rand.NewPCG(seed, 0x5ce7a710)), opts: o,
		world: simengine.NewWorld(&simengine.Options{Seed: seed, Virtual: true, Limit: o.Limit}),
	}
}

// run is one seed.
func (s *Sim) run(scenario func(s *Sim)) {
	name := fmt.Sprintf("%s-%d", unio.Sim, sims.Add(1))
	leave := guest.Invite(name, func() (guest.Guest, error) { return guestOf(s.world), nil })
	defer leave()
	opts := s.opts.Runtime
	opts.Engine, opts.StallLimit, opts.Logger = unio.Engine(name), -1, slog.New(simLog{s})
	if opts.Loops == 0 {
		opts.Loops = 1 + int(s.Seed%2)
	}
	rt, err := unio.New(&opts)
	if err != nil {
		s.Errorf("a runtime cannot be made: %v", err)
		return
	}
	s.rt = rt
	s.world.Settle()
	rt.Go(func() {
		defer s.world.End()
		s.world.Start()
		scenario(s)
	})
	if err := s.world.Await(settleLimit); err != nil {
		s.Errorf("%v; pending:\n%s\n\nits tasks:\n\n%s", err, s.world.Describe(),
			strings.Join(takeGoroutines().tasks(), "\n\n"))
	} else {
		s.world.Gate()
	}
	if err := rt.Close(); err != nil {
		s.Errorf("closing the runtime: %v", err)
	}
	s.checkLeft()
}

// checkLeft looks at what is there after the end.
func (s *Sim) checkLeft() {
	stats := s.rt.Stats()
	left := atWork(stats)
	if stats.BuffersOut != 0 {
		left = append(left, "buffers:\n"+strings.Join(s.rt.Pool().Outstanding(), "\n"))
	}
	if len(left) > 0 {
		s.Errorf("left after Runtime.Close:\n%s", strings.Join(left, "\n"))
	}
	if stats.Panics > 0 {
		s.Errorf("%d tasks panicked", stats.Panics)
	}
}

// Runtime is the runtime of this seed. The scenario does not close it.
func (s *Sim) Runtime() *unio.Runtime { return s.rt }

// Now is the simulated time. Deadlines are counted from it.
func (s *Sim) Now() time.Time { return s.world.Now() }

// Errorf notes a failure of this seed; the scenario goes on.
func (s *Sim) Errorf(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.errors) < simLinesMax {
		s.errors = append(s.errors, fmt.Sprintf(format, args...))
	}
}

// Fatalf is Errorf, and ends the calling task.
func (s *Sim) Fatalf(format string, args ...any) {
	s.Errorf(format, args...)
	runtime.Goexit()
}

// Logf notes what is shown if this seed fails, with the simulated time.
func (s *Sim) Logf(format string, args ...any) {
	line := fmt.Sprintf("%v ", s.Now().Sub(s.world.Began())) + fmt.Sprintf(format, args...)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.log = append(s.log, line); len(s.log) > 2*simLinesMax {
		s.log = append(s.log[:0], s.log[simLinesMax:]...)
	}
}

// simLinesMax bounds what one seed says.
const simLinesMax = 100

// failures is what went wrong, and what was logged before, or nothing.
func (s *Sim) failures() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.errors) == 0 {
		return ""
	}
	text := strings.Join(s.errors, "\n")
	if len(s.log) > 0 {
		text += "\n\nits log:\n" + strings.Join(s.log, "\n")
	}
	return text
}

// simLog is what the runtime logs as part of a seed's log.
type simLog struct{ s *Sim }

// Enabled takes everything that may explain a failure.
func (h simLog) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }

// Handle notes a record.
func (h simLog) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	b.WriteString(r.Message)
	r.Attrs(func(a slog.Attr) bool {
		fmt.Fprintf(&b, " %s=%v", a.Key, a.Value)
		return true
	})
	h.s.Logf("%s", b.String())
	return nil
}

// WithAttrs and WithGroup are not used by unio.
func (h simLog) WithAttrs([]slog.Attr) slog.Handler { return h }

// WithGroup is not used by unio.
func (h simLog) WithGroup(string) slog.Handler { return h }
