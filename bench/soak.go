package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/unio-go/unio/bench/internal/soak"
)

// soakFlags are the flags of soak; engines is a list.
func soakFlags(o *soak.Options, engines *string, w io.Writer) *flag.FlagSet {
	f := flag.NewFlagSet("bench soak", flag.ContinueOnError)
	f.SetOutput(w)
	f.DurationVar(&o.Duration, "duration", 10*time.Minute, "how long each engine is loaded")
	f.IntVar(&o.Conns, "conns", 5000, "connections held at a time")
	f.IntVar(&o.Rude, "rude", 30, "percent of the connections that reset, leave or do not read")
	f.DurationVar(&o.Think, "think", 4*time.Second, "between a client's messages, at most; 0 is as fast as it goes")
	f.StringVar(engines, "engine", "uring,epoll", "engines, one after the other")
	f.Uint64Var(&o.Seed, "seed", 0, "of everything random; 0 draws one and prints it")
	f.DurationVar(&o.Tick, "tick", 10*time.Second, "between lines of progress")
	return f
}

// runSoak soaks one engine after the other, and fails when one of them did not stay as it was.
func runSoak(args []string, w io.Writer) error {
	var o soak.Options
	var engines string
	f := soakFlags(&o, &engines, w)
	if err := parse(f, args); err != nil {
		return err
	}
	o.Seed = drawn(o.Seed)
	if o.Tick <= 0 {
		return fmt.Errorf("soak: %v between lines: it must be positive", o.Tick)
	}
	ctx, stop := untilEnded()
	defer stop()
	var errs []error
	for e := range strings.SplitSeq(engines, ",") {
		o.Engine = e
		if err := soak.Run(ctx, o, w); err != nil {
			errs = append(errs, fmt.Errorf("soak of %s: %w", e, err))
		}
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(errs...)
}
