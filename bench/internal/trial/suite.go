// Package trial compares contenders that do the same work in turn, each in a process of its own: slice by slice, in
// shuffled order, so that a machine that changes its speed meets all of them. What the work is stands in a [Suite].
package trial

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/unio-go/unio/bench/internal/rounds"
)

// Suite is a comparison.
type Suite struct {
	Name    string // heads the names of samples, as a Go benchmark's does
	File    string // heads the names of files; the command's name
	Legend  string // what the columns of the tables are
	About   string // heads the report; without it there is none
	Cases   []Case
	Quick   string // a pattern of the cases of a first look
	Columns []Column
	Base    string // the contender that the others are compared with
	Bounds  []Bound
	Rounds  int           // of a case, unless the command line says otherwise; 5 at least
	Slice   time.Duration // how long a contender works at a time, unless the command line says otherwise

	// Start begins a contender, in its own process. dir is a directory for its files, which is empty.
	Start func(contender, dir string) (Program, error)
	// Prepare, if not nil, refuses a directory in which the comparison would tell nothing.
	Prepare func(dir string) error
	// Make, if not nil, makes what contenders begin with, in the directory that has theirs. No contender does that: the
	// heap of one that made a large store was in another state than those of the others, which cost it 4 %.
	Make func(dir string) error
}

// Case is one shape of the work.
type Case struct {
	Name       string // key=value/key=value
	Title      string
	Contenders []string // in the order of the table
	// Times is how often the rounds are played, each time by new processes: for a case with a bound near to what is expected.
	// Where files lie and how a heap has grown makes equal programs differ by some per cent for as long as they run. 0: once.
	Times int
}

func (c *Case) times() int { return max(c.Times, 1) }

// Program is a contender at work.
type Program interface {
	// Slice works for d, and tells how much was done and what that took. A slice that verifies is not counted: what was
	// done in it is looked at, and what is not as it should be is an error.
	Slice(cs string, d time.Duration, verify bool) (Slice, error)
	// Close ends it.
	Close() error
}

// Slice is what a contender has done in one slice of time.
type Slice struct {
	Ops    int                // operations done
	Values map[string]float64 // by unit
}

// Column is one figure of the tables.
type Column struct {
	Unit     string
	Head     string
	Scale    float64 // what the value is divided by
	Decimals int
	Spread   bool // show least and greatest of the rounds
	Ratio    bool // show it as a ratio to the base's, too
}

// Bound is what unio promises: the median of the rounds' ratios between two contenders, or, without Base, the median
// itself. A limit of zero does not exist.
type Bound struct {
	Case, Contender, Base, Unit string
	AtLeast, AtMost             float64
}

// broken reports whether a measured value breaks the bound.
func (b *Bound) broken(seen float64) bool {
	return b.AtLeast != 0 && seen < b.AtLeast || b.AtMost != 0 && seen > b.AtMost
}

// String says what is bounded.
func (b *Bound) String() string {
	if b.Base == "" {
		return fmt.Sprintf("%s: %s", b.Contender, b.Unit)
	}
	return fmt.Sprintf("%s: %s of %s", b.Contender, b.Unit, b.Base)
}

// limit says how it is bounded.
func (b *Bound) limit() string {
	if b.AtLeast != 0 {
		return fmt.Sprintf("at least %.2f", b.AtLeast)
	}
	return fmt.Sprintf("at most %.2f", b.AtMost)
}

// The units that Load gives.
const (
	UnitCPU     = "cpu-ns/op" // CPU time of the whole process, kernel workers included
	UnitRate    = "op/s"
	UnitP50     = "p50-ns"
	UnitP90     = "p90-ns"
	UnitP99     = "p99-ns"
	UnitP999    = "p99.9-ns"
	UnitMax     = "max-ns"
	UnitThreads = "threads" // of the process, kernel workers included
)

// Options says what a run measures.
type Options struct {
	rounds.Plan
	Suite *Suite
	Cases []Case
	Dir   string // where contenders have their files
}

// Limit shortens o to the cases and contenders that two patterns match; "" matches all. The base always runs.
func (o *Options) Limit(cases, contenders string) error {
	byCase, byContender, err := rounds.Patterns(cases, contenders)
	if err != nil {
		return err
	}
	o.Cases = nil
	for _, c := range o.Suite.Cases {
		if !byCase.MatchString(c.Name) {
			continue
		}
		c.Contenders = slices.DeleteFunc(slices.Clone(c.Contenders), func(name string) bool {
			return name != o.Suite.Base && !byContender.MatchString(name)
		})
		o.Cases = append(o.Cases, c)
	}
	if len(o.Cases) == 0 {
		return fmt.Errorf("-cases %q matches none; names look like %s", cases, o.Suite.Cases[0].Name)
	}
	return nil
}

// Validate refuses what would give no usable result.
func (o *Options) Validate() error { return o.Plan.Validate(time.Millisecond, 0) }

// none stands for a figure that was not measured.
var none = math.NaN()
