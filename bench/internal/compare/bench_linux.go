package compare

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/unio-go/unio/bench/internal/host"
	"github.com/unio-go/unio/bench/internal/load"
	"github.com/unio-go/unio/bench/internal/progress"
	"github.com/unio-go/unio/bench/internal/server"
)

const (
	// verifySlice is how long a server is loaded with every byte compared, before and after a case.
	verifySlice = 10 * time.Millisecond
	// spareFiles are the descriptors that the load generator needs beside its connections.
	spareFiles = 200
)

// bench is a run in progress: servers that are up, a load generator, and what happened so far.
type bench struct {
	opts      Options
	rng       *rand.Rand
	self      string // path of this binary
	serverCPU int
	softirqd  host.Softirqd
	files     uint64 // open files that the load generator may have
	gen       *load.Generator
	children  []*child
	floors    map[Contender]string // their programs
	progress  *progress.Line
	emit      func(Sample) error
	failed    []string // contenders that failed in a case
}

// variants are the running processes of one contender, one for each GOMAXPROCS.
func (b *bench) variants(c Contender) []*child {
	var all []*child
	for _, ch := range b.children {
		if ch.Contender == c && ch.server != nil {
			all = append(all, ch)
		}
	}
	return all
}

// runCase measures one case: every process answers with each byte verified, then come the rounds, then that is verified
// once more. Which GOMAXPROCS suits a contender is for Summarise to say, from all rounds.
func (b *bench) runCase(ctx context.Context, cs Case) error {
	c, err := b.newCase(cs)
	if err != nil {
		return err
	}
	defer c.closeAll()
	running := c.verifyAll(slices.Clone(b.children))
	for r := range b.opts.Rounds {
		b.rng.Shuffle(len(running), func(i, j int) { running[i], running[j] = running[j], running[i] })
		for _, ch := range slices.Clone(running) {
			if err := ctx.Err(); err != nil {
				return err
			}
			b.progress.Step("%v: round %d of %d, %v", cs, r+1, b.opts.Rounds, ch)
			s, err := c.measure(ch, c.slice)
			if err != nil {
				c.giveUp(ch, err)
				running = slices.DeleteFunc(running, func(x *child) bool { return x == ch })
				continue
			}
			if err := b.emit(s); err != nil {
				return err
			}
		}
	}
	c.verifyAll(running)
	return ctx.Err()
}

// verifyAll verifies processes, gives up those that fail, and returns the others.
func (c *caseRun) verifyAll(children []*child) []*child {
	return slices.DeleteFunc(children, func(ch *child) bool {
		c.progress.Step("%v: verifying %v", c.cs, ch)
		err := c.verify(ch)
		if err != nil {
			c.giveUp(ch, err)
		}
		return err != nil
	})
}

// caseRun is one case in progress.
type caseRun struct {
	*bench
	cs    Case
	shape load.Shape
	slice load.Slice
	// keep: the limit of open files lets the connections to all servers stay open. Otherwise they are opened
	// anew for each slice.
	keep bool
}

func (b *bench) newCase(cs Case) (*caseRun, error) {
	c := &caseRun{
		bench: b, cs: cs,
		shape: load.Shape{Conns: cs.Conns, Size: cs.Size, Depth: cs.Depth, TLS: cs.Proto == HTTPS},
		slice: load.Slice{Duration: b.opts.Slice},
		keep:  uint64(cs.Conns*len(b.children)+spareFiles) <= b.files,
	}
	if cs.Proto != "" {
		c.shape.Path, c.shape.Answer = "/"+strconv.Itoa(cs.Size), server.Body(cs.Size)
	}
	if !c.keep {
		b.progress.Note("%v: connections are opened for each slice: %d files may be open", cs, b.files)
	}
	if cs.Depth == 0 {
		capacity, err := c.netCapacity()
		if err != nil {
			return nil, fmt.Errorf("%v: net's capacity sets the rate: %w", cs, err)
		}
		c.slice.Rate = capacity / 2
	}
	return c, nil
}

