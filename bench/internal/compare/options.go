package compare

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"time"
)

// roundsMin is the least number of rounds whose median and spread say something.
const roundsMin = 5

// Options says what a run measures. Parse fills it from the command line.
type Options struct {
	Rounds     int
	Slice      time.Duration
	Suite      *Suite
	Cases      []Case
	Contenders []Contender
	Seed       uint64
	OutDir     string
	Check      bool
	Quick      bool
	Progress   io.Writer // where the progress line goes, nil for nowhere
	Terminal   bool      // Progress is a terminal: the line is drawn over itself
}

// Limit shortens o to what the two patterns match ("" matches all). Package net always stays: everything is
// measured against it.
func (o *Options) Limit(cases, contenders string) error {
	byCase, err := regexp.Compile(cases)
	if err != nil {
		return fmt.Errorf("-cases: %w", err)
	}
	byContender, err := regexp.Compile(contenders)
	if err != nil {
		return fmt.Errorf("-contenders: %w", err)
	}
	o.Cases = slices.DeleteFunc(o.Cases, func(c Case) bool { return !byCase.MatchString(c.String()) })
	o.Contenders = slices.DeleteFunc(o.Contenders, func(c Contender) bool {
		return c != o.Suite.Base && !byContender.MatchString(c.String())
	})
	if len(o.Cases) == 0 {
		return fmt.Errorf("-cases %q matches none; names look like %v", cases, o.Suite.Quick[0])
	}
	return nil
}

// Validate refuses what would give no usable result.
func (o *Options) Validate() error {
	if o.Rounds < roundsMin && !o.Quick {
		return fmt.Errorf("-rounds %d: at least %d, or -quick for a first look", o.Rounds, roundsMin)
	}
	if o.Rounds < 1 {
		return errors.New("-rounds: at least 1")
	}
	if o.Slice < time.Millisecond {
		return fmt.Errorf("-slice %v: at least 1ms", o.Slice)
	}
	return nil
}
