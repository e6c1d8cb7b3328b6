package compare

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"time"

	"github.com/unio-go/unio/bench/internal/cfloor"
	"github.com/unio-go/unio/bench/internal/host"
	"github.com/unio-go/unio/bench/internal/load"
	"github.com/unio-go/unio/bench/internal/raw"
	"github.com/unio-go/unio/bench/internal/rounds"
)

// gomaxprocs are the values that every Go contender is tried with: with 2 its helpers (garbage collector,
// system monitor, other goroutines) need not wait for the thread that serves.
var gomaxprocs = []int{1, 2}

const (
	// idleWatch is how long all servers are watched doing nothing before the first case.
	idleWatch = 500 * time.Millisecond
	// idleShareMax is the share of a CPU above which an idle server is named: twenty of them would make 2 %.
	idleShareMax = 0.001
)

// Run measures and reports: tables to w, raw file and plot into opts.OutDir. It returns an error when a
// contender failed or, with opts.Check, when a bound is broken.
func Run(ctx context.Context, opts Options, w io.Writer) error {
	if err := opts.Validate(); err != nil {
		return err
	}
	runtime.LockOSThread() // children die with this thread
	defer runtime.UnlockOSThread()
	serverCPU, loadCPU, err := host.ChooseCPUs()
	if err != nil {
		return err
	}
	b := &bench{
		opts: opts, serverCPU: serverCPU, rng: rand.New(rand.NewPCG(opts.Seed, 0)),
		progress: opts.Line(),
	}
	fmt.Fprintf(w, "servers on CPU %d, load on CPU %d, %d rounds of %v slices, seed %d\n", serverCPU, loadCPU,
		opts.Rounds, opts.Slice, opts.Seed)
	unpin, err := host.PinThread(loadCPU)
	if err != nil {
		return err
	}
	defer unpin()
	if b.softirqd, err = host.FindSoftirqd(serverCPU); err != nil {
		fmt.Fprintln(w, "note:", err)
	}
	defer b.stop()
	dir, err := os.MkdirTemp("", "unio-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := b.start(ctx, dir, loadCPU, w); err != nil {
		return err
	}
	if err := b.noteIdle(w); err != nil {
		return err
	}
	return b.measureAll(ctx, w)
}

// noteIdle names servers that use CPU while nobody loads them: it would be charged to the others as noise.
func (b *bench) noteIdle(w io.Writer) error {
	before := make([]time.Duration, len(b.children))
	for i, ch := range b.children {
		var err error
		if before[i], err = host.SleepingCPU(ch.server.PID()); err != nil {
			return err
		}
	}
	time.Sleep(idleWatch)
	for i, ch := range b.children {
		after, err := host.ProcessCPU(ch.server.PID())
		if err != nil {
			return err
		}
		if share := float64(after-before[i]) / float64(idleWatch); share > idleShareMax {
			fmt.Fprintf(w, "note: %v uses %.2f %% of its CPU while idle\n", ch, 100*share)
		}
	}
	return nil
}

// start brings the load generator and all servers up. A server that this machine cannot run is left out and
// named.
func (b *bench) start(ctx context.Context, dir string, loadCPU int, w io.Writer) error {
	var err error
	if b.self, err = os.Executable(); err != nil {
		return err
	}
	if b.files, err = host.RaiseFileLimit(); err != nil {
		return err
	}
	if b.gen, err = load.Start(b.self, loadCPU); err != nil {
		return err
	}
	b.floors = map[Contender]string{}
	var up []Contender
	for _, c := range b.opts.Contenders {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := b.startContender(c, dir); err != nil {
			fmt.Fprintf(w, "left out: %v: %v\n", c, err)
			continue
		}
		up = append(up, c)
	}
	b.opts.Contenders = up
	if len(up) == 0 {
		return errors.New("no server could be started")
	}
	return nil
}

func (b *bench) startContender(c Contender, dir string) error {
	procs := gomaxprocs
	if c.InC() {
		prog, err := cfloor.Build(dir, c.Engine)
		if err != nil {
			return err
		}
		b.floors[c] = prog
		procs = []int{0}
	}
	for _, n := range procs {
		ch := &child{Contender: c, procs: n, id: len(b.children) + 1}
		if err := ch.start(b.self, b.floors[c], b.serverCPU); err != nil {
			return err
		}
		b.children = append(b.children, ch)
	}
	return nil
}

// stop ends all processes of the run.
func (b *bench) stop() {
	for _, ch := range b.children {
		ch.stop()
	}
	if b.gen != nil {
		_ = b.gen.Close() // it has nothing to lose
	}
}

// measureAll runs the cases, prints each when it is done, and writes the files.
func (b *bench) measureAll(ctx context.Context, w io.Writer) (err error) {
	file, err := b.opts.Create(b.opts.Suite.File)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	var samples []Sample
	out := raw.NewWriter(file, b.facts())
	b.emit = func(s Sample) error {
		samples = append(samples, s)
		return out.Write(s.line())
	}
	perCase := len(b.children) * (b.opts.Rounds + 2)
	b.progress.Begin(perCase * len(b.opts.Cases))
	fmt.Fprint(w, "\n", Legend)
	for _, cs := range b.opts.Cases {
		from := len(samples)
		if err := b.runCase(ctx, cs); err != nil {
			b.progress.Clear()
			return fmt.Errorf("%w; %s holds what was measured until then", err, file.Name())
		}
		b.progress.Clear()
		for _, s := range Summarise(samples[from:]) {
			if err := WriteTable(w, s); err != nil {
				return err
			}
		}
	}
	fmt.Fprintf(w, "\nraw file: %s\n", file.Name())
	return b.conclude(w, samples, rounds.Base(file.Name()))
}

// conclude draws, checks, and names what failed.
func (b *bench) conclude(w io.Writer, samples []Sample, base string) error {
	summaries := Summarise(samples)
	err := WritePlot(base+".svg", summaries)
	if err == nil {
		fmt.Fprintf(w, "plot:     %s.svg\n", base)
	}
	check := func(w io.Writer) (int, error) { return WriteCheck(w, Check(summaries)) }
	return errors.Join(err, b.opts.Conclude(w, check, b.failed))
}

// facts head the raw file.
func (b *bench) facts() []host.Fact {
	return slices.Concat(host.Facts(), b.opts.Facts(), []host.Fact{
		{Key: "gomaxprocs", Value: "1 and 2, each the suffix of a name; the tables have the one with the lower median"},
	}, b.opts.Warning())
}
