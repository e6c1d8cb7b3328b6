package unio_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/mem"
	"github.com/unio-go/unio/uniotest"
)

const (
	simSeeds   = 600 // a send that completes though it was cancelled is one in a hundred seeds
	simConns   = 8
	simOps     = 500 // of all ends, at least; the clients connect again until then
	simAddr    = "10.0.0.1:80"
	simBuffers = 16 << 20
	simUnread  = 16 << 10

	// simLag is how late a call may return that a deadline ends: the other loop may run meanwhile, and each turn takes some
	// microseconds of simulated time.
	simLag = 2 * time.Millisecond
)

// TestSimulatedRuntime plays connections between tasks of one or two loops on a network that fails in every way it can.
// What is written must arrive whole, once and in order, or not at all; every call must return; nothing may be left.
func TestSimulatedRuntime(t *testing.T) {
	unio.ShortDrains(t) // a Close that gives up is what cancels a send
	report := uniotest.SimulateWith(t, &uniotest.SimOptions{
		Seeds: scale(simSeeds, 30),
		Runtime: unio.Options{
			BufBytes: simBuffers, UnreadBytes: simUnread,
		},
	}, simulateRuntime)
	t.Logf("%d seeds, %d calls on %d connections in each on average\n%s",
		report.Seeds, simOpsDone/report.Seeds, simConns, report.Faults)
	for _, entry := range report.Missing {
		// A runtime makes no Nop. It cancels a Connect when a context ends, which is told by a goroutine and so no matter
		// of a seed: simengine's own test has these entries.
		own := strings.HasPrefix(entry, "nop ") || entry == "connect cancelled" || entry == "connect raced"
		if !own && report.Seeds >= simSeeds {
			t.Errorf("never happened: %s", entry)
		}
	}
}

// A failure can be looked into only if its seed does the same again, on two loops as on one.
func TestASimulatedRuntimeRepeatsItself(t *testing.T) {
	o := &uniotest.SimOptions{Seeds: 20, Runtime: unio.Options{BufBytes: simBuffers, UnreadBytes: simUnread}}
	first := uniotest.SimulateWith(t, o, simulateRuntime)
	if again := uniotest.SimulateWith(t, o, simulateRuntime); again.Faults != first.Faults {
		t.Errorf("20 seeds were\n%s\nand then\n%s", first.Faults, again.Faults)
	}
}

// simOpsDone counts the calls of all seeds.
var simOpsDone int

func simulateRuntime(s *uniotest.Sim) {
	p := &simPlay{Sim: s}
	if s.Seed%8 == 0 {
		p.flood()
	}
	ln, err := s.Runtime().Listen("tcp", simAddr, &unio.ListenOptions{OnFirstByte: s.Seed%4 == 1})
	if err != nil {
		s.Fatalf("listen: %v", err)
	}
	s.Runtime().Go(func() { ln.Serve(p.serve) })
	var g unio.Group
	for range simConns {
		g.Go(func() error { p.client(); return nil })
	}
	if s.Seed%3 == 0 {
		g.Go(func() error { p.hog(); return nil })
	}
	if s.Seed%2 == 0 {
		g.Go(func() error { p.doors(); return nil })
	}
	if s.Seed%2 == 1 {
		g.Go(func() error { p.stone(); return nil })
	}
	g.Wait()
	for p.serving > 0 {
		unio.Sleep(time.Second)
	}
	p.over = true
	for _, side := range p.all {
		side.judge()
	}
	simOpsDone += p.ops
}

// simPlay is one seed's play. Its loops take turns, so that it needs no lock.
type simPlay struct {
	*uniotest.Sim
	ops     int        // calls
	serving int        // handlers that run
	over    bool       // a connection that is accepted only now is closed with the runtime
	links   []*simSide // clients by the number of their connection
	all     []*simSide
	open    []*simSide
}

// odds is true once in n times.
func (p *simPlay) odds(n int) bool { return p.Rand.IntN(n) == 0 }

// rest sleeps for a while.
func (p *simPlay) rest() { unio.Sleep(p.short()) }

// short is a time in which something may happen, or not.
func (p *simPlay) short() time.Duration {
	return time.Duration(p.Rand.Int64N(int64(1) << (10 + p.Rand.IntN(17)))) // up to 67 ms
}

