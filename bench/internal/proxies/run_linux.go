package proxies

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/unio-go/unio/bench/internal/host"
	"github.com/unio-go/unio/bench/internal/load"
	"github.com/unio-go/unio/bench/internal/process"
	"github.com/unio-go/unio/bench/internal/raw"
	"github.com/unio-go/unio/bench/internal/rounds"
)

// Run measures and reports: tables to w, raw file, drawing and report into opts.OutDir. It returns an error when a contender failed
// or, with opts.Check, when a bound is broken.
func Run(ctx context.Context, opts Options, w io.Writer) error {
	if err := opts.Validate(); err != nil {
		return err
	}
	runtime.LockOSThread() // children die with this thread
	defer runtime.UnlockOSThread()
	proxyCPU, loadCPU, err := host.ChooseCPUs()
	if err != nil {
		return err
	}
	b := &bench{opts: opts, proxyCPU: proxyCPU, rng: rand.New(rand.NewPCG(opts.Seed, 0)), progress: opts.Line()}
	fmt.Fprintf(w, "proxies on CPU %d, load and upstream on CPU %d, %d rounds of %v slices, seed %d\n", proxyCPU, loadCPU,
		opts.Rounds, opts.Slice, opts.Seed)
	unpin, err := host.PinThread(loadCPU)
	if err != nil {
		return err
	}
	defer unpin()
	if b.softirqd, err = host.FindSoftirqd(proxyCPU); err != nil {
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
	return b.measureAll(ctx, w)
}

// start brings load generator, upstream and all proxies up. A proxy that this machine cannot run is left out and named.
func (b *bench) start(ctx context.Context, dir string, loadCPU int, w io.Writer) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if b.files, err = host.RaiseFileLimit(); err != nil {
		return err
	}
	if b.gen, err = load.Start(self, loadCPU); err != nil {
		return err
	}
	upstream, err := b.startUpstream(self, loadCPU)
	if err != nil {
		return fmt.Errorf("the upstream: %w", err)
	}
	s, err := newSite(dir, self, upstream)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(b.opts.Contenders, func(c Contender) bool { return c.engine() != "" }) {
		b.progress.Begin(1)
		b.progress.Step("building tinygate")
		s.buildTinygate()
		b.progress.Clear()
	}
	for _, c := range b.opts.Contenders {
		if err := ctx.Err(); err != nil {
			return err
		}
		b.startContender(s, c, w)
	}
	if len(b.proxies) == 0 {
		return errors.New("no proxy could be started")
	}
	return nil
}

func (b *bench) startUpstream(self string, cpu int) (at netip.AddrPort, err error) {
	cmd := host.Command(self, cpu, self, UpstreamVerb)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=2") // the loop keeps one P
	if b.upstream, err = process.Start(cmd, stopLimit); err != nil {
		return at, err
	}
	line, err := b.upstream.Line(startLimit)
	if err != nil {
		return at, b.upstream.Failure(err)
	}
	var addr string
	if _, err := fmt.Sscanf(line, "ready %s %s", &addr, &b.upstreamEngine); err != nil {
		return at, b.upstream.Failure(fmt.Errorf("unexpected answer %q", line))
	}
	return netip.ParseAddrPort(addr)
}

// startContender starts the processes of a contender, and says which it goes without. What a machine may lack is no failure: a program,
// and an engine. Anything else is.
func (b *bench) startContender(s *site, c Contender, w io.Writer) {
	launches, err := s.launches(c)
	if err != nil {
		fmt.Fprintf(w, "left out: %s: %v\n", c, err)
		if !errors.Is(err, errMissing) {
			b.failed = append(b.failed, fmt.Sprintf("%s: %v", c, err))
		}
		return
	}
	if slices.Contains(b.noEngine, c.engine()) {
		fmt.Fprintf(w, "left out: %s: its engine, as above\n", c)
		return
	}
	var configs []string
	for _, l := range launches {
		p, err := start(c, l, s.self, b.proxyCPU, len(b.proxies)+1)
		if err != nil {
			fmt.Fprintf(w, "left out: %s, %s: %v\n", c, l.doorNames(), err)
			if c.engine() != "" && !slices.ContainsFunc(b.proxies, func(p *proxy) bool { return p.engine() == c.engine() }) {
				b.noEngine = append(b.noEngine, c.engine())
				return
			}
			b.failed = append(b.failed, fmt.Sprintf("%s, %s: %v", c, l.doorNames(), err))
			continue
		}
		b.proxies = append(b.proxies, p)
		configs = append(configs, l.config)
	}
	if len(configs) > 0 {
		b.configs = append(b.configs, host.Fact{Key: string(c), Value: strings.Join(configs, "\n")})
	}
}

// doorNames says what a launch is for.
func (l *launch) doorNames() string {
	var names []string
	for d, at := range l.doors {
		if at.IsValid() {
			names = append(names, door(d).String())
		}
	}
	return strings.Join(names, " and ")
}

// stop ends all processes of the run.
func (b *bench) stop() {
	for _, p := range b.proxies {
		p.stop()
	}
	if b.upstream != nil {
		_ = b.upstream.Stop() // it has nothing to lose
	}
	if b.gen != nil {
		_ = b.gen.Close()
	}
}

// measureAll runs the cases, prints each when it is done, and writes the files.
func (b *bench) measureAll(ctx context.Context, w io.Writer) (err error) {
	perCase := len(b.proxies) * (b.opts.Rounds + 1)
	b.progress.Begin(perCase * len(b.opts.Cases))
	if slices.Contains(b.opts.Cases, Small) {
		b.profileAll(ctx)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	file, err := b.opts.Create("proxies")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	record := &Record{Facts: b.facts(), Configs: b.configs, Profile: b.profile}
	out := raw.NewWriter(file, slices.Concat(record.Facts, quoted(configKey, b.configs), quoted(profileKey, b.profile)))
	b.emit = func(s Sample) error {
		record.Samples = append(record.Samples, s)
		return out.Write(s.line())
	}
	fmt.Fprint(w, "\n", Legend)
	for _, cs := range b.opts.Cases {
		from := len(record.Samples)
		if err := b.runCase(ctx, cs); err != nil {
			b.progress.Clear()
			return fmt.Errorf("%w; %s holds what was measured until then", err, file.Name())
		}
		b.progress.Clear()
		for _, s := range Summarise(record.Samples[from:]) {
			if err := WriteTable(w, &s); err != nil {
				return err
			}
		}
	}
	WriteProfile(w, b.profile)
	base := rounds.Base(file.Name())
	fmt.Fprintf(w, "\nraw file: %s\nreport:   %s.html\ndrawing:  %[2]s.svg\n", file.Name(), base)
	check := func(w io.Writer) (int, error) { return WriteCheck(w, Check(Summarise(record.Samples))) }
	return errors.Join(WriteReport(base, record), b.opts.Conclude(w, check, b.failed))
}

// facts tell of the machine and the run, as they are when it begins.
func (b *bench) facts() []host.Fact {
	return slices.Concat(host.Facts(), b.opts.Facts(), []host.Fact{{Key: "upstream", Value: "unio on " + b.upstreamEngine}},
		b.opts.Warning())
}
