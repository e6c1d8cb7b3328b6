// Package wal compares durable appends: what it costs to have a record on the disk before one goes on.
package wal

import (
	"fmt"
	"strings"
	"time"

	"github.com/unio-go/unio/bench/internal/trial"
)

// The contenders.
const (
	unioUring  = "unio-uring"  // unio.File.Append with Durable
	unioEpoll  = "unio-epoll"  // the same on the other engine
	ownSync    = "own-sync"    // os.File.WriteAt, then fdatasync(2), each writer its own
	ownDsync   = "own-dsync"   // pwritev2(2) with RWF_DSYNC, each writer its own
	bboltBatch = "bbolt-batch" // DB.Batch
	bboltEach  = "bbolt-update"
	pebbleSet  = "pebble" // DB.Set with Sync
)

// recordBytes is the size of a record.
const recordBytes = 512

// preallocatedBytes is the size of the file that is there already, with every block written: its metadata do not change
// when a record is written. More than a contender writes in a slice.
const preallocatedBytes = 128 << 20

// What became durable together.
const (
	unitRecords = "records/sync"  // as unio counts
	unitFlush   = "records/flush" // as the device does
)

// Suite is the comparison.
var Suite = &trial.Suite{
	Name: "WAL", File: "wal", Base: ownSync, Cases: cases(), Slice: 250 * time.Millisecond,
	Quick: "writers=(1|64)/file=preallocated",
	Legend: `A record is 512 bytes, and durable when the call that wrote it returns. The databases write files of their own in each case.
CPU        µs of CPU per record, of the whole process, kernel workers included: median of the rounds (least..greatest)
of own-sync  as a ratio to own-sync in the same round
rec/sync   records that became durable by one sync; "-" where the contender does not tell
rec/flush  records for each flush of the device's cache, as the kernel counts them, other programs' flushes included;
           it does one for syncs that come together
threads    of the process, kernel workers included, the Go runtime's own four to six among them
p50..      µs from the call to its return, medians of the rounds
`,
	Columns: []trial.Column{
		{Unit: trial.UnitRate, Head: "records/s", Scale: 1, Spread: true, Ratio: true},
		{Unit: trial.UnitCPU, Head: "CPU", Scale: 1e3, Decimals: 2, Spread: true, Ratio: true},
		{Unit: unitRecords, Head: "rec/sync", Scale: 1, Decimals: 1},
		{Unit: unitFlush, Head: "rec/flush", Scale: 1, Decimals: 1},
		{Unit: trial.UnitP50, Head: "p50", Scale: 1e3},
		{Unit: trial.UnitP90, Head: "p90", Scale: 1e3},
		{Unit: trial.UnitP99, Head: "p99", Scale: 1e3},
		{Unit: trial.UnitP999, Head: "p99.9", Scale: 1e3},
		{Unit: trial.UnitMax, Head: "max", Scale: 1e3},
		{Unit: trial.UnitThreads, Head: "threads", Scale: 1},
	},
	Bounds: bounds(), Start: start, Prepare: prepare,
}

// shape is a case, taken apart.
type shape struct {
	writers      int
	preallocated bool
}

func (s shape) name() string {
	file := "growing"
	if s.preallocated {
		file = "preallocated"
	}
	return fmt.Sprintf("writers=%d/file=%s", s.writers, file)
}

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
	// The threads that a contender has once had stay, so the cases with few writers come first.
	for _, writers := range []int{1, 8, 64} {
		for _, preallocated := range []bool{true, false} {
			s := shape{writers, preallocated}
			shapes[s.name()] = s
			title := fmt.Sprintf("%d writers, a growing file", writers)
			if preallocated {
				title = fmt.Sprintf("%d writers, a preallocated file", writers)
			}
			title = strings.Replace(title, "1 writers", "1 writer", 1)
			all = append(all, trial.Case{Name: s.name(), Title: title, Contenders: []string{
				unioUring, unioEpoll, ownSync, ownDsync, bboltBatch, bboltEach, pebbleSet,
			}})
		}
	}
	return all
}

// bounds are the promises: records per second as a ratio to one fdatasync for each record.
func bounds() (all []trial.Bound) {
	for _, c := range []string{unioUring, unioEpoll} {
		all = append(all,
			trial.Bound{Case: shape{64, true}.name(), Contender: c, Base: ownSync, Unit: trial.UnitRate, AtLeast: 10},
			trial.Bound{Case: shape{1, true}.name(), Contender: c, Base: ownSync, Unit: trial.UnitRate, AtLeast: 0.90})
	}
	return all
}