// client connects again and again, until enough has been done.
func (p *simPlay) client() {
	for again := true; again; again = p.ops < simOps {
		p.ops++
		c, err := p.Runtime().Dial(context.Background(), "tcp", simAddr, nil)
		if err != nil {
			continue
		}
		side := p.side(c, len(p.links))
		p.links = append(p.links, side)
		side.play()
	}
}

// serve is the handler.
func (p *simPlay) serve(c *unio.Conn) {
	p.serving++
	run := func(c *unio.Conn, err error) {
		defer func() { p.serving-- }()
		if err == nil {
			p.side(c, -1).play()
		}
	}
	if p.odds(4) && c.Await(0, run) == nil {
		return
	}
	run(c, nil)
}

// hog takes all buffers for a while.
func (p *simPlay) hog() {
	for range 3 {
		p.rest()
		var all []*mem.Buf
		for n := mem.MaxBytes; n >= mem.PageBytes; n /= 2 {
			for b, ok := p.Runtime().Pool().TryGet(n); ok; b, ok = p.Runtime().Pool().TryGet(n) {
				all = append(all, b)
			}
		}
		p.rest()
		for _, b := range all {
			b.Release()
		}
	}
}

// doors opens listeners, and closes them while somebody is at the door.
func (p *simPlay) doors() {
	const addr = "10.0.0.1:82"
	for range 4 {
		ln, err := p.Runtime().Listen("tcp", addr, nil)
		if err != nil {
			p.Fatalf("listen: %v", err)
		}
		var g unio.Group
		for range 3 {
			g.Go(func() error {
				p.rest()
				if c, err := p.Runtime().Dial(context.Background(), "tcp", addr, nil); err == nil {
					io.Copy(io.Discard, c)
					c.Close()
				}
				return nil
			})
		}
		g.Go(func() error {
			for {
				c, err := ln.AcceptConn()
				if errors.Is(err, net.ErrClosed) {
					return nil
				}
				if err == nil {
					c.Close()
				}
			}
		})
		p.rest()
		ln.Close()
		g.Wait()
	}
}

// flood writes to a reader that sleeps: what nobody reads is bounded.
func (p *simPlay) flood() {
	const total, addr = 2 << 20, "10.0.0.1:81"
	ln, err := p.Runtime().Listen("tcp", addr, nil)
	if err != nil {
		p.Fatalf("listen: %v", err)
	}
	p.Runtime().Go(func() {
		c, err := p.Runtime().Dial(context.Background(), "tcp", addr, nil)
		if err == nil {
			c.Write(make([]byte, total))
			c.Close()
		} else {
			ln.Close()
		}
	})
	c, err := ln.AcceptConn()
	ln.Close()
	if err != nil {
		return
	}
	defer c.Close()
	if _, err := c.Read(make([]byte, 1)); err != nil {
		return
	}
	unio.Sleep(time.Second)
	// What a long Write is ahead, in a buffer that is not full and what was before it, and what the reader holds, in two more.
	if use := p.Runtime().Stats().BufferBytes; use > 256<<10+64<<10+2*(64<<10)+2*simUnread {
		p.Errorf("a connection that nobody reads holds %d bytes", use)
	}
	io.Copy(io.Discard, c)
}

// stone writes to a peer that does not read, and gives up at about the time at which the peer begins to, or goes.
func (p *simPlay) stone() {
	const addr = "10.0.0.1:83"
	ln, err := p.Runtime().Listen("tcp", addr, nil)
	if err != nil {
		p.Fatalf("listen: %v", err)
	}
	for range 3 {
		var g unio.Group
		by := p.short()
		g.Go(func() error {
			c, err := p.Runtime().Dial(context.Background(), "tcp", addr, nil)
			if err != nil {
				return nil
			}
			c.SetWriteDeadline(p.Now().Add(by))
			c.Write(make([]byte, 1<<20))
			c.Close()
			return nil
		})
		g.Go(func() error {
			ln.SetDeadline(p.Now().Add(time.Second)) // whoever dials may have failed
			if c, err := ln.AcceptConn(); err == nil {
				const gives = 250 * time.Millisecond // the least that a Close waits
				unio.Sleep(by + gives - time.Millisecond + min(p.short(), 2*time.Millisecond))
				if p.odds(2) {
					io.Copy(io.Discard, c)
				}
				c.Close()
			}
			return nil
		})
		g.Wait()
	}
	ln.Close()
}

