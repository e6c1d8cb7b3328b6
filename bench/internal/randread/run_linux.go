package randread

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/unio-go/unio/bench/internal/host"
	"github.com/unio-go/unio/bench/internal/progress"
	"github.com/unio-go/unio/bench/internal/raw"
	"github.com/unio-go/unio/bench/internal/rounds"
)

const (
	// warmUp is how long a contender reads before its slice, at least.
	warmUp = 100 * time.Millisecond
	// patience is what a contender may take beyond its slice to begin and to end.
	patience = 30 * time.Second
)

// bench is a run in progress.
type bench struct {
	opts     Options
	rng      *rand.Rand
	self     string // path of this binary
	layout   *Layout
	fio      *fio // nil: not installed
	line     *progress.Line
	emit     func(Sample) error
	failures []string
}

// Run measures and reports: tables to w, raw file, heat maps and report into opts.OutDir. It returns an error when a
// contender failed or, with opts.Check, when a bound is broken.
func Run(ctx context.Context, opts Options, w io.Writer) error {
	if err := opts.Validate(); err != nil {
		return err
	}
	runtime.LockOSThread() // children die with this thread
	defer runtime.UnlockOSThread()
	b := &bench{opts: opts, rng: rand.New(rand.NewPCG(opts.Seed, 0)), line: opts.Line()}
	var err error
	if b.self, err = os.Executable(); err != nil {
		return err
	}
	layout, unlock, err := openSet(ctx, opts.Dir, opts.Size, b.line)
	if err != nil {
		return err
	}
	defer unlock()
	b.layout = layout
	if err := b.settle(ctx); err != nil {
		return err
	}
	if err := b.choose(ctx, w); err != nil {
		return err
	}
	fmt.Fprintf(w, "%d files in %s, %.1f GiB, %.2f GiB of them resident; %d rounds of %v slices, seed %d\n",
		filesInSet, layout.Dir, gib(layout.Bytes()), gib(layout.hot()*blockBytes), opts.Rounds, opts.Slice, opts.Seed)
	return b.measureAll(ctx, w)
}

func gib(bytes int64) float64 { return float64(bytes) / (1 << 30) }

// settle brings the device and the page cache into the state that all cases begin with.
func (b *bench) settle(ctx context.Context) error {
	if err := b.layout.fetch(ctx, b.line); err != nil {
		return err
	}
	if err := b.layout.warmHot(ctx, b.line); err != nil {
		return err
	}
	b.line.Clear()
	settled, how, err := b.layout.settled()
	if err == nil && !settled {
		err = fmt.Errorf("%s: after reading the one and dropping the other (POSIX_FADV_DONTNEED) the page cache holds %s: a file "+
			"system in memory drops nothing, and a machine without free memory keeps nothing; -dir and -size choose others",
			b.layout.Dir, how)
	}
	return err
}

// choose leaves out what cannot be measured here, and says why.
func (b *bench) choose(ctx context.Context, w io.Writer) error {
	if b.opts.Mode != ModeDefault {
		if err := probeMode(b.opts.Mode, b.layout); err != nil {
			return fmt.Errorf("-mode %s: refused: %w", b.opts.Mode, err)
		}
	}
	var fioErr error
	b.fio, fioErr = findFio(ctx)
	b.opts.Contenders = slices.DeleteFunc(b.opts.Contenders, func(c Contender) bool {
		why, parts := "", 0
		for _, cs := range b.opts.Cases {
			if not := c.fits(cs); not != "" {
				why = not
			} else {
				parts++
			}
		}
		if c.Engine == "fio" && fioErr != nil {
			why, parts = fioErr.Error(), 0
		} else if err := available(c); err != nil {
			why, parts = err.Error(), 0
		}
		if parts == 0 {
			fmt.Fprintf(w, "left out: %v: %s\n", c, why)
		}
		return parts == 0
	})
	if len(b.opts.Contenders) == 0 {
		return errors.New("no contender is left")
	}
	return nil
}

// measureAll runs the cases, prints each when it is done, and writes the files.
func (b *bench) measureAll(ctx context.Context, w io.Writer) (err error) {
	file, err := b.opts.Create("randread")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	run := &Record{Facts: b.facts()}
	out := raw.NewWriter(file, run.Facts)
	b.emit = func(s Sample) error {
		run.Samples = append(run.Samples, s)
		return out.Write(s.line())
	}
	steps := 0
	for _, cs := range b.opts.Cases {
		steps += b.opts.Rounds * len(b.contenders(cs))
	}
	b.line.Begin(steps)
	fmt.Fprint(w, "\n", Legend)
	for _, cs := range b.opts.Cases {
		from := len(run.Samples)
		err := b.runCase(ctx, cs)
		b.line.Clear()
		if err != nil {
			return errors.Join(fmt.Errorf("%w; %s holds what was measured until then", err, file.Name()),
				writeHeat(HeatFile(file.Name()), run.Samples))
		}
		for _, s := range Summarise(run.Samples[from:]) {
			if err := WriteTable(w, &s); err != nil {
				return err
			}
		}
	}
	return b.conclude(w, run, file.Name())
}

// contenders are those that have a part in a case.
func (b *bench) contenders(cs Case) []Contender {
	return slices.DeleteFunc(slices.Clone(b.opts.Contenders), func(c Contender) bool { return c.fits(cs) != "" })
}

