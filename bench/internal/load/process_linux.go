package load

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"

	"golang.org/x/sys/unix"

	"github.com/unio-go/unio/bench/internal/host"
)

// Verb is the hidden command by which a bench binary becomes the load generator.
const Verb = "__load"

// request and reply are lines of JSON on the generator's standard input and output. Op is open, run or close.
type request struct {
	Op    string
	ID    int
	Addr  netip.AddrPort
	Shape Shape
	Slice Slice
}

type reply struct {
	Err    string
	Result Result
}

// Serve is the generator's main function: it performs requests until in ends.
func Serve(in io.Reader, out io.Writer) error {
	runtime.LockOSThread()
	debug.SetGCPercent(-1) // a slice allocates nothing; a collection could only disturb it
	// A sleep ends when it is asked to, and not up to 50 µs later (PR_SET_TIMERSLACK in prctl(2)).
	if err := unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0); err != nil {
		return os.NewSyscallError("prctl", err)
	}
	targets := map[int]Target{}
	requests, replies := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var req request
		if err := requests.Decode(&req); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		var rep reply
		result, err := perform(targets, &req)
		if err != nil {
			rep.Err = err.Error()
		}
		rep.Result = result
		if err := replies.Encode(rep); err != nil {
			return err
		}
	}
}

func perform(targets map[int]Target, req *request) (Result, error) {
	t := targets[req.ID]
	if t == nil && req.Op != "open" {
		return Result{}, fmt.Errorf("%s: target %d is not open", req.Op, req.ID)
	}
	switch req.Op {
	case "open":
		t, err := Open(req.Addr, req.Shape)
		if err == nil {
			targets[req.ID] = t
		}
		return Result{}, err
	case "run":
		return t.Run(req.Slice)
	case "close":
		t.Close()
		delete(targets, req.ID)
		runtime.GC() // outside of any slice
		return Result{}, nil
	}
	return Result{}, fmt.Errorf("unknown request %q", req.Op)
}

// Generator is a running load generator in a process of its own, used by one goroutine.
type Generator struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	enc *json.Encoder
	dec *json.Decoder
}

// Start starts the generator on a CPU. self is the path of the bench binary.
func Start(self string, cpu int) (*Generator, error) {
	cmd := host.Command(self, cpu, self, Verb)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=2", "GODEBUG=asyncpreemptoff=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the load generator: %w", err)
	}
	dec := json.NewDecoder(bufio.NewReader(out))
	return &Generator{cmd: cmd, in: in, enc: json.NewEncoder(in), dec: dec}, nil
}

// Open connects target id.
func (g *Generator) Open(id int, addr netip.AddrPort, shape Shape) error {
	_, err := g.ask(request{Op: "open", ID: id, Addr: addr, Shape: shape})
	return err
}

// Run loads target id for one slice.
func (g *Generator) Run(id int, s Slice) (Result, error) {
	return g.ask(request{Op: "run", ID: id, Slice: s})
}

// CloseTarget resets the connections of target id.
func (g *Generator) CloseTarget(id int) error {
	_, err := g.ask(request{Op: "close", ID: id})
	return err
}

// Close ends the generator.
func (g *Generator) Close() error {
	return errors.Join(g.in.Close(), g.cmd.Wait())
}

func (g *Generator) ask(req request) (Result, error) {
	if err := g.enc.Encode(req); err != nil {
		return Result{}, fmt.Errorf("load generator: %w", err)
	}
	var rep reply
	if err := g.dec.Decode(&rep); err != nil {
		return Result{}, fmt.Errorf("load generator: %w", err)
	}
	if rep.Err != "" {
		return Result{}, errors.New(rep.Err)
	}
	return rep.Result, nil
}
