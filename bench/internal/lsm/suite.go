// Package lsm compares the file systems that a log-structured store, Pebble, can stand on, by the workloads of Pebble's own
// benchmarks.
package lsm

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/unio-go/unio/bench/internal/trial"
)

// The contenders.
const (
	plain     = "default"    // vfs.Default, Pebble's own
	overOS    = "osfs"       // the adapter on package os: what the adapter itself costs
	unioUring = "unio-uring" // the adapter on Runtime.FS
	unioEpoll = "unio-epoll"
)

// keysDefault is how many records are there before a run; the environment variable UNIO_PEBBLE_KEYS says another number.
const (
	keysDefault  = 1 << 20
	keysVariable = "UNIO_PEBBLE_KEYS"
	valueBytes   = 1000
)

// rounds are so many because half of what is promised is to be even with vfs.Default: in five rounds the medians of two equal
// programs differ by up to 5 % here. The cases of such a promise are played three times.
const (
	rounds    = 15
	evenTimes = 3
)

// cacheBytes is Pebble's block cache: small, so that nearly each read of a record asks the file system.
const cacheBytes = 8 << 20

// Suite is the comparison.
var Suite = &trial.Suite{
	Name: "Pebble", File: "pebble", Base: plain, Cases: cases(), Rounds: rounds, Slice: 300 * time.Millisecond,
	Quick: "^(ycsb-c/pages=(cold|warm)|sync)/workers=64$",
	About: "Pebble on its own file system and on unio's, by the workloads of Pebble's own benchmarks (ycsb, scan and sync of " +
		"cmd/pebble), rebuilt from their descriptions.",
	Legend: `A million records of 1,000 random bytes lie in each store, in the order of hashed keys, and workers do one operation after
another. Pebble has its default options but for a block cache of 8 MiB, memtables of 64 MiB and as many open files as it likes.
Cold: the page cache has nothing of the store when a slice begins; keys are drawn evenly, so that hardly any is met twice.
Warm: it has all. ycsb and scan begin each slice with the same store; writes are synced. The rounds of cases in which unio is to
be even are played three times, each time by new processes that are started in another order.
CPU        µs of CPU per operation, of the whole process, kernel workers included: median of the rounds (least..greatest)
of default as a ratio to Pebble's own file system in the same round
threads    of the process, kernel workers included, the Go runtime's own four to six among them
p50..      µs from the call to its return, medians of the rounds
`,
	Columns: []trial.Column{
		{Unit: trial.UnitRate, Head: "op/s", Scale: 1, Spread: true, Ratio: true},
		{Unit: trial.UnitCPU, Head: "CPU", Scale: 1e3, Decimals: 2, Spread: true, Ratio: true},
		{Unit: trial.UnitP50, Head: "p50", Scale: 1e3},
		{Unit: trial.UnitP99, Head: "p99", Scale: 1e3},
		{Unit: trial.UnitP999, Head: "p99.9", Scale: 1e3},
		{Unit: trial.UnitMax, Head: "max", Scale: 1e3},
		{Unit: trial.UnitThreads, Head: "threads", Scale: 1},
	},
	Bounds: bounds(), Start: start, Prepare: prepare, Make: makeOrigin,
}

// The states of the page cache.
const (
	cold = "cold"
	warm = "warm"
)

// shape is a case, taken apart.
type shape struct {
	work    string
	pages   string // "" where the case writes a store of its own
	workers int
}

func (s shape) name() string {
	if s.pages == "" {
		return fmt.Sprintf("%s/workers=%d", s.work, s.workers)
	}
	return fmt.Sprintf("%s/pages=%s/workers=%d", s.work, s.pages, s.workers)
}

func (s shape) title() string {
	title := s.work
	if what, ok := mixes[s.work]; ok {
		title = fmt.Sprintf("%s (%s)", strings.ToUpper(strings.Replace(s.work, "-", " ", 1)), what.describe())
	}
	if s.pages != "" {
		title += ", " + s.pages
	}
	return strings.Replace(fmt.Sprintf("%s, %d workers", title, s.workers), ", 1 workers", ", 1 worker", 1)
}

// Operations.
const (
	opRead = iota
	opUpdate
	opInsert
	opScan
	opCount
)

var opNames = [opCount]string{"read", "update", "insert", "scan"}

// mix is how many of a hundred operations are of each kind.
type mix [opCount]int

func (m mix) describe() string {
	var parts []string
	for op, n := range m {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %% %ss", n, opNames[op]))
		}
	}
	return strings.Join(parts, ", ")
}

// mixes are the workloads A to F as "pebble bench ycsb" has them, and its scan of 100 rows.
var mixes = map[string]mix{
	"ycsb-a": {opRead: 50, opUpdate: 50},
	"ycsb-b": {opRead: 95, opUpdate: 5},
	"ycsb-c": {opRead: 100},
	"ycsb-d": {opRead: 95, opInsert: 5},
	"ycsb-e": {opScan: 95, opInsert: 5},
	"ycsb-f": {opInsert: 100},
	workScan: {opScan: 100},
}

const (
	workScan = "scan"
	// workSync is "pebble bench sync": batches of five small records, each batch committed with Sync.
	workSync = "sync"
)

// writes reports whether a mix changes the store.
func (m mix) writes() bool { return m[opUpdate]+m[opInsert] > 0 }

// shapes are the cases by name.
var shapes = map[string]shape{}

// shapeOf is the shape of the case of a name.
func shapeOf(cs string) (shape, error) {
	s, ok := shapes[cs]
	if !ok {
		return shape{}, fmt.Errorf("there is no case %q", cs)
	}
	return s, nil
}

func cases() (all []trial.Case) {
	add := func(s shape) {
		shapes[s.name()] = s
		c := trial.Case{Name: s.name(), Title: s.title(), Contenders: []string{unioUring, unioEpoll, overOS, plain}}
		if slices.Contains(evens, s) {
			c.Times = evenTimes
		}
		all = append(all, c)
	}
	// The threads that a contender has once had stay, so few workers come first.
	for _, workers := range []int{1, 8, 64} {
		for _, pages := range []string{warm, cold} {
			add(shape{"ycsb-c", pages, workers})
		}
		add(shape{workSync, "", workers})
	}
	for _, work := range []string{"ycsb-a", "ycsb-b", "ycsb-d", "ycsb-e", "ycsb-f", workScan} {
		add(shape{work, cold, 64})
	}
	return all
}

// even is the bound of what does the same as vfs.Default and must not be behind it, with room for what equal programs differ by.
const even = 0.97

// evens are the cases in which unio is not to be behind.
var evens = []shape{{"ycsb-c", warm, 64}, {workSync, "", 64}, {workSync, "", 1}}

// bounds are the promises: operations a second as a ratio to Pebble's own file system, with 64 workers. That the threads of
// unio-epoll are few costs it cold reads, so it promises none.
func bounds() (all []trial.Bound) {
	promise := func(contender string, s shape, least float64) {
		all = append(all, trial.Bound{Case: s.name(), Contender: contender, Base: plain, Unit: trial.UnitRate, AtLeast: least})
	}
	promise(unioUring, shape{"ycsb-c", cold, 64}, 1.2)
	for _, c := range []string{unioUring, unioEpoll} {
		for _, s := range evens {
			promise(c, s, even)
		}
	}
	return all
}
