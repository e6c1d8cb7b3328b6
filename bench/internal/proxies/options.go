package proxies

import (
	"fmt"
	"slices"
	"time"

	"github.com/unio-go/unio/bench/internal/rounds"
)

// Options says what a run measures.
type Options struct {
	rounds.Plan
	Cases      []Case
	Contenders []Contender
}

// QuickCases is a pattern of the cases of a first look.
const QuickCases = "^(small|one|get16k|tls)$"

// Limit fills o with the cases and contenders that two patterns match; "" matches all. nginx always runs, it is the measure.
func (o *Options) Limit(cases, contenders string) error {
	byCase, byContender, err := rounds.Patterns(cases, contenders)
	if err != nil {
		return err
	}
	o.Cases = slices.DeleteFunc(Cases(), func(c Case) bool { return !byCase.MatchString(string(c)) })
	o.Contenders = slices.DeleteFunc(Contenders(), func(c Contender) bool {
		return c != Nginx && !byContender.MatchString(string(c))
	})
	if len(o.Cases) == 0 {
		return fmt.Errorf("-cases %q matches none; there are %v", cases, Cases())
	}
	return nil
}

// Validate refuses what would give no usable result.
func (o *Options) Validate() error { return o.Plan.Validate(10*time.Millisecond, 10*time.Second) }
