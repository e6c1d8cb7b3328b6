package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"

	"github.com/unio-go/unio/bench/internal/lsm"
	"github.com/unio-go/unio/bench/internal/netlog"
	"github.com/unio-go/unio/bench/internal/nop"
	"github.com/unio-go/unio/bench/internal/rounds"
	"github.com/unio-go/unio/bench/internal/trial"
	"github.com/unio-go/unio/bench/internal/wal"
)

// trials are the comparisons whose contenders work by themselves, without a load from outside.
var trials = []*trial.Suite{wal.Suite, lsm.Suite, nop.Suite, netlog.Suite}

// trialArgs are the flags of such a comparison.
type trialArgs struct {
	opts              trial.Options
	cases, contenders string
}

func trialFlags(s *trial.Suite, a *trialArgs, w io.Writer) *flag.FlagSet {
	f := flag.NewFlagSet("bench "+s.File, flag.ContinueOnError)
	f.SetOutput(w)
	f.IntVar(&a.opts.Rounds, "rounds", max(s.Rounds, 5), "rounds per case, at least 5")
	f.DurationVar(&a.opts.Slice, "slice", s.Slice, "how long a contender works at a time")
	f.StringVar(&a.cases, "cases", "", "only cases that match this `regexp` ("+s.Cases[0].Name+")")
	f.StringVar(&a.contenders, "contenders", "", "only contenders that match this `regexp`; "+s.Base+
		" always runs, it is the measure")
	f.StringVar(&a.opts.Dir, "dir", "", "`directory` of the contenders' files, that for temporary files if empty")
	f.Uint64Var(&a.opts.Seed, "seed", 0, "order of the slices; 0 draws one and prints it")
	f.StringVar(&a.opts.OutDir, "out", "bench/results/local", "`directory` of the raw file")
	f.BoolVar(&a.opts.Check, "check", false, "hold the result against the bounds; exit 1 when one is broken")
	f.BoolVar(&a.opts.Quick, "quick", false, "a first look: few cases, 2 rounds of 50ms slices")
	return f
}

func runTrial(s *trial.Suite, args []string, w io.Writer) error {
	var a trialArgs
	a.opts.Suite = s
	f := trialFlags(s, &a, w)
	quick := map[string]string{"cases": s.Quick, "rounds": "2", "slice": "50ms"}
	if err := parsePlan(f, args, &a.opts.Plan, quick); err != nil {
		return err
	}
	if err := a.opts.Limit(a.cases, a.contenders); err != nil {
		return err
	}
	ctx, stop := untilEnded()
	defer stop()
	return trial.Run(ctx, a.opts, w)
}

// againTrial shows, checks or draws a raw file of such a comparison; done is false when it is of another.
func againTrial(what, name string, text []byte, w io.Writer) (done bool, err error) {
	record, err := trial.ReadRaw(bytes.NewReader(text), name, trials)
	if record == nil || err != nil {
		return false, err
	}
	suite := record.Suite
	switch what {
	case "plot":
		if suite.About == "" {
			return true, fmt.Errorf("plot: %s has no drawing, show prints its tables", suite.File)
		}
		return true, trial.WriteReport(w, name, record)
	case "check":
		return true, rounds.Broken(suite.WriteCheck(w, record.Samples))
	}
	return true, suite.WriteTables(w, record.Samples)
}
