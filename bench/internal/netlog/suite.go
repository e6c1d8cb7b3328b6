// Package netlog compares servers of a journal over the network: examples/log, which copies no byte, with the same protocol on
// package net and os.
package netlog

import (
	"fmt"
	"time"

	"github.com/unio-go/unio/bench/internal/trial"
)

// The contenders. All speak the protocol of examples/log/journal, and gather what has come on a connection into one append.
const (
	unioUring = "unio-uring" // examples/log
	unioEpoll = "unio-epoll" // the same on the other engine
	netEach   = "net-each"   // goroutines on net and os, a sync for each append
	netGroup  = "net-group"  // the same, with a group commit of its own
)

const (
	// recordBytes is the size of a record, partBytes what a read asks for, and journalBytes how much there is to read.
	recordBytes  = 512
	partBytes    = 64 << 10
	journalBytes = 16 << 20
)

// Suite is the comparison.
var Suite = &trial.Suite{
	Name: "Log", File: "log", Base: netGroup, Cases: cases(), Slice: 250 * time.Millisecond, Quick: "conns=64/op=append",
	Legend: `A request is sent when the answer to the one before has come. Records have 512 bytes and are durable when they are
answered; reads get 64 KiB of what is in the page cache.
CPU          µs of CPU of the server per request: median of the rounds (least..greatest)
of net-group as a ratio to net-group in the same round
threads      of the server
p50..        µs from request to answer, medians of the rounds
`,
	Columns: []trial.Column{
		{Unit: trial.UnitRate, Head: "requests/s", Scale: 1, Spread: true, Ratio: true},
		{Unit: trial.UnitCPU, Head: "CPU", Scale: 1e3, Decimals: 2, Spread: true, Ratio: true},
		{Unit: trial.UnitP50, Head: "p50", Scale: 1e3},
		{Unit: trial.UnitP99, Head: "p99", Scale: 1e3},
		{Unit: trial.UnitP999, Head: "p99.9", Scale: 1e3},
		{Unit: trial.UnitMax, Head: "max", Scale: 1e3},
		{Unit: trial.UnitThreads, Head: "threads", Scale: 1},
	},
	Start: start, Prepare: prepare,
}

// shape is a case, taken apart.
type shape struct {
	conns int
	read  bool
}

// shapes are the cases by name.
var shapes = map[string]shape{}

func cases() (all []trial.Case) {
	for _, s := range []shape{{1, false}, {8, false}, {64, false}, {1, true}, {64, true}} {
		op := "append"
		if s.read {
			op = "read"
		}
		c := trial.Case{
			Name:       fmt.Sprintf("conns=%d/op=%s", s.conns, op),
			Title:      fmt.Sprintf("%ss on %d connections", op, s.conns),
			Contenders: []string{unioUring, unioEpoll, netEach, netGroup},
		}
		if s.conns == 1 {
			c.Title = op + "s on one connection"
		}
		shapes[c.Name] = s
		all = append(all, c)
	}
	return all
}
