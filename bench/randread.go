package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/unio-go/unio/bench/internal/randread"
	"github.com/unio-go/unio/bench/internal/rounds"
)

// randreadArgs are the flags of randread that are not options as they stand.
type randreadArgs struct {
	opts                      randread.Options
	mode, size                string
	cases, contenders, depths string
}

func randreadFlags(a *randreadArgs, w io.Writer) *flag.FlagSet {
	f := flag.NewFlagSet("bench randread", flag.ContinueOnError)
	f.SetOutput(w)
	f.IntVar(&a.opts.Rounds, "rounds", 5, "rounds per case, at least 5")
	f.DurationVar(&a.opts.Slice, "slice", 500*time.Millisecond, "how long a contender reads at a time")
	f.StringVar(&a.mode, "mode", string(randread.ModeDefault), "how rings are driven: default, iopoll or sqpoll")
	f.StringVar(&a.cases, "cases", "", "only cases that match this `regexp` ("+
		randread.Cases(randread.ModeDefault)[0].String()+")")
	f.StringVar(&a.contenders, "contenders", "", "only contenders that match this `regexp` ("+
		randread.Contenders()[0].String()+")")
	f.StringVar(&a.depths, "depths", "", "`numbers` of reads in flight instead of 8,32,512; for the busy cases too")
	f.StringVar(&a.opts.Dir, "dir", "", "`directory` of the data set; unio-bench in the user's cache directory if empty")
	f.StringVar(&a.size, "size", "0", "`bytes` of the data set, as 4GiB; 0 takes the one that is there, or 8GiB as far as "+
		"a quarter of the free disk has room")
	f.Uint64Var(&a.opts.Seed, "seed", 0, "order of the slices, and places that are read; 0 draws one and prints it")
	f.StringVar(&a.opts.OutDir, "out", "bench/results/local", "`directory` of raw file and report")
	f.BoolVar(&a.opts.Check, "check", false, "hold the result against the bounds; exit 1 when one is broken")
	f.BoolVar(&a.opts.Quick, "quick", false, "a first look: 32 in flight, 2 rounds of 200ms slices")
	return f
}

func runRandread(args []string, w io.Writer) error {
	var a randreadArgs
	f := randreadFlags(&a, w)
	quick := map[string]string{"depths": "32", "rounds": "2", "slice": "200ms"}
	if err := parsePlan(f, args, &a.opts.Plan, quick); err != nil {
		return err
	}
	a.opts.Mode = randread.Mode(a.mode)
	if err := a.opts.Limit(a.cases, a.contenders, a.depths); err != nil {
		return err
	}
	var err error
	if a.opts.Size, err = randread.ParseSize(a.size); err != nil {
		return err
	}
	if a.opts.Dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return fmt.Errorf("where to keep the data set: %w; -dir says it", err)
		}
		a.opts.Dir = filepath.Join(cache, "unio-bench")
	}
	ctx, stop := untilEnded()
	defer stop()
	return randread.Run(ctx, a.opts, w)
}

// againRandread makes tables, check or report from a raw file of randread.
func againRandread(what, name string, text []byte, w io.Writer) error {
	record, err := randread.ReadRaw(bytes.NewReader(text), name)
	if err != nil {
		return err
	}
	summaries := randread.Summarise(record.Samples)
	switch what {
	case "plot":
		if err := randread.ReadHeat(name, record.Samples); err != nil {
			return err
		}
		if !slices.ContainsFunc(record.Samples, func(s randread.Sample) bool { return s.Heat != nil }) {
			fmt.Fprintf(w, "the report has no heat maps: %s is not there\n", randread.HeatFile(name))
		}
		base := rounds.Base(name)
		fmt.Fprintf(w, "%s.html\n%s.svg\n", base, base)
		return randread.WriteReport(base, record)
	case "check":
		return rounds.Broken(randread.WriteCheck(w, randread.Check(summaries)))
	}
	fmt.Fprint(w, randread.Legend)
	for i := range summaries {
		if err := randread.WriteTable(w, &summaries[i]); err != nil {
			return err
		}
	}
	return nil
}
