package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/unio-go/unio/bench/internal/compare"
	"github.com/unio-go/unio/bench/internal/proxies"
	"github.com/unio-go/unio/bench/internal/randread"
	"github.com/unio-go/unio/bench/internal/rounds"
	"github.com/unio-go/unio/bench/internal/server"
	"github.com/unio-go/unio/bench/internal/soak"
)

// usage is the answer to a call without arguments or for help; the flags follow it.
const usage = `bench runs unio beside its peers and says what each of them costs.

  go run ./bench echo [flags]      echo servers: unio's engines, net, gnet, C on io_uring and epoll
  go run ./bench http [flags]      HTTP servers: net/http and fasthttp on unio and on net, and a task; TLS too
  go run ./bench proxies [flags]   reverse proxies: tinygate, nginx, haproxy, httputil and fasthttp
  go run ./bench randread [flags]  random reads of files: unio, os.File, mmap, Linux AIO and fio
  go run ./bench wal [flags]       durable appends: unio, a sync for each record, bbolt, Pebble
  go run ./bench pebble [flags]    Pebble on its own file system and on unio's: ycsb, scan, sync
  go run ./bench log [flags]       a journal over the network: unio without a copy, net and os
  go run ./bench nop [flags]       an operation that does nothing, through each layer, beside C
  go run ./bench soak [flags]      load a server with bad days, and see whether it is the same afterwards
  go run ./bench show FILE         print the tables of a raw file again
  go run ./bench check FILE        hold a raw file against the bounds that unio sets itself
  go run ./bench plot FILE         draw FILE again, beside it as .svg

Flags of echo and http:
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
		printUsage(w)
		return nil
	}
	name, args := args[0], args[1:]
	if done, err := hidden(name, args); done {
		return err
	}
	switch name {
	case "help", "-h", "-help", "--help":
		printUsage(w)
		return nil
	case server.Verb:
		if len(args) != 1 {
			return errors.New("want the name of one server")
		}
		return server.Serve(args[0], os.Stdin, os.Stdout)
	case "echo":
		return runCompare(compare.Echo, args, w)
	case "http":
		return runCompare(compare.HTTPSuite, args, w)
	case "randread":
		return runRandread(args, w)
	case "proxies":
		return runProxies(args, w)
	case "soak":
		return runSoak(args, w)
	case "show", "check", "plot":
		f := flag.NewFlagSet("bench "+name, flag.ContinueOnError)
		f.SetOutput(w)
		f.Usage = func() { fmt.Fprintf(w, "Usage of bench %s: go run ./bench %[1]s FILE, a raw file\n", name) }
		if err := f.Parse(args); err != nil {
			return err
		}
		if f.NArg() != 1 {
			return fmt.Errorf("%s: want one raw file", name)
		}
		return again(name, f.Arg(0), w)
	}
	for _, s := range trials {
		if s.File == name {
			return runTrial(s, args, w)
		}
	}
	return fmt.Errorf("there is no %q; run it without arguments to see what there is", name)
}

func printUsage(w io.Writer) {
	fmt.Fprint(w, usage)
	compareFlags(compare.Echo, new(compareArgs), w).PrintDefaults()
	fmt.Fprint(w, "\nFlags of randread:\n")
	randreadFlags(new(randreadArgs), w).PrintDefaults()
	fmt.Fprint(w, "\nFlags of proxies:\n")
	proxiesFlags(new(proxiesArgs), w).PrintDefaults()
	for _, s := range trials {
		fmt.Fprintf(w, "\nFlags of %s:\n", s.File)
		trialFlags(s, new(trialArgs), w).PrintDefaults()
	}
	fmt.Fprint(w, "\nFlags of soak:\n")
	soakFlags(new(soak.Options), new(string), w).PrintDefaults()
}

// compareArgs are the flags of a comparison that are not options as they stand.
type compareArgs struct {
	opts              compare.Options
	cases, contenders string
}

func compareFlags(s *compare.Suite, a *compareArgs, w io.Writer) *flag.FlagSet {
	f := flag.NewFlagSet("bench "+s.File, flag.ContinueOnError)
	f.SetOutput(w)
	f.IntVar(&a.opts.Rounds, "rounds", 5, "rounds per case, at least 5")
	f.DurationVar(&a.opts.Slice, "slice", 150*time.Millisecond, "how long a server is loaded at a time")
	f.StringVar(&a.cases, "cases", "", "only cases that match this `regexp` ("+s.Quick[0].String()+")")
	f.StringVar(&a.contenders, "contenders", "",
		"only servers that match this `regexp` ("+s.Contenders[0].String()+"); "+s.Base.String()+" always runs, it is the measure")
	f.Uint64Var(&a.opts.Seed, "seed", 0, "order of the slices; 0 draws one and prints it")
	f.StringVar(&a.opts.OutDir, "out", "bench/results/local", "`directory` of raw file and plot")
	f.BoolVar(&a.opts.Check, "check", false, "hold the result against the bounds; exit 1 when one is broken")
	f.BoolVar(&a.opts.Quick, "quick", false, "a first look: few cases, 2 rounds of 50ms slices")
	return f
}

func runCompare(s *compare.Suite, args []string, w io.Writer) error {
	var a compareArgs
	a.opts.Suite = s
	f := compareFlags(s, &a, w)
	if err := parsePlan(f, args, &a.opts.Plan, map[string]string{"rounds": "2", "slice": "50ms"}); err != nil {
		return err
	}
	a.opts.Cases, a.opts.Contenders = slices.Clone(s.Cases), slices.Clone(s.Contenders)
	if a.opts.Quick && !said(f, "cases") {
		a.opts.Cases = slices.Clone(s.Quick)
	}
	if err := a.opts.Limit(a.cases, a.contenders); err != nil {
		return err
	}
	ctx, stop := untilEnded()
	defer stop()
	return compare.Run(ctx, a.opts, w)
}

// again makes tables, check or plot from a raw file.
func again(what, name string, w io.Writer) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if randread.IsRaw(text) {
		return againRandread(what, name, text, w)
	}
	if proxies.IsRaw(text) {
		return againProxies(what, name, text, w)
	}
	if done, err := againTrial(what, name, text, w); done || err != nil {
		return err
	}
	samples, err := compare.ReadRaw(bytes.NewReader(text), name)
	if err != nil {
		return err
	}
	summaries := compare.Summarise(samples)
	switch what {
	case "plot":
		svg := rounds.Base(name) + ".svg"
		fmt.Fprintln(w, svg)
		return compare.WritePlot(svg, summaries)
	case "check":
		return rounds.Broken(compare.WriteCheck(w, compare.Check(summaries)))
	}
	fmt.Fprint(w, compare.Legend)
	for _, s := range summaries {
		if err := compare.WriteTable(w, s); err != nil {
			return err
		}
	}
	return nil
}
