package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/tinygate/internal/config"
	"github.com/unio-go/unio/tinygate/internal/demo"
)

// flags are those of both ways to serve.
type flags struct {
	*flag.FlagSet
	stderr io.Writer
	engine string
	loops  int
}

func newFlags(name string, stderr io.Writer) *flags {
	f := &flags{FlagSet: flag.NewFlagSet(name, flag.ContinueOnError), stderr: stderr}
	f.SetOutput(io.Discard) // parse tells what is wrong
	f.Usage = func() {}
	return f
}

// forServing adds what a program needs that serves.
func (f *flags) forServing() {
	f.StringVar(&f.engine, "engine", "", "`ENGINE` for I/O: auto, uring, epoll or std; auto follows "+
		unio.EngineVariable+", else takes the best that works here")
	f.IntVar(&f.loops, "loops", 0, "`N` loops, each a thread (default: as many as CPUs may be used)")
}

// wrong says what is wrong with a command line, and what would be right.
func (f *flags) wrong(format string, args ...any) error {
	fmt.Fprintf(f.stderr, "tinygate: "+format+"\n", args...)
	return errUsage
}

func (f *flags) parse(args []string) error {
	switch err := f.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(f.stderr, usage)
		f.SetOutput(f.stderr)
		f.PrintDefaults()
		return err
	case err != nil:
		return f.wrong("%v; %s --help tells what there is", err, f.Name())
	case f.loops < 0:
		return f.wrong("--loops %d: it is a number of threads, 0 for as many as CPUs", f.loops)
	}
	switch f.engine {
	case "", "auto", string(unio.Uring), string(unio.Epoll), string(unio.Std):
		return nil
	}
	return f.wrong("--engine %s: there are auto, uring, epoll and std", f.engine)
}

// over lets the flags that were given replace what the configuration says.
func (f *flags) over(cfg *config.Config) {
	if f.engine != "" {
		cfg.Engine = f.engine
	}
	if f.loops > 0 {
		cfg.Loops = f.loops
	}
}

// simple serves without a file.
func simple(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var listen, to string
	var grace time.Duration
	f := newFlags("tinygate", stderr)
	f.forServing()
	f.StringVar(&listen, "listen", "127.0.0.1:8080", "serve clients on `ADDR`")
	f.StringVar(&to, "to", "", "forward to `HOST:PORT[,HOST:PORT...]`, in turn")
	f.DurationVar(&grace, "grace", 30*time.Second, "at the end, let requests in flight finish for this `TIME`, as 30s")
	if err := f.parse(args); err != nil {
		return err
	}
	if f.NArg() > 0 {
		return f.wrong("unexpected argument %q: flags begin with --, and addresses follow --to", f.Arg(0))
	}
	if grace < 0 {
		return f.wrong("--grace %v: it is a time to wait, such as 30s, or 0", grace)
	}
	what := to
	if to == "" {
		addr, err := demo.Start()
		if err != nil {
			return err
		}
		to, what = addr, "a demo upstream on "+addr
	}
	var servers []string
	for s := range strings.SplitSeq(to, ",") {
		servers = append(servers, strings.TrimSpace(s))
	}
	cfg, err := config.Simple(listen, servers)
	if err != nil {
		return fmt.Errorf("--listen %s --to %s: %w", listen, to, err)
	}
	cfg.Drain = grace
	f.over(cfg)
	p := &program{cfg: cfg, stdout: stdout, stderr: stderr, what: what}
	if err := p.serve(ctx); err != nil {
		return p.hint(err, "another address can be given with --listen")
	}
	return nil
}

// runFile serves what a file says.
func runFile(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	f := newFlags("tinygate run", stderr)
	f.forServing()
	file, err := f.file(args)
	if err != nil {
		return err
	}
	load := func() (*config.Config, error) {
		cfg, err := config.Load(file, os.LookupEnv)
		if err == nil {
			f.over(cfg)
		}
		return cfg, err
	}
	cfg, err := load()
	if err != nil {
		return err
	}
	p := &program{cfg: cfg, file: file, load: load, stdout: stdout, stderr: stderr, what: file}
	return p.serve(ctx)
}

// check checks a file, and says what is wrong with it.
func check(args []string, stdout, stderr io.Writer) error {
	file, err := newFlags("tinygate check", stderr).file(args)
	if err != nil {
		return err
	}
	cfg, err := config.Load(file, os.LookupEnv)
	if err != nil {
		return err
	}
	for _, w := range cfg.Warnings {
		fmt.Fprintln(stderr, "warning:", w)
	}
	fmt.Fprintf(stdout, "%s is good: listeners %d, routes %d, upstreams %d\n",
		file, len(cfg.Listeners), len(cfg.Routes), len(cfg.Upstreams))
	return nil
}

// file is the one argument, which may stand before or behind the flags.
func (f *flags) file(args []string) (string, error) {
	if err := f.parse(args); err != nil {
		return "", err
	}
	file := f.Arg(0)
	if f.NArg() > 0 {
		if err := f.parse(f.Args()[1:]); err != nil {
			return "", err
		}
	}
	if file == "" || f.NArg() > 0 {
		return "", f.wrong("%s takes one FILE; docs/tinygate.md explains what stands in it", f.Name())
	}
	return file, nil
}
