package simengine

import (
	"fmt"
	"strings"
	"time"

	"github.com/unio-go/unio/internal/engine"
)

// Fault is what may happen to an operation beside plain success.
type Fault uint8

// The faults. Which operations each can meet stands in applies.
const (
	Late      Fault = iota // the completion comes later than the result
	Reordered              // it comes before one that was ready earlier
	Short                  // a receive gives less than is there, a send is taken in parts
	Failed                 // the operation fails
	Cancelled              // it is ended by Cancel or Close
	Raced                  // Cancel or Close met it when it had its result
	Reset                  // the network has reset the connection
	NoBuffer               // it had to wait for a buffer
	faultCount
)

var faultNames = [faultCount]string{"late", "reordered", "short", "failed", "cancelled", "raced", "reset", "no buffer"}

// String is the fault's name in tables.
func (f Fault) String() string { return faultNames[f] }

// codes are the operations of the table, in its order.
var codes = []engine.Code{
	engine.Nop, engine.Accept, engine.Connect, engine.Recv, engine.Send, engine.Shutdown, engine.Close,
}

// applies says which faults an operation can meet. A Shutdown is over when Submit returns, and a Nop or a Close cannot be
// cancelled.
var applies = [faultCount][]engine.Code{
	Late:      {engine.Nop, engine.Accept, engine.Connect, engine.Recv, engine.Send, engine.Close},
	Reordered: {engine.Nop, engine.Accept, engine.Connect, engine.Recv, engine.Send, engine.Close},
	Short:     {engine.Recv, engine.Send},
	Failed:    {engine.Accept, engine.Connect, engine.Recv, engine.Send, engine.Shutdown, engine.Close},
	Cancelled: {engine.Accept, engine.Connect, engine.Recv, engine.Send},
	Raced:     {engine.Accept, engine.Connect, engine.Recv, engine.Send},
	Reset:     {engine.Recv, engine.Send, engine.Shutdown},
	NoBuffer:  {engine.Recv},
}

// Counts is how often each fault happened to each operation.
type Counts [faultCount][16]uint64

// Add adds the counts of another world.
func (c *Counts) Add(o *Counts) {
	for f := range c {
		for i := range c[f] {
			c[f][i] += o[f][i]
		}
	}
}

// Zeros names the faults that have not happened to an operation although they could, as "send raced".
func (c *Counts) Zeros() (zeros []string) {
	for f, ops := range applies {
		for _, op := range ops {
			if c[f][op] == 0 {
				zeros = append(zeros, op.String()+" "+Fault(f).String())
			}
		}
	}
	return zeros
}

// String is a table: a row for each operation, a column for each fault; a dash where the fault does not exist.
func (c *Counts) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-9s", "")
	for f := range Fault(faultCount) {
		fmt.Fprintf(&b, "%11s", f)
	}
	for _, op := range codes {
		fmt.Fprintf(&b, "\n%-9s", op)
		for f, ops := range applies {
			cell := "-"
			for _, o := range ops {
				if o == op {
					cell = fmt.Sprint(c[f][op])
				}
			}
			fmt.Fprintf(&b, "%11s", cell)
		}
	}
	return b.String()
}

// Profile is how likely things are, in a thousand.
type Profile struct {
	Late, Reordered, Short, Failed, Reset, NoBuffer int

	Inline   int // operations that are complete when Submit returns, where that is possible
	Ahead    int // descriptors that read ahead, as a multishot receive does
	Spurious int // waits that end for nothing
	Preempt  int // polls at which another loop goes on (virtual time only)

	// Delay is the longest time that a segment or a late completion takes; most take less.
	Delay time.Duration
	// WindowBytes is what a socket holds, sent and not received.
	WindowBytes int
}

// Calm has no failures and no resets: everything that it does must be invisible to whoever keeps to the contract.
func Calm() Profile {
	return Profile{
		Late: 150, Reordered: 300, Short: 200, NoBuffer: 20,
		Inline: 300, Ahead: 500, Spurious: 10, Preempt: 200,
		Delay: 200 * time.Microsecond, WindowBytes: 64 << 10,
	}
}

// stormy is a profile that the seed draws: worlds differ in what is likely and in how long things take.
func (w *World) stormy() Profile {
	pick := func(all ...int) int { return all[w.rnd.IntN(len(all))] }
	return Profile{
		Late: pick(0, 100, 500), Reordered: pick(0, 300, 900), Short: pick(0, 200, 800),
		Failed: pick(0, 2, 10), Reset: pick(0, 1, 5), NoBuffer: pick(0, 20, 200),
		Inline: pick(0, 300, 1000), Ahead: pick(0, 500, 1000), Spurious: pick(0, 10, 100), Preempt: pick(0, 100, 500),
		Delay:       time.Duration(pick(1_000, 50_000, 1_000_000, 40_000_000)),
		WindowBytes: pick(3_000, 20_000, 64<<10, 200_000),
	}
}

// chance draws a number of Profile.
func (w *World) chance(perMille int) bool { return perMille > 0 && w.rnd.IntN(1000) < perMille }

// strikes decides whether a fault happens to an operation, and counts it: because the script says so, or by chance.
func (w *World) strikes(f Fault, code engine.Code, perMille int) bool {
	if w.script[f][code] > 0 {
		w.script[f][code]--
	} else if !w.chance(perMille) {
		return false
	}
	w.counts[f][code]++
	return true
}

// Script makes a fault happen to the next n operations of a code that can meet it, whatever the profile says. The faults
// of a script are those that an engine decides: Late, Short, Failed, Reset and NoBuffer.
func (w *World) Script(f Fault, code engine.Code, n int) {
	w.mu.Lock()
	w.script[f][code] = n
	w.unlock()
}

// Counts is what has happened so far.
func (w *World) Counts() Counts {
	w.mu.Lock()
	defer w.unlock()
	return w.counts
}
