package soak

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/unio-go/unio/bench/internal/host"
)

// process is the server's process.
type process struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	dec    *json.Decoder
	stderr bytes.Buffer
}

// answerLimit bounds how long the server may take to say how it is: longer than that is a hang.
const answerLimit = 60 * time.Second

func startServer(engine string) (*process, state, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, state{}, err
	}
	p := &process{cmd: exec.Command(self, Verb, engine)}
	host.Apart(p.cmd)
	p.cmd.Stderr = &p.stderr
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, state{}, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, state{}, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, state{}, err
	}
	p.dec = json.NewDecoder(bufio.NewReader(out))
	first, err := p.read()
	if err != nil {
		p.stop()
		return nil, first, err
	}
	return p, first, nil
}

// read takes one line. A server that is silent for too long is killed, with the stacks of its goroutines on its standard
// error.
func (p *process) read() (s state, err error) {
	timer := time.AfterFunc(answerLimit, func() { p.cmd.Process.Signal(syscall.SIGABRT) })
	defer timer.Stop()
	if err := p.dec.Decode(&s); err != nil {
		p.in.Close()
		p.cmd.Wait()
		p.cmd.Process = nil
		return s, fmt.Errorf("the server has ended or hung: %w\n%s", err, tail(p.stderr.String()))
	}
	return s, nil
}

// tail is the last part of a long text.
func tail(text string) string {
	const most = 20_000
	if len(text) > most {
		return "..." + text[len(text)-most:]
	}
	return text
}

func (p *process) ask(what string) (state, error) {
	if _, err := io.WriteString(p.in, what+"\n"); err != nil {
		return state{}, fmt.Errorf("the server: %w\n%s", err, tail(p.stderr.String()))
	}
	return p.read()
}

// stop ends the server, whatever it does.
func (p *process) stop() {
	if p.cmd.Process == nil {
		return
	}
	p.in.Close()
	timer := time.AfterFunc(answerLimit, func() { p.cmd.Process.Kill() })
	defer timer.Stop()
	p.cmd.Wait() // whether it ended by itself does not matter any more
	p.cmd.Process = nil
}

// Run soaks one engine and writes what it found to w. The error says what was not as it should be.
func Run(ctx context.Context, o Options, w io.Writer) error {
	if err := o.check(); err != nil {
		return err
	}
	if got := raiseFiles(filesWanted); got < uint64(filesPerConn*o.Conns+200) {
		n := (int(got) - 200) / filesPerConn
		if n <= 0 {
			return fmt.Errorf("soak: %d open files are too few for any connection; raise the limit (ulimit -n)", got)
		}
		fmt.Fprintf(w, "lacks: %d open files for %d connections (the limit is %d; ulimit -n); %d connections it is\n",
			filesPerConn*o.Conns+200, o.Conns, got, n)
		o.Conns = n
	}
	p, first, err := startServer(o.Engine)
	if err != nil {
		return err
	}
	defer p.stop()
	s := &soak{Options: o, p: p, w: w, first: first, started: time.Now()}
	s.load = &load{addrs: first.Addrs, rudePercent: o.Rude, largeBytes: 512 << 10, think: o.Think}
	s.load.spread = min(2*time.Second, o.Duration/10)
	fmt.Fprintf(w, "soak of %s: %v, %d connections, %d %% rude, seed %d\n", first.Engine, o.Duration, o.Conns, o.Rude, o.Seed)
	return s.run(ctx)
}

// soak is one run. It has two parts, the first of which warms the server up: what the server holds when it is idle after
// the second is what it may hold when it is idle after the first.
type soak struct {
	Options
	p       *process
	load    *load
	w       io.Writer
	started time.Time
	first   state // before any connection
	warm    state // idle, after the first part
	said    struct {
		messages uint64
		when     time.Time
	}
}

// warmPart is how long the first part takes, unless the whole is short.
const warmPart = time.Minute

func (s *soak) run(ctx context.Context) error {
	part := min(warmPart, s.Duration/3)
	s.said.when = s.started
	var err error
	if s.warm, err = s.part(ctx, part, s.Seed); err != nil {
		return err
	}
	quiet, err := s.part(ctx, s.Duration-part, s.Seed+1)
	if err != nil {
		return err
	}
	s.p.in.Close()
	last, err := s.p.read()
	if err != nil {
		return err
	}
	return s.whole(ctx, s.verdict(quiet, last))
}

// whole adds to a verdict that the soak was broken off: what has been good until then says nothing of what was asked for.
func (s *soak) whole(ctx context.Context, verdict error) error {
	if ctx.Err() == nil {
		return verdict
	}
	return errors.Join(fmt.Errorf("broken off after %v of %v: %w", time.Since(s.started).Round(time.Second), s.Duration, ctx.Err()), verdict)
}

// part loads the server for some time and returns what it is when it has become idle. An error means that the server is
// gone, so that nothing else can be said.
func (s *soak) part(ctx context.Context, d time.Duration, seed uint64) (state, error) {
	limited, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	s.load.start(limited, s.Conns, seed)
	if err := s.watch(limited); err != nil {
		return state{}, err
	}
	if !s.load.wait(2 * stallLimit) {
		s.load.violation("conversations do not end")
	}
	return s.quiet()
}

