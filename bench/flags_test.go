package main

import (
	"errors"
	"flag"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/unio-go/unio/bench/internal/rounds"
)

// With -quick a flag has its quick value, unless the command line says one; without it, its own.
func TestQuickGivesWayToTheCommandLine(t *testing.T) {
	quick := map[string]string{"rounds": "2", "slice": "200ms"}
	for _, c := range []struct {
		args   []string
		rounds int
		slice  time.Duration
	}{
		{nil, 5, 500 * time.Millisecond},
		{[]string{"-quick"}, 2, 200 * time.Millisecond},
		{[]string{"-rounds", "5", "-quick"}, 5, 200 * time.Millisecond},
		{[]string{"-quick", "-rounds", "9", "-slice", "1s"}, 9, time.Second},
	} {
		var a randreadArgs
		p := &a.opts.Plan
		if err := parsePlan(randreadFlags(&a, io.Discard), c.args, p, quick); err != nil {
			t.Fatal(err)
		}
		if p.Rounds != c.rounds || p.Slice != c.slice || p.Seed == 0 || p.Progress == nil {
			t.Errorf("%q: %+v", c.args, *p)
		}
	}
	if err := parsePlan(randreadFlags(new(randreadArgs), io.Discard), []string{"-quick"}, &rounds.Plan{Quick: true},
		map[string]string{"no such flag": ""}); err == nil {
		t.Error("a quick value of no flag: no error")
	}
}

// Who asks for help gets it, whatever the spelling.
func TestHelp(t *testing.T) {
	for _, args := range [][]string{nil, {"--help"}, {"-h"}, {"help"}} {
		var b strings.Builder
		if err := run(args, &b); err != nil || !strings.Contains(b.String(), "Flags of soak:") {
			t.Errorf("%q: %v, %d bytes", args, err, b.Len())
		}
	}
}

// So does who asks how one of the commands is called.
func TestHelpOfEachCommand(t *testing.T) {
	names := []string{"echo", "http", "proxies", "randread", "soak", "show", "check", "plot"}
	for _, s := range trials {
		names = append(names, s.File)
	}
	for _, name := range names {
		for _, ask := range []string{"-h", "--help"} {
			var b strings.Builder
			if err := run([]string{name, ask}, &b); !errors.Is(err, flag.ErrHelp) || !strings.Contains(b.String(), "Usage of bench "+name) {
				t.Errorf("%s %s: %v, %q", name, ask, err, b.String())
			}
		}
	}
}

func TestASeedIsKeptOrDrawn(t *testing.T) {
	if drawn(7) != 7 || drawn(0) == 0 || drawn(0) >= 1<<32 {
		t.Error("a seed is not what was said, or too long to say")
	}
}
