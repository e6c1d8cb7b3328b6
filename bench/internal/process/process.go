// Package process runs children that are spoken to by lines: what goes to their standard input they answer on their standard
// output. They end when their input does, so also when this process is killed.
package process

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"

	"github.com/unio-go/unio/bench/internal/host"
)

// Process is a running child, used by one goroutine.
type Process struct {
	io.Writer // its standard input

	cmd    *exec.Cmd
	limit  time.Duration // of the end
	in     io.Closer
	out    *bufio.Reader
	stderr bytes.Buffer
	ended  bool
	end    error
}

// Start runs a command, apart from the terminal. At its end it has so much time until it is killed.
func Start(cmd *exec.Cmd, limit time.Duration) (*Process, error) {
	host.Apart(cmd)
	p := &Process{cmd: cmd, limit: limit}
	cmd.Stderr = &p.stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.Writer, p.in, p.out = in, in, bufio.NewReader(out)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return p, nil
}

// PID is the number of the process.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Line reads one line, without its end. A process that is silent for longer than limit is killed, which ends the read.
func (p *Process) Line(limit time.Duration) (string, error) {
	timer := time.AfterFunc(limit, func() { _ = p.cmd.Process.Kill() })
	defer timer.Stop()
	line, err := p.out.ReadString('\n')
	return strings.TrimSuffix(line, "\n"), err
}

// Stop ends the input, and kills the process when it does not end by itself. It tells whether the process ended well; once
// ended, it tells the same again.
func (p *Process) Stop() error {
	if p.ended {
		return p.end
	}
	_ = p.in.Close() // it may have ended already
	timer := time.AfterFunc(p.limit, func() { _ = p.cmd.Process.Kill() })
	defer timer.Stop()
	p.ended, p.end = true, p.cmd.Wait()
	return p.end
}

// Said ends the process and gives the first line of what it complained about, if it did.
func (p *Process) Said() string {
	_ = p.Stop() // the caller knows that it has failed
	first, _, _ := strings.Cut(strings.TrimSpace(p.stderr.String()), "\n")
	return first
}

// Failure ends the process and puts what it complained about beside a cause.
func (p *Process) Failure(cause error) error {
	if said := p.Said(); said != "" {
		return fmt.Errorf("%w: %s", cause, said)
	}
	return cause
}