// watch prints progress until the time is over. A server that does not answer ends it.
func (s *soak) watch(ctx context.Context) error {
	tick := time.NewTicker(s.Tick)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			st, err := s.p.ask("state")
			if err != nil {
				return err
			}
			s.print("", st)
		case <-ctx.Done():
			st, err := s.p.ask("collect")
			s.print("load", st)
			return err
		}
	}
}

func (s *soak) print(what string, st state) {
	now, messages := time.Now(), s.load.messages.Load()
	rate := float64(messages-s.said.messages) / now.Sub(s.said.when).Seconds()
	s.said.messages, s.said.when = messages, now
	errs, _, broken := s.load.snapshot()
	fmt.Fprintf(s.w, "%6.1fs %-4s rss %4d MiB (heap %d, stacks %d, pool %d)  files %5d  conns %5d/%5d  tasks %5d  goroutines %5d  pool %4d MiB  ops %5d  "+
		"%7.0f msg/s  done %7d  violations %d+%d  client: %s  server: %s\n",
		now.Sub(s.started).Seconds(), what, st.Resident>>20, st.Heap>>20,
		st.Stacks>>20, st.Mapped>>20, st.Files, s.load.open.Load(), st.Stats.Conns, st.Stats.Tasks,
		st.Goroutines, st.Stats.BufferBytes>>20, st.Stats.Pending, rate, s.load.done.Load(), broken, st.Broken, join(errs),
		join(st.Errors))
}

// quietLimit is how long the server may take to be idle after its last connection; a closing connection whose peer does
// not read may last thirty seconds.
const quietLimit = 60 * time.Second

// quiet waits until the server has nothing to do, and returns what it has then.
func (s *soak) quiet() (st state, err error) {
	for end := time.Now().Add(quietLimit); ; time.Sleep(50 * time.Millisecond) {
		if st, err = s.p.ask("state"); err != nil {
			return st, err
		}
		if st.idle(s.first) || time.Now().After(end) {
			break
		}
	}
	st, err = s.p.ask("collect")
	s.print("idle", st)
	return st, err
}

// idle reports whether only what was there before the first connection is there.
func (st *state) idle(first state) bool {
	return st.Stats.Conns == 0 && st.Stats.Tasks <= first.Stats.Tasks && st.inFlight() <= first.inFlight()
}

// inFlight are operations without the multishot requests that an engine has for itself.
func (st *state) inFlight() int64 { return st.Stats.Pending - st.Stats.Multishots }

// What is flat: idle memory may grow from the first part to the end by a tenth and some MiB, since how much of the heap and
// of the pool is in pieces depends on the moment.
const (
	flatPart  = 10
	flatSlack = 16 << 20
	heapSlack = 2 << 20 // what is reachable is known exactly
)

// verdict says what is not as it should be.
func (s *soak) verdict(quiet, last state) error {
	var bad []string
	say := func(wrong bool, format string, a ...any) {
		if wrong {
			bad = append(bad, fmt.Sprintf(format, a...))
		}
	}
	_, violations, broken := s.load.snapshot()
	say(broken > 0, "%d broken promises on the client's side:\n\t%s", broken, strings.Join(violations, "\n\t"))
	say(last.Broken > 0, "%d broken promises on the server's side:\n\t%s", last.Broken, strings.Join(last.Violations, "\n\t"))
	grown, allowed := quiet.Resident-s.warm.Resident, s.warm.Resident/flatPart+flatSlack
	say(grown > allowed, "idle memory has grown by %d KiB since the first part, more than %d", grown>>10, allowed>>10)
	grown, allowed = quiet.Heap-s.warm.Heap, s.warm.Heap/flatPart+heapSlack
	say(grown > allowed, "idle, %d KiB more of Go's heap are reachable than after the first part, more than %d", grown>>10, allowed>>10)
	grown = quiet.Stats.BufferBytes - s.warm.Stats.BufferBytes
	say(grown > flatSlack, "idle, %d KiB more of buffers are in use than after the first part", grown>>10)
	say(!quiet.idle(s.first), "the server is not idle: %d connections, %d tasks (%d before), %d operations (%d before)",
		quiet.Stats.Conns, quiet.Stats.Tasks, s.first.Stats.Tasks, quiet.inFlight(), s.first.inFlight())
	say(quiet.Files > s.first.Files+filesSlack, "%d descriptors, %d in the beginning", quiet.Files, s.first.Files)
	say(quiet.Stats.Panics > 0, "%d panics", quiet.Stats.Panics)
	say(quiet.Goroutines > s.first.Goroutines+goroutinesKept, "%d goroutines, %d in the beginning",
		quiet.Goroutines, s.first.Goroutines)
	say(last.End != "", "%s", last.End)
	say(s.load.messages.Load() == 0, "no message was answered")
	if len(bad) > 0 {
		return errors.New(strings.Join(bad, "\n"))
	}
	fmt.Fprintf(s.w, "%s: %d conversations, %d answers, %d MiB of payload, each byte compared; idle memory %d MiB (%d KiB of heap) after "+
		"the first part, %d (%d KiB) at the end; stalls %d, receives that waited for buffers %d; nothing lost, nothing leaked\n",
		s.first.Engine, s.load.done.Load(), s.load.messages.Load(), last.Bytes>>20, s.warm.Resident>>20, s.warm.Heap>>10,
		quiet.Resident>>20, quiet.Heap>>10, quiet.Stats.Stalls, quiet.Stats.NoBuffers)
	return nil
}

// goroutinesKept is what the loops may keep for later tasks, and what accepted lately has left.
const goroutinesKept = 1100