// simSide is one end of a connection. What it sends are frames: a writer's frames come in order and whole, those of several
// writers in any order.
type simSide struct {
	*simPlay
	c    *unio.Conn
	link int      // the number of the connection; -1: a server that has not heard it yet
	peer *simSide // nil as long as link is not known

	written  [simWriters]uint16 // frames
	read     [simWriters]uint16
	in       []byte
	held     []simHeld
	writing  int  // writers of its own that are not done
	intruded bool // a writer of another connection is at it

	torn      bool // part of a frame has been sent, and no more of it
	ending    bool // somebody has begun to end sending
	closed    bool // somebody has begun to close it
	noRead    bool
	lossy     bool // a Close that gave up
	sendErr   error
	sawEnd    bool
	readBy    bool // a deadline was set at some time
	writeBy   bool
	deadlines int // set so far
}

const (
	simWriters  = 4
	simIntruder = simWriters - 1
	simHeader   = 10
	simMagic    = 0xa5
)

// simHeld is a buffer that is kept for a while, and what was in it.
type simHeld struct {
	b    *mem.Buf
	want []byte
}

func (p *simPlay) side(c *unio.Conn, link int) *simSide {
	s := &simSide{simPlay: p, c: c, link: link}
	p.all = append(p.all, s)
	p.open = append(p.open, s)
	return s
}

// play is the life of one end.
func (s *simSide) play() {
	var g unio.Group
	s.writing = 1 + s.Rand.IntN(2)
	for i := range s.writing {
		g.Go(func() error { s.writer(i); return nil })
	}
	g.Go(func() error { s.reader(); return nil })
	if s.odds(4) {
		g.Go(func() error { s.meddle(); return nil })
	}
	if err := g.Wait(); err != nil {
		s.Errorf("a task: %v", err)
	}
	s.close()
	for i, o := range s.open {
		if o == s {
			s.open = append(s.open[:i], s.open[i+1:]...)
			break
		}
	}
	s.release(0)
}

func (s *simSide) did() { s.ops++ }

func (s *simSide) close() {
	s.did()
	s.closed = true
	err := s.c.Close()
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		s.lossy = true
	case err != nil && !errors.Is(err, net.ErrClosed):
		s.Errorf("close: %v", err)
	}
}

// meddle does something to the connection while others use it.
func (s *simSide) meddle() {
	s.rest()
	s.did()
	switch s.Rand.IntN(5) {
	case 0:
		s.close()
	case 1:
		s.noRead = true
		s.allow("close read", s.c.CloseRead())
	case 2:
		s.setDeadline(s.c.SetReadDeadline, &s.readBy, s.Now().Add(s.short()))
	case 3:
		s.setDeadline(s.c.SetDeadline, &s.readBy, s.Now().Add(s.short()))
		s.writeBy = true
	case 4:
		s.closeWrite()
	}
}

// closeWrite ends sending. An end that cannot be sent, and would be waited for in vain, is sent by closing; where the wait
// for it was cut short it follows by itself.
func (s *simSide) closeWrite() {
	s.did()
	s.ending = true
	err := s.c.CloseWrite()
	s.allow("close write", err)
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) && !s.closed {
		s.close()
	}
}

func (s *simSide) setDeadline(set func(time.Time) error, note *bool, by time.Time) {
	s.did()
	s.deadlines++
	*note = *note || !by.IsZero()
	if err := set(by); err != nil {
		s.allow("set deadline", err)
	}
}

// allow fails for an error that nothing explains.
func (s *simSide) allow(what string, err error) {
	switch {
	case err == nil:
	case errors.Is(err, net.ErrClosed) && (s.closed || s.over):
	case errors.Is(err, os.ErrDeadlineExceeded) && (s.readBy || s.writeBy):
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ETIMEDOUT),
		errors.Is(err, syscall.ENOTCONN), errors.Is(err, syscall.ENOBUFS):
	default:
		s.Errorf("connection %d: %s: %v", s.link, what, err)
	}
}

// timely fails if a call that began at start came back long after the deadline that was its own.
func (s *simSide) timely(what string, set int, start, by time.Time) {
	if by.IsZero() || set != s.deadlines {
		return
	}
	if by.Before(start) {
		by = start
	}
	if late := s.Now().Sub(by); late > simLag {
		s.Errorf("connection %d: %s came back %v after its deadline", s.link, what, late)
	}
}
