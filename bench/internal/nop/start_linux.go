package nop

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/unio-go/unio/bench/internal/cfloor"
	"github.com/unio-go/unio/bench/internal/trial"
	"github.com/unio-go/unio/internal/fileio"
	"github.com/unio-go/unio/internal/filepool"
	"github.com/unio-go/unio/uring"
)

// start begins a contender.
func start(contender, dir string) (trial.Program, error) {
	switch contender {
	case inC, inCDefer:
		prog, err := cfloor.Build(dir, cfloor.NopUring)
		if err != nil {
			return nil, err
		}
		c := floor{prog: prog, deferred: "0"}
		if contender == inCDefer {
			c.deferred = "1"
		}
		_, err = c.run(1, time.Millisecond)
		return c, err
	case rawRing:
		return startRing()
	case onEngine:
		return startEngine()
	case inTask:
		return startLoop()
	case goroutine:
		return startShared()
	case onThreads:
		return executor{filepool.New()}, nil
	}
	return nil, fmt.Errorf("there is no contender %q", contender)
}

// many is how many turns are made between two looks at the clock. All make so many at least: a short time may be over before who works has
// run.
const many = 256

// depth is the depth of a case.
func depth(cs string) (int, error) {
	n, ok := depths[cs]
	if !ok {
		return 0, fmt.Errorf("there is no case %q", cs)
	}
	return n, nil
}

// account is what a meter says, with the time of an operation.
func account(m *trial.Meter, ops int) trial.Slice {
	s := m.Stop(ops)
	s.Values[unitTime] = 1e9 / s.Values[trial.UnitRate]
	return s
}

// floor is the program in C.
type floor struct{ prog, deferred string }

func (c floor) Slice(cs string, d time.Duration, _ bool) (trial.Slice, error) {
	n, err := depth(cs)
	if err != nil {
		return trial.Slice{}, err
	}
	return c.run(n, d)
}

func (c floor) run(depth int, d time.Duration) (trial.Slice, error) {
	cmd := exec.Command(c.prog, fmt.Sprint(depth), fmt.Sprint(d.Milliseconds()), c.deferred)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return trial.Slice{}, fmt.Errorf("%s: %w", c.prog, err)
	}
	var ops, wall, cpu int64
	if _, err := fmt.Sscan(string(out), &ops, &wall, &cpu); err != nil || ops == 0 {
		return trial.Slice{}, fmt.Errorf("%s said %q", c.prog, strings.TrimSpace(string(out)))
	}
	return trial.Slice{Ops: int(ops), Values: map[string]float64{
		unitTime: float64(wall) / float64(ops), trial.UnitCPU: float64(cpu) / float64(ops), trial.UnitThreads: 1,
	}}, nil
}

func (c floor) Close() error { return nil }

// ring is package uring alone. The goroutine that starts it is the one that uses it.
type ring struct{ r *uring.Ring }

func startRing() (trial.Program, error) {
	runtime.LockOSThread()
	r, _, err := uring.NewBest(64, &uring.Params{
		Flags: uring.SetupSingleIssuer | uring.SetupDeferTaskrun | uring.SetupSubmitAll | uring.SetupNoSqarray,
	}, 0)
	if err != nil {
		return nil, fmt.Errorf("%v", uring.Diagnose(err))
	}
	return ring{r}, nil
}

func (r ring) Slice(cs string, d time.Duration, _ bool) (trial.Slice, error) {
	n, err := depth(cs)
	if err != nil {
		return trial.Slice{}, err
	}
	ops, m, end := 0, trial.StartMeter(), time.Now().Add(d)
	for ops == 0 || time.Now().Before(end) {
		for range many {
			if err := r.turn(n); err != nil {
				return trial.Slice{}, err
			}
			ops += n
		}
	}
	return account(m, ops), nil
}

// turn performs n no-ops.
func (r ring) turn(n int) error {
	for range n {
		r.r.SQE().PrepNop()
	}
	for got := 0; got < n; {
		if _, err := r.r.SubmitAndWait(uint32(n - got)); err != nil && !uring.Temporary(err) {
			return err
		}
		ready := r.r.CQReady()
		r.r.Seen(ready)
		got += int(ready)
	}
	return nil
}

func (r ring) Close() error { return r.r.Close() }

// executor has goroutines perform no-ops by what goroutines use.
type executor struct{ fileio.Executor }

func (e executor) Slice(cs string, d time.Duration, _ bool) (trial.Slice, error) {
	return together(cs, d, func(work func()) error { go work(); return nil }, e.work)
}

// work performs no-ops in a goroutine.
func (e executor) work(end time.Time) (ops int) {
	op := &fileio.Op{Code: fileio.Nop, File: nopFile}
	for ops == 0 || time.Now().Before(end) {
		for range many {
			e.Do(op)
		}
		ops += many
	}
	return ops
}

// together has as many goroutines or tasks as a case is deep perform no-ops for d. begin starts one of them; work returns
// how many it has performed.
func together(cs string, d time.Duration, begin func(func()) error, work func(end time.Time) int) (trial.Slice, error) {
	n, err := depth(cs)
	if err != nil {
		return trial.Slice{}, err
	}
	counts := make(chan int, n)
	m, end := trial.StartMeter(), time.Now().Add(d)
	for range n {
		if err := begin(func() { counts <- work(end) }); err != nil {
			return trial.Slice{}, err
		}
	}
	ops := 0
	for range n {
		ops += <-counts
	}
	return account(m, ops), nil
}

// nopFile is what a no-op names.
var nopFile = &fileio.File{FD: -1}