// runCase measures one case. A contender that fails is left out of the rest of it.
func (b *bench) runCase(ctx context.Context, cs Case) error {
	running := b.contenders(cs)
	if cs.Cache.hot() > 0 {
		if err := b.layout.warmHot(ctx, b.line); err != nil {
			return err
		}
	}
	for r := range b.opts.Rounds {
		b.rng.Shuffle(len(running), func(i, j int) { running[i], running[j] = running[j], running[i] })
		for _, c := range slices.Clone(running) {
			b.line.Step("%v: round %d of %d, %v", cs, r+1, b.opts.Rounds, c)
			s, err := b.measure(ctx, c, cs)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				b.failures = append(b.failures, fmt.Sprintf("%v, %v: %v", c, cs, err))
				b.line.Note("left out: %v, %v: %v", c, cs, err)
				running = slices.DeleteFunc(running, func(x Contender) bool { return x == c })
				continue
			}
			if err := b.emit(s); err != nil {
				return err
			}
		}
	}
	return nil
}

// measure has one contender read for one slice.
func (b *bench) measure(ctx context.Context, c Contender, cs Case) (Sample, error) {
	if cs.Cache.hot() < 100 {
		if err := b.layout.dropCold(); err != nil {
			return Sample{}, err
		}
	}
	if c.Engine == "fio" {
		return b.fio.measure(ctx, c, cs, b.layout, b.opts.Slice, b.rng.Uint64())
	}
	return b.child(ctx, c, cs)
}

// child runs a contender that is a program of ours.
func (b *bench) child(ctx context.Context, c Contender, cs Case) (Sample, error) {
	warm := min(warmUp, b.opts.Slice)
	ask, err := json.Marshal(spec{Contender: c.String(), Case: cs.String(), Layout: *b.layout, Warm: warm,
		Slice: b.opts.Slice, Seed: b.rng.Uint64()})
	if err != nil {
		return Sample{}, err
	}
	cmd, cancel := command(ctx, warm+b.opts.Slice+patience, b.self, Verb)
	defer cancel()
	cmd.Stdin = bytes.NewReader(ask)
	var answer, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &answer, &complaint
	if err := cmd.Start(); err != nil {
		return Sample{}, err
	}
	watch := watchThreads(cmd.Process.Pid)
	err = cmd.Wait()
	watch.stop()
	if err != nil {
		return Sample{}, complain(err, complaint.String())
	}
	var r result
	if err := json.Unmarshal(answer.Bytes(), &r); err != nil {
		return Sample{}, fmt.Errorf("answer %q: %w", answer.String(), err)
	}
	return r.sample(c, cs, watch), nil
}

// command is a child that dies with us, and when its time is over.
func command(ctx context.Context, limit time.Duration, name string, args ...string) (*exec.Cmd, context.CancelFunc) {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("it did not end within %v", limit))
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	host.Apart(cmd)
	cmd.Cancel = func() error { return cmd.Process.Kill() }
	return cmd, cancel
}

// complain prefers the first line of what a process said to how it ended.
func complain(err error, said string) error {
	first, _, _ := strings.Cut(strings.TrimSpace(said), "\n")
	if first == "" {
		return err
	}
	return fmt.Errorf("%s (%w)", strings.TrimPrefix(first, "bench: "), err)
}

// sample is the result as a line of the raw file.
func (r *result) sample(c Contender, cs Case, threads *threadCount) Sample {
	s := emptySample()
	s.Contender, s.Case, s.Reads, s.Heat = c, cs, r.Reads, r.Heat
	s.Rate = float64(r.Reads) / r.Elapsed.Seconds()
	s.P50, s.P90, s.P99, s.P99_9, s.P99_99, s.Max = r.Quantile[0], r.Quantile[1], r.Quantile[2], r.Quantile[3],
		r.Quantile[4], r.Quantile[5]
	s.Threads, s.Workers = float64(threads.threads), float64(threads.workers)
	if r.Enters >= 0 {
		s.Enters = r.Enters
	}
	s.Switches = r.Switches
	if cs.Busy {
		s.SpinsPerUs = r.SpinsPerUs
	} else {
		s.CPUNs = r.CPUNs
	}
	return s
}

// conclude writes the report, checks, and names what failed.
func (b *bench) conclude(w io.Writer, run *Record, file string) error {
	heat := writeHeat(HeatFile(file), run.Samples)
	fmt.Fprintf(w, "\nraw file: %s\n", file)
	base := rounds.Base(file)
	report := WriteReport(base, run)
	if report == nil {
		fmt.Fprintf(w, "report:   %s.html\nplot:     %s.svg\n", base, base)
	}
	check := func(w io.Writer) (int, error) { return WriteCheck(w, Check(Summarise(run.Samples))) }
	return errors.Join(heat, report, b.opts.Conclude(w, check, b.failures))
}

// facts head the raw file.
func (b *bench) facts() []host.Fact {
	return slices.Concat(host.Facts(), host.DiskFacts(b.layout.Dir), []host.Fact{{Key: "fio", Value: b.fio.String()}}, b.opts.Facts(),
		[]host.Fact{
			{Key: "files", Value: strconv.Itoa(filesInSet)},
			{Key: "bytes", Value: strconv.FormatInt(b.layout.Bytes(), 10)},
			{Key: "resident-bytes", Value: strconv.FormatInt(b.layout.hot()*blockBytes, 10)},
			{Key: "latency", Value: "from the end of one read of a closed loop to the end of the next; " +
				"of a batch, its own; fio: from submission to completion"},
		}, b.opts.Warning())
}
