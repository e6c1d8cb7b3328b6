// Package faultfs is a vfs.FS over another one in which calls fail, by rule or by chance: what a storage engine does when its
// disk is full, its device fails, or a write gets half way can be tested with it.
//
// A [Plan] says which calls fail. The same plan with the same seed fails the same calls of a program that calls in the same
// order. Without rules an FS of this package is the one below.
package faultfs

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path"
	"slices"
	"sync"
)

// ErrInjected is the cause of failures whose rule has no other.
var ErrInjected = errors.New("injected failure")

// Rule says which calls fail, and how. The zero value fails each.
type Rule struct {
	// Op is the operation as errors name it (package vfs, "Errors"): "write", "sync", "rename". "" is each.
	Op string

	// Path is a pattern of path.Match for the name, or one of the two names, of the call. "" is each name, with slashes too.
	Path string

	// Nth is which of the calls that match fails, from 1. 0 is each.
	Nth int

	// Chance is how probable it is that a call fails that would, above 0 and up to 1. 0 is 1.
	Chance float64

	// Err is the cause, ErrInjected if it is nil.
	Err error

	// After has the call done first, and then fail: a rename that happened, a sync that made everything durable. A call that
	// fails by itself keeps its own error. Close does its work in any case.
	After bool

	// Torn has a write write a part, of a length by chance that is less than the whole. It is for the operation "write" alone.
	Torn bool
}

// operations are those of package vfs.
var operations = []string{
	"", "open", "stat", "readdir", "mkdir", "remove", "rename", "link", "lock", "usage",
	"read", "write", "seek", "truncate", "sync", "allocate", "prefetch", "close",
}

// valid says what is wrong with a rule.
func (r Rule) valid() error {
	if !slices.Contains(operations, r.Op) {
		return fmt.Errorf("faultfs: there is no operation %q, but %q: %w", r.Op, operations[1:], fs.ErrInvalid)
	}
	if _, err := path.Match(r.Path, ""); err != nil {
		return fmt.Errorf("faultfs: pattern %q: %w: %w", r.Path, err, fs.ErrInvalid)
	}
	if r.Nth < 0 || !(r.Chance >= 0 && r.Chance <= 1) {
		return fmt.Errorf("faultfs: Nth %d and Chance %v: Nth is from 0, Chance from 0 to 1: %w", r.Nth, r.Chance, fs.ErrInvalid)
	}
	if r.Torn && (r.Op != "write" || r.After) {
		return fmt.Errorf("faultfs: Torn is for the operation \"write\", without After: %w", fs.ErrInvalid)
	}
	return nil
}

func (r Rule) matches(op string, names []string) bool {
	if r.Op != "" && r.Op != op {
		return false
	}
	return r.Path == "" || slices.ContainsFunc(names, func(name string) bool {
		matched, _ := path.Match(r.Path, name)
		return matched
	})
}

// Plan is which calls fail. It may be of several FSs, and used by any number of goroutines; it needs no end.
type Plan struct {
	mu     sync.Mutex
	random *rand.Rand
	rules  []*counted
	calls  int
	log    []Injection
}

type counted struct {
	Rule
	seen int // calls that matched
}

// Injection is a failure that a plan has caused.
type Injection struct {
	Call  int // which call it was, from 1
	Op    string
	Names []string // of the call: two for rename and link
	Err   error    // the cause
	After bool     // the call was done
	Torn  bool     // a part was written
}

// String is the failure on one line.
func (i Injection) String() string {
	how := ""
	switch {
	case i.After:
		how = ", done"
	case i.Torn:
		how = ", torn"
	}
	return fmt.Sprintf("call %d: %s %q%s: %v", i.Call, i.Op, i.Names, how, i.Err)
}

// NewPlan is a plan without rules. The seed is for Chance, and for where writes are torn.
func NewPlan(seed uint64) *Plan {
	return &Plan{random: rand.New(rand.NewPCG(seed, 0))}
}

// Add adds a rule behind those that are there. Of several that fail one call the first does; each counts the calls that match
// it. A rule that cannot be is refused with fs.ErrInvalid.
func (p *Plan) Add(r Rule) error {
	if err := r.valid(); err != nil {
		return err
	}
	if r.Err == nil {
		r.Err = ErrInjected
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rules = append(p.rules, &counted{Rule: r})
	return nil
}

// Clear takes all rules out. Calls and Log go on.
func (p *Plan) Clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rules = nil
}

// Calls is how many calls there were, failed or not.
func (p *Plan) Calls() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls
}

// Log is what has failed by the plan, in order.
func (p *Plan) Log() []Injection {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.log)
}

// decide counts a call, and says how it fails, if it does.
func (p *Plan) decide(op string, names ...string) *Injection {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls++
	var hit *Injection
	for _, r := range p.rules {
		if !r.matches(op, names) {
			continue
		}
		r.seen++
		fails := r.Nth == 0 || r.seen == r.Nth
		if fails && r.Chance > 0 {
			fails = p.random.Float64() < r.Chance
		}
		if fails && hit == nil {
			hit = &Injection{Call: p.calls, Op: op, Names: names, Err: r.Err, After: r.After, Torn: r.Torn}
		}
	}
	return hit
}

// record notes a failure that was caused, and gives its cause.
func (p *Plan) record(hit *Injection) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.log = append(p.log, *hit)
	return hit.Err
}

// part is how much of n bytes is written.
func (p *Plan) part(n int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n == 0 {
		return 0
	}
	return p.random.IntN(n)
}

// call does a call, or has it fail. The error of a plan is bare.
func (p *Plan) call(do func() error, op string, names ...string) (err error, injected bool) {
	hit := p.decide(op, names...)
	if hit == nil {
		return do(), false
	}
	if hit.After {
		if err := do(); err != nil {
			return err, false
		}
	}
	return p.record(hit), true
}
