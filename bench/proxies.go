package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/unio-go/unio/bench/internal/proxies"
	"github.com/unio-go/unio/bench/internal/rounds"
)

// proxiesArgs are the flags of proxies that are not options as they stand.
type proxiesArgs struct {
	opts              proxies.Options
	cases, contenders string
}

func proxiesFlags(a *proxiesArgs, w io.Writer) *flag.FlagSet {
	f := flag.NewFlagSet("bench proxies", flag.ContinueOnError)
	f.SetOutput(w)
	f.IntVar(&a.opts.Rounds, "rounds", 7, "rounds per case, at least 5")
	f.DurationVar(&a.opts.Slice, "slice", 800*time.Millisecond, "how long a proxy is loaded at a time")
	f.StringVar(&a.cases, "cases", "", "only cases that match this `regexp` ("+string(proxies.Cases()[0])+")")
	f.StringVar(&a.contenders, "contenders", "", "only proxies that match this `regexp` ("+string(proxies.Contenders()[0])+"); "+
		string(proxies.Nginx)+" always runs, it is the measure")
	f.Uint64Var(&a.opts.Seed, "seed", 0, "order of the slices; 0 draws one and prints it")
	f.StringVar(&a.opts.OutDir, "out", "bench/results/local", "`directory` of raw file, report and drawing")
	f.BoolVar(&a.opts.Check, "check", false, "hold the result against the bounds; exit 1 when one is broken")
	f.BoolVar(&a.opts.Quick, "quick", false, "a first look: few cases, 2 rounds of 200ms slices")
	return f
}

func runProxies(args []string, w io.Writer) error {
	var a proxiesArgs
	f := proxiesFlags(&a, w)
	quick := map[string]string{"cases": proxies.QuickCases, "rounds": "2", "slice": "200ms"}
	if err := parsePlan(f, args, &a.opts.Plan, quick); err != nil {
		return err
	}
	if err := a.opts.Limit(a.cases, a.contenders); err != nil {
		return err
	}
	ctx, stop := untilEnded()
	defer stop()
	return proxies.Run(ctx, a.opts, w)
}

// againProxies makes tables, check or report from a raw file of proxies.
func againProxies(what, name string, text []byte, w io.Writer) error {
	record, err := proxies.ReadRaw(bytes.NewReader(text), name)
	if err != nil {
		return err
	}
	summaries := proxies.Summarise(record.Samples)
	switch what {
	case "plot":
		base := rounds.Base(name)
		fmt.Fprintf(w, "%s.html\n%s.svg\n", base, base)
		return proxies.WriteReport(base, record)
	case "check":
		return rounds.Broken(proxies.WriteCheck(w, proxies.Check(summaries)))
	}
	fmt.Fprint(w, proxies.Legend)
	for i := range summaries {
		if err := proxies.WriteTable(w, &summaries[i]); err != nil {
			return err
		}
	}
	proxies.WriteProfile(w, record.Profile)
	return nil
}
