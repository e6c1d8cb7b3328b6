package trial

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/unio-go/unio/bench/internal/host"
	"github.com/unio-go/unio/bench/internal/progress"
	"github.com/unio-go/unio/bench/internal/raw"
)

// run is a comparison in progress.
type run struct {
	Options
	rng      *rand.Rand
	line     *progress.Line
	children map[string]*child
	out      *raw.Writer
	samples  []Sample
	failed   []string
}

// Run measures and reports: tables to w, raw file into opts.OutDir. It returns an error when a contender failed or, with
// opts.Check, when a bound is broken.
func Run(ctx context.Context, opts Options, w io.Writer) (err error) {
	if err := opts.Validate(); err != nil {
		return err
	}
	if opts.Dir == "" {
		opts.Dir = os.TempDir()
	}
	if opts.Suite.Prepare != nil {
		if err := opts.Suite.Prepare(opts.Dir); err != nil {
			return err
		}
	}
	fmt.Fprintf(w, "%d rounds of %v slices, seed %d, files in %s\n", opts.Rounds, opts.Slice, opts.Seed, opts.Dir)
	dir, err := os.MkdirTemp(opts.Dir, "unio-bench")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	r := &run{
		Options: opts, rng: rand.New(rand.NewPCG(opts.Seed, 0)), children: map[string]*child{},
		line: opts.Line(),
	}
	defer func() { err = errors.Join(err, r.stop()) }()
	if err := r.start(dir); err != nil {
		return err
	}
	return r.measureAll(ctx, w)
}

// start brings the contenders up. One that this machine cannot run is left out and named.
func (r *run) start(dir string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	r.line.Begin(len(r.Suite.Cases[0].Contenders))
	for _, cs := range r.Cases {
		for _, name := range cs.Contenders {
			if _, there := r.children[name]; there {
				continue
			}
			r.line.Step("starting %s", name)
			own := filepath.Join(dir, strconv.Itoa(len(r.children)))
			if err := os.Mkdir(own, 0o755); err != nil {
				return err
			}
			ch, err := start(self, r.Suite.File, name, own)
			if err != nil {
				r.line.Note("left out: %s: %v", name, err)
			}
			r.children[name] = ch // nil: left out
		}
	}
	if r.children[r.Suite.Base] == nil {
		r.line.Note("without %s there are no ratios", r.Suite.Base)
	}
	return nil
}

// stop ends all processes.
func (r *run) stop() (err error) {
	for _, ch := range r.children {
		if ch != nil {
			err = errors.Join(err, ch.stop())
		}
	}
	return err
}

// measureAll runs the cases, prints each when it is done, and writes the raw file.
func (r *run) measureAll(ctx context.Context, w io.Writer) (err error) {
	file, err := r.Create(r.Suite.File)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	facts := r.facts()
	r.out = raw.NewWriter(file, facts)
	r.line.Begin(r.steps())
	fmt.Fprint(w, "\n", r.Suite.Legend)
	for _, cs := range r.Cases {
		err := r.runCase(ctx, cs)
		r.line.Clear()
		if err != nil {
			return fmt.Errorf("%w; %s holds what was measured until then", err, file.Name())
		}
		if err := r.Suite.WriteTable(w, cs, r.samples); err != nil {
			return err
		}
	}
	fmt.Fprintf(w, "\nraw file: %s\n", file.Name())
	if r.Suite.About != "" {
		if err := WriteReport(w, file.Name(), &Record{r.Suite, facts, r.samples}); err != nil {
			return err
		}
	}
	return r.Conclude(w, func(w io.Writer) (int, error) { return r.Suite.WriteCheck(w, r.samples) }, r.failed)
}

func (r *run) steps() (n int) {
	for _, cs := range r.Cases {
		n += len(cs.Contenders) * (r.roundsOf(cs) + 1)
	}
	return n
}

// runCase measures one case: a slice of each contender that is verified and does not count, then the rounds.
func (r *run) runCase(ctx context.Context, cs Case) error {
	var running []*child
	for _, name := range cs.Contenders {
		if ch := r.children[name]; ch != nil {
			running = append(running, ch)
		}
	}
	rounds := r.roundsOf(cs)
	for round := range rounds + 1 {
		r.rng.Shuffle(len(running), func(i, j int) { running[i], running[j] = running[j], running[i] })
		var well []*child
		for _, ch := range running {
			if err := ctx.Err(); err != nil {
				return err
			}
			r.line.Step("%s: round %d of %d, %s", cs.Title, round, rounds, ch.contender)
			s, err := ch.slice(cs.Name, r.Slice, round == 0)
			if err != nil {
				r.failed = append(r.failed, fmt.Sprintf("%s, %s: %v", ch.contender, cs.Title, err))
				r.line.Note("left out: %s, %s: %v", ch.contender, cs.Title, err)
				continue
			}
			well = append(well, ch)
			if round == 0 {
				continue
			}
			sample := Sample{cs.Name, ch.contender, s}
			r.samples = append(r.samples, sample)
			if err := r.out.Write(r.Suite.line(sample)); err != nil {
				return err
			}
		}
		running = well
	}
	return nil
}

// facts head the raw file.
func (r *run) facts() []host.Fact {
	return slices.Concat(host.Facts(), r.Plan.Facts(), host.DiskFacts(r.Dir), r.Plan.Warning())
}
