// Package nop measures the round trip of an operation that does nothing, through each layer: what unio adds to the kernel's
// own price.
package nop

import (
	"fmt"
	"time"

	"github.com/unio-go/unio/bench/internal/trial"
)

// The contenders, from the ground up.
const (
	inC       = "c"         // liburing, on a ring that any thread could use
	inCDefer  = "c-defer"   // liburing, on a ring of one thread with DEFER_TASKRUN
	rawRing   = "uring"     // package uring, on a locked thread, with the flags of c-defer
	onEngine  = "engine"    // the uring engine, driven by hand
	inTask    = "task"      // tasks of a loop on the uring engine
	goroutine = "goroutine" // goroutines through the ring that they share
	onThreads = "filepool"  // goroutines through the pool of threads, for which a no-op is no system call
)

// Suite is the comparison.
var Suite = &trial.Suite{
	Name: "Nop", File: "nop", Base: inC, Cases: cases(), Slice: 100 * time.Millisecond, Quick: ".",
	Legend: `A no-op goes through the kernel's ring and back, again and again; filepool makes no system call for it.
ns/op     time per no-op: median of the rounds (least..greatest)
of c      as a ratio to C with liburing in the same round
CPU ns    CPU per no-op, of the whole process
threads   of the process
`,
	Columns: []trial.Column{
		{Unit: unitTime, Head: "ns/op", Scale: 1, Spread: true, Ratio: true},
		{Unit: trial.UnitCPU, Head: "CPU ns", Scale: 1, Ratio: true},
		{Unit: trial.UnitThreads, Head: "threads", Scale: 1},
	},
	Bounds: []trial.Bound{{Case: name(1), Contender: goroutine, Base: inC, Unit: unitTime, AtMost: 2.2}},
	Start:  start,
}

// unitTime is the time that passes for each operation.
const unitTime = "ns/op"

// depths are how many no-ops are under way at a time, by case.
var depths = map[string]int{}

func name(depth int) string { return fmt.Sprintf("depth=%d", depth) }

func cases() (all []trial.Case) {
	for _, depth := range []int{1, 32} {
		depths[name(depth)] = depth
		title := "one at a time"
		if depth > 1 {
			title = fmt.Sprintf("%d at a time: of one thread in C, uring and engine, of as many tasks or goroutines elsewhere", depth)
		}
		all = append(all, trial.Case{Name: name(depth), Title: title, Contenders: []string{
			inC, inCDefer, rawRing, onEngine, inTask, goroutine, onThreads,
		}})
	}
	return all
}
