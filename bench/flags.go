package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/unio-go/unio/bench/internal/progress"
	"github.com/unio-go/unio/bench/internal/rounds"
)

// parse reads the flags of a command, which takes nothing else.
func parse(f *flag.FlagSet, args []string) error {
	if err := f.Parse(args); err != nil {
		return err
	}
	if f.NArg() > 0 {
		return fmt.Errorf("%s: unexpected %q", strings.TrimPrefix(f.Name(), "bench "), f.Args())
	}
	return nil
}

// parsePlan reads the flags of a comparison, and completes its plan. quick has the values of the flags that -quick sets, unless
// the command line names them.
func parsePlan(f *flag.FlagSet, args []string, p *rounds.Plan, quick map[string]string) error {
	if err := parse(f, args); err != nil {
		return err
	}
	for name, value := range quick {
		if !p.Quick || said(f, name) {
			continue
		}
		if err := f.Set(name, value); err != nil {
			return err
		}
	}
	p.Seed = drawn(p.Seed)
	p.Progress, p.Terminal = os.Stderr, progress.IsTerminal(os.Stderr)
	return nil
}

// said reports whether the command line names a flag.
func said(f *flag.FlagSet, name string) (is bool) {
	f.Visit(func(set *flag.Flag) { is = is || set.Name == name })
	return is
}

// drawn is a seed that was said, or one that is short enough to be said again.
func drawn(seed uint64) uint64 {
	if seed == 0 {
		return rand.Uint64() >> 32
	}
	return seed
}

// untilEnded is a context that is done when somebody wants this process to end. What runs then ends its contenders and removes their files,
// which can be gigabytes. A second signal ends the process at once.
func untilEnded() (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}
