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
	dir      string // that has the contenders' directories
	children map[string]*child
	started  int // contenders, also those that have been replaced
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
		line: opts.Line(), dir: dir,
	}
	defer func() { err = errors.Join(err, r.stop()) }()
	r.line.Begin(r.steps())
	if opts.Suite.Make != nil {
		r.line.Step("making what all begin with")
		if err := opts.Suite.Make(dir); err != nil {
			return err
		}
	}
	if err := r.start(ctx); err != nil {
		return err
	}
	return r.measureAll(ctx, w)
}

// start brings the contenders up, in an order that the seed decides. One that this machine cannot run is left out and named.
func (r *run) start(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	names := r.contenders()
	r.rng.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		r.line.Step("starting %s", name)
		own := filepath.Join(r.dir, strconv.Itoa(r.started))
		if err := os.Mkdir(own, 0o755); err != nil {
			return err
		}
		r.started++
		ch, err := start(self, r.Suite.File, name, own)
		if err != nil {
			r.line.Note("left out: %s: %v", name, err)
		}
		r.children[name] = ch // nil: left out
	}
	if r.children[r.Suite.Base] == nil {
		r.line.Note("without %s there are no ratios", r.Suite.Base)
	}
	return nil
}

// contenders are those that take part in any case.
func (r *run) contenders() (names []string) {
	for _, cs := range r.Cases {
		for _, name := range cs.Contenders {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
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
	all := len(r.contenders())
	n = all
	if r.Suite.Make != nil {
		n++
	}
	for _, cs := range r.Cases {
		n += len(cs.Contenders)*cs.times()*(r.Rounds+1) + all*(cs.times()-1)
	}
	return n
}

// runCase measures one case, as often as it is to be.
func (r *run) runCase(ctx context.Context, cs Case) (err error) {
	running := slices.DeleteFunc(slices.Clone(cs.Contenders), func(name string) bool { return r.children[name] == nil })
	for i := range cs.times() {
		if i > 0 {
			if err := r.stop(); err != nil {
				r.failed = append(r.failed, err.Error())
			}
			if err := r.start(ctx); err != nil {
				return err
			}
		}
		for round := range r.Rounds + 1 {
			if running, err = r.round(ctx, cs, round, running); err != nil {
				return err
			}
		}
	}
	return nil
}

// round is a slice of each contender. In round 0 that is verified and does not count. It gives those that did well.
func (r *run) round(ctx context.Context, cs Case, round int, running []string) (well []string, err error) {
	r.rng.Shuffle(len(running), func(i, j int) { running[i], running[j] = running[j], running[i] })
	for _, name := range running {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		r.line.Step("%s: round %d of %d, %s", cs.Title, round, r.Rounds, name)
		ch := r.children[name]
		if ch == nil {
			continue // it could not be started again
		}
		s, err := ch.slice(cs.Name, r.Slice, round == 0)
		if err != nil {
			r.failed = append(r.failed, fmt.Sprintf("%s, %s: %v", name, cs.Title, err))
			r.line.Note("left out: %s, %s: %v", name, cs.Title, err)
			continue
		}
		well = append(well, name)
		if round == 0 {
			continue
		}
		sample := Sample{cs.Name, name, s}
		r.samples = append(r.samples, sample)
		if err := r.out.Write(r.Suite.line(sample)); err != nil {
			return nil, err
		}
	}
	return well, nil
}

// facts head the raw file.
func (r *run) facts() []host.Fact {
	return slices.Concat(host.Facts(), r.Plan.Facts(), host.DiskFacts(r.Dir), r.Plan.Warning())
}
