package compare

import (
	"fmt"
	"slices"
	"time"

	"github.com/unio-go/unio/bench/internal/rounds"
)

// Options says what a run measures.
type Options struct {
	rounds.Plan
	Suite      *Suite
	Cases      []Case
	Contenders []Contender
}

// Limit shortens o to what the two patterns match ("" matches all). Package net always stays: everything is
// measured against it.
func (o *Options) Limit(cases, contenders string) error {
	byCase, byContender, err := rounds.Patterns(cases, contenders)
	if err != nil {
		return err
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
func (o *Options) Validate() error { return o.Plan.Validate(time.Millisecond, 0) }
