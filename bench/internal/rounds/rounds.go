// Package rounds is what comparisons have in common, whatever they measure and how: contenders take turns in rounds, for a
// slice of time each and in shuffled order; what was measured goes into a raw file, and is held against bounds.
package rounds

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/unio-go/unio/bench/internal/host"
	"github.com/unio-go/unio/bench/internal/progress"
)

// least is the least number of rounds whose median and spread say something.
const least = 5

// Plan says how a comparison is run.
type Plan struct {
	Rounds   int
	Slice    time.Duration
	Seed     uint64 // of everything random
	OutDir   string // of the raw file and of what is made of it
	Check    bool   // hold the result against the bounds
	Quick    bool
	Progress io.Writer // where the progress line goes, nil for nowhere
	Terminal bool      // Progress is a terminal: the line is drawn over itself
}

// Validate refuses what would give no usable result: few rounds, and slices that are shorter or longer than what a comparison
// can tell something of. longest 0 is no limit.
func (p *Plan) Validate(shortest, longest time.Duration) error {
	switch {
	case p.Rounds < least && !p.Quick:
		return fmt.Errorf("-rounds %d: at least %d, or -quick for a first look", p.Rounds, least)
	case p.Rounds < 1:
		return errors.New("-rounds: at least 1")
	case longest > 0 && (p.Slice < shortest || p.Slice > longest):
		return fmt.Errorf("-slice %v: at least %v and at most %v", p.Slice, shortest, longest)
	case p.Slice < shortest:
		return fmt.Errorf("-slice %v: at least %v", p.Slice, shortest)
	}
	return nil
}

// Patterns compiles what the flags -cases and -contenders have.
func Patterns(cases, contenders string) (byCase, byContender *regexp.Regexp, err error) {
	if byCase, err = regexp.Compile(cases); err != nil {
		return nil, nil, fmt.Errorf("-cases: %w", err)
	}
	if byContender, err = regexp.Compile(contenders); err != nil {
		return nil, nil, fmt.Errorf("-contenders: %w", err)
	}
	return byCase, byContender, nil
}

// Line is the line of progress.
func (p *Plan) Line() *progress.Line {
	if p.Progress == nil {
		return &progress.Line{W: io.Discard}
	}
	return &progress.Line{W: p.Progress, Terminal: p.Terminal}
}

// Facts are what the head of a raw file tells of the plan.
func (p *Plan) Facts() []host.Fact {
	return []host.Fact{
		{Key: "rounds", Value: strconv.Itoa(p.Rounds)},
		{Key: "slice", Value: p.Slice.String()},
		{Key: "seed", Value: strconv.FormatUint(p.Seed, 10)},
	}
}

// Warning is the fact that ends the head of a raw file of a first look.
func (p *Plan) Warning() []host.Fact {
	if !p.Quick {
		return nil
	}
	return []host.Fact{{Key: "quick", Value: "a first look, not to be published"}}
}

// Create makes the raw file of a comparison, called by its name and the time.
func (p *Plan) Create(comparison string) (*os.File, error) {
	if err := os.MkdirAll(p.OutDir, 0o755); err != nil {
		return nil, err
	}
	return os.Create(filepath.Join(p.OutDir, comparison+"-"+time.Now().UTC().Format("20060102-150405")+".txt"))
}

// Base is the name of a raw file without its ending, which what is made of the file has instead.
func Base(raw string) string { return strings.TrimSuffix(raw, ".txt") }

// Conclude ends a run: it checks, where that is asked for, and names the contenders that failed. check prints and returns how
// many bounds are broken.
func (p *Plan) Conclude(w io.Writer, check func(io.Writer) (broken int, err error), failed []string) error {
	var errs []error
	if p.Check {
		fmt.Fprintln(w)
		errs = append(errs, Broken(check(w)))
	}
	if len(failed) > 0 {
		errs = append(errs, fmt.Errorf("contenders failed:\n  %s", strings.Join(failed, "\n  ")))
	}
	return errors.Join(errs...)
}

// Broken is the error of a check in which bounds were broken, or which failed.
func Broken(bounds int, err error) error {
	if bounds > 0 {
		return errors.Join(err, fmt.Errorf("%d bounds are broken", bounds))
	}
	return err
}