// netCapacity is the rate that net reaches with one message under way per connection.
func (c *caseRun) netCapacity() (float64, error) {
	closed := *c
	closed.shape.Depth = 1
	closed.slice.Rate = 0
	var best float64
	for _, ch := range c.variants(contenderNet) {
		c.progress.Step("%v: what net can do", c.cs)
		s, err := closed.measure(ch, closed.slice)
		c.release(ch)
		if err != nil {
			return 0, err
		}
		best = max(best, s.Rate)
	}
	if best == 0 {
		return 0, errors.New("net is not running")
	}
	return best, nil
}

// verify loads a server shortly with every byte compared.
func (c *caseRun) verify(ch *child) error {
	s := c.slice
	s.Duration, s.Verify = verifySlice, true
	_, err := c.load(ch, s)
	return err
}

// measure loads a server for one slice and takes its accounts before and after, while it sleeps.
func (c *caseRun) measure(ch *child, slice load.Slice) (Sample, error) {
	if err := c.open(ch); err != nil {
		return Sample{}, err
	}
	before, err := c.account(ch)
	if err != nil {
		return Sample{}, err
	}
	result, err := c.load(ch, slice)
	if err != nil {
		return Sample{}, err
	}
	after, err := c.account(ch)
	if err != nil {
		return Sample{}, err
	}
	if result.Messages == 0 {
		return Sample{}, errors.New("no message was answered")
	}
	n := float64(result.Messages)
	s := Sample{
		Contender: ch.Contender, Case: c.cs, Procs: ch.procs, Messages: int(result.Messages),
		CPUNs: float64(after.cpu-before.cpu) / n, PollerNs: float64(after.poller-before.poller) / n, Enters: math.NaN(),
		Rate: n / result.Elapsed.Seconds(),
		P50:  result.P50, P99: result.P99, P99_9: result.P99_9,
	}
	if ch.counts {
		s.Enters = float64(after.enters-before.enters) / n
	}
	return s, nil
}

// account is what a server has used so far.
type account struct {
	cpu    time.Duration
	poller time.Duration
	enters uint64
}

// account asks for the kernel entries first: the answer costs a little CPU, which must not fall into the
// slice.
func (c *caseRun) account(ch *child) (a account, err error) {
	if a.enters, err = ch.enters(); err != nil {
		return a, err
	}
	if a.cpu, err = host.SleepingCPU(ch.server.PID()); err != nil {
		return a, err
	}
	if a.poller, err = host.PollerCPU(ch.server.PID()); err != nil {
		return a, err
	}
	soft, err := c.softirqd.CPU()
	a.cpu += soft
	return a, err
}

// load runs one slice, on connections that it opens when they are not.
func (c *caseRun) load(ch *child, slice load.Slice) (load.Result, error) {
	if err := c.open(ch); err != nil {
		return load.Result{}, err
	}
	result, err := c.gen.Run(ch.id, slice)
	if !c.keep {
		c.release(ch)
	}
	return result, err
}

// open connects to a server unless that is done.
func (c *caseRun) open(ch *child) error {
	if ch.open {
		return nil
	}
	addr := ch.addr
	if c.shape.TLS {
		addr = ch.tls
	}
	err := c.gen.Open(ch.id, addr, c.shape)
	ch.open = err == nil
	return err
}

// release closes the connections to a server.
func (c *caseRun) release(ch *child) {
	if ch.open {
		ch.open = false
		if err := c.gen.CloseTarget(ch.id); err != nil {
			c.progress.Note("%v: %v", ch, err)
		}
	}
}

func (c *caseRun) closeAll() {
	for _, ch := range c.children {
		c.release(ch)
	}
}

// giveUp leaves a contender out of the rest of the case, and starts its server anew for the next one.
func (c *caseRun) giveUp(ch *child, why error) {
	c.failed = append(c.failed, fmt.Sprintf("%v, %v: %v", ch, c.cs, why))
	c.progress.Note("left out: %v, %v: %v", ch, c.cs, why)
	c.release(ch)
	ch.stop()
	if err := ch.start(c.self, c.floors[ch.Contender], c.serverCPU); err != nil {
		c.progress.Note("%v does not start again: %v", ch, err)
	}
}
