package proxies

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/unio-go/unio/bench/internal/host"
	"github.com/unio-go/unio/bench/internal/load"
	"github.com/unio-go/unio/bench/internal/process"
	"github.com/unio-go/unio/bench/internal/progress"
)

const (
	// warmShare is the part of a slice that each slice is preceded by, uncounted: its connections are new.
	warmShare = 8
	// spareFiles are the descriptors that the load generator needs beside its connections.
	spareFiles = 200
	// voidMax is how many slices in a row may be void before a contender is left out of the rest of the case.
	voidMax = 2
)

// bench is a run in progress.
type bench struct {
	opts           Options
	rng            *rand.Rand
	proxyCPU       int
	softirqd       host.Softirqd
	files          uint64 // open files that the load generator may have
	gen            *load.Generator
	upstream       *process.Process
	upstreamEngine string
	proxies        []*proxy
	noEngine       []string // what of tinygate could not be started here
	configs        []host.Fact
	profile        []host.Fact
	progress       *progress.Line
	emit           func(Sample) error
	failed         []string // what went wrong, by contender and case
}

// running are the proxies that take part in a case, by the door that it is for.
func (b *bench) running(cs Case) []*proxy {
	return slices.DeleteFunc(slices.Clone(b.proxies), func(p *proxy) bool {
		return !p.takesPart(cs) || !p.doors[traffics[cs].door].IsValid()
	})
}

// caseRun is one case in progress.
type caseRun struct {
	*bench
	cs    Case
	door  door
	shape load.Shape
	rate  float64
	voids map[*proxy]int // in a row
}

// runCase measures one case: each proxy is loaded for a slice that does not count, then come the rounds.
func (b *bench) runCase(ctx context.Context, cs Case) error {
	t := traffics[cs]
	c := &caseRun{
		bench: b, cs: cs, door: t.door, rate: t.rate, voids: map[*proxy]int{},
		shape: load.Shape{Conns: t.conns, Depth: 1, Request: t.request(), Answer: t.answer(), Fresh: t.fresh, TLS: t.door != plain},
	}
	if t.rate > 0 {
		c.shape.Depth = 0
	}
	if need := uint64(t.conns + spareFiles); need > b.files {
		return fmt.Errorf("%s: it needs %d open files, %d are allowed: ulimit -n raises that", cs, need, b.files)
	}
	running := b.running(cs)
	for _, p := range running {
		b.progress.Step("%s: warming up %s", cs, p.Contender)
		if err := c.slice(ctx, p, false); err != nil {
			return err
		}
	}
	for r := range b.opts.Rounds {
		b.rng.Shuffle(len(running), func(i, j int) { running[i], running[j] = running[j], running[i] })
		for _, p := range running {
			if c.voids[p] >= voidMax {
				continue
			}
			b.progress.Step("%s: round %d of %d, %s", cs, r+1, b.opts.Rounds, p.Contender)
			if err := c.slice(ctx, p, true); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

// slice measures one slice. What goes wrong in it makes it void and is told; the error is of the run itself.
func (c *caseRun) slice(ctx context.Context, p *proxy, counts bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s, err := c.measure(p)
	if err == nil {
		c.voids[p] = 0
	} else {
		c.voids[p]++
		c.failed = append(c.failed, fmt.Sprintf("%s, %s: %v", p.Contender, c.cs, err))
		c.progress.Note("void: %s, %s: %v", p.Contender, c.cs, err)
		s = void(p.Contender, c.cs)
	}
	if !counts {
		return nil
	}
	return c.emit(s)
}

// measure loads a proxy over connections of its own and takes its accounts before and after, while it sleeps.
func (c *caseRun) measure(p *proxy) (s Sample, err error) {
	if err := c.gen.Open(p.id, p.doors[c.door], c.shape); err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, c.gen.CloseTarget(p.id)) }()
	slice := load.Slice{Duration: c.opts.Slice / warmShare, Rate: c.rate, Verify: true, Shared: true}
	if _, err := c.gen.Run(p.id, slice); err != nil {
		return s, err
	}
	before, err := c.cpu(p)
	if err != nil {
		return s, err
	}
	slice.Duration = c.opts.Slice
	result, err := c.gen.Run(p.id, slice)
	if err != nil {
		return s, err
	}
	after, err := c.cpu(p)
	if err != nil {
		return s, err
	}
	resident, err := p.session.Resident()
	if err != nil {
		return s, err
	}
	if result.Messages == 0 {
		return s, errors.New("no request was answered")
	}
	n := float64(result.Messages)
	return Sample{
		Contender: p.Contender, Case: c.cs, Requests: int(result.Messages),
		CPUNs: float64(after-before) / n, Rate: n / result.Elapsed.Seconds(),
		P50: float64(result.P50), P99: float64(result.P99), P99_9: float64(result.P99_9), Resident: float64(resident),
	}, nil
}

// cpu is the CPU time of a proxy so far, and of the kernel's thread that takes over network work on its CPU.
func (b *bench) cpu(p *proxy) (time.Duration, error) {
	d, err := p.session.SleepingCPU()
	if err != nil {
		return 0, err
	}
	soft, err := b.softirqd.CPU()
	return d + soft, err
}
