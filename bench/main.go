package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/unio-go/unio/bench/internal/echo"
	"github.com/unio-go/unio/bench/internal/server"
)

// usage is the answer to a call without arguments.
const usage = `bench runs unio beside its peers and says what each of them costs.

  go run ./bench echo [flags]    echo servers: unio's engines, net, gnet, C on io_uring and epoll
  go run ./bench show FILE       print the tables of a raw file again
  go run ./bench check FILE      hold a raw file against the bounds that unio promises
  go run ./bench plot FILE       draw FILE again, beside it as .svg

Flags of echo:
`

func main() {
	err := run(os.Args[1:], os.Stdout)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run performs one command.
func run(args []string, w io.Writer) error {
	if len(args) == 0 {
		fmt.Fprint(w, usage)
		echoFlags(new(echoArgs), w).PrintDefaults()
		return nil
	}
	name, args := args[0], args[1:]
	if done, err := hidden(name, args); done {
		return err
	}
	switch name {
	case server.Verb:
		if len(args) != 1 {
			return errors.New("want the name of one server")
		}
		return server.Serve(args[0], os.Stdin, os.Stdout)
	case "echo":
		return runEcho(args, w)
	case "show", "check", "plot":
		if len(args) != 1 {
			return fmt.Errorf("%s: want one raw file", name)
		}
		return again(name, args[0], w)
	}
	return fmt.Errorf("there is no %q; run it without arguments to see what there is", name)
}

// echoArgs are the flags of echo that are not options as they stand.
type echoArgs struct {
	opts              echo.Options
	cases, contenders string
}

func echoFlags(a *echoArgs, w io.Writer) *flag.FlagSet {
	f := flag.NewFlagSet("bench echo", flag.ContinueOnError)
	f.SetOutput(w)
	f.IntVar(&a.opts.Rounds, "rounds", 5, "rounds per case, at least 5")
	f.DurationVar(&a.opts.Slice, "slice", 150*time.Millisecond, "how long a server is loaded at a time")
	f.StringVar(&a.cases, "cases", "", "only cases that match this `regexp` (conns=50/size=64/depth=1)")
	f.StringVar(&a.contenders, "contenders", "",
		"only servers that match this `regexp` (uring/recv); net always runs, it is the measure")
	f.Uint64Var(&a.opts.Seed, "seed", 0, "order of the slices; 0 draws one and prints it")
	f.StringVar(&a.opts.OutDir, "out", "bench/results/local", "`directory` of raw file and plot")
	f.BoolVar(&a.opts.Check, "check", false, "hold the result against the bounds; exit 1 when one is broken")
	f.BoolVar(&a.opts.Quick, "quick", false, "a first look: few cases, 2 rounds of 50ms slices")
	return f
}

func runEcho(args []string, w io.Writer) error {
	var a echoArgs
	f := echoFlags(&a, w)
	if err := f.Parse(args); err != nil {
		return err
	}
	if f.NArg() > 0 {
		return fmt.Errorf("echo: unexpected %q", f.Args())
	}
	said := map[string]bool{}
	f.Visit(func(f *flag.Flag) { said[f.Name] = true })
	a.opts.Cases, a.opts.Contenders = echo.Cases(), echo.Contenders()
	if a.opts.Quick {
		if !said["cases"] {
			a.opts.Cases = echo.QuickCases()
		}
		if !said["rounds"] {
			a.opts.Rounds = 2
		}
		if !said["slice"] {
			a.opts.Slice = 50 * time.Millisecond
		}
	}
	if err := a.opts.Limit(a.cases, a.contenders); err != nil {
		return err
	}
	if a.opts.Seed == 0 {
		a.opts.Seed = rand.Uint64() >> 32
	}
	a.opts.Progress = os.Stderr
	if info, err := os.Stderr.Stat(); err == nil {
		a.opts.Terminal = info.Mode()&os.ModeCharDevice != 0
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	return echo.Run(ctx, a.opts, w)
}

// again makes tables, check or plot from a raw file.
func again(what, name string, w io.Writer) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	samples, err := echo.ReadRaw(f, name)
	if err != nil {
		return err
	}
	summaries := echo.Summarise(samples)
	switch what {
	case "plot":
		svg := strings.TrimSuffix(name, ".txt") + ".svg"
		fmt.Fprintln(w, svg)
		return echo.WritePlot(svg, summaries)
	case "check":
		broken, err := echo.WriteCheck(w, echo.Check(summaries))
		if broken > 0 {
			return fmt.Errorf("%d bounds are broken", broken)
		}
		return err
	}
	fmt.Fprint(w, echo.Legend)
	for _, s := range summaries {
		if err := echo.WriteTable(w, s); err != nil {
			return err
		}
	}
	return nil
}
