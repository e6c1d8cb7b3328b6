package compare

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/unio-go/unio/bench/internal/host"
	"github.com/unio-go/unio/bench/internal/server"
)

const (
	// startLimit bounds the wait for a server to listen, stopLimit the wait for it to end.
	startLimit = 10 * time.Second
	stopLimit  = 3 * time.Second
)

// child is a server process.
type child struct {
	Contender
	procs int  // GOMAXPROCS; 0: not a Go program
	id    int  // the load generator's name for it
	open  bool // the load generator is connected

	cmd    *exec.Cmd
	in     io.WriteCloser
	lines  *bufio.Reader
	stderr bytes.Buffer
	addr   netip.AddrPort
	tls    netip.AddrPort // HTTP servers
	counts bool           // it tells its kernel entries
}

// String names the process in messages.
func (c *child) String() string {
	if c.procs == 0 {
		return c.Contender.String()
	}
	return fmt.Sprintf("%v with GOMAXPROCS=%d", c.Contender, c.procs)
}

// start runs the server on a CPU and waits until it listens. prog is a floor's program, empty for a contender
// in this binary.
func (c *child) start(self, prog string, cpu int) error {
	if prog != "" {
		c.cmd = host.Command(self, cpu, prog)
	} else {
		c.cmd = host.Command(self, cpu, self, server.Verb, c.Contender.String())
		c.cmd.Env = append(os.Environ(), "GOMAXPROCS="+strconv.Itoa(c.procs))
	}
	c.stderr.Reset()
	c.cmd.Stderr = &c.stderr
	var err error
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := c.cmd.Start(); err != nil {
		return err
	}
	c.lines = bufio.NewReader(out)
	line, err := c.readLine()
	if err != nil {
		return c.failure(err)
	}
	ports := strings.Fields(strings.TrimPrefix(line, "ready "))
	for i, to := range []*netip.AddrPort{&c.addr, &c.tls} {
		if i == len(ports) && i > 0 {
			break
		}
		if *to, err = netip.ParseAddrPort("127.0.0.1:" + ports[i]); err != nil {
			return c.failure(fmt.Errorf("unexpected answer %q", line))
		}
	}
	c.counts = true
	_, err = c.enters()
	return err
}

// readLine reads one answer within startLimit. A server that is silent for longer is killed, which ends the
// read.
func (c *child) readLine() (string, error) {
	timer := time.AfterFunc(startLimit, func() { _ = c.cmd.Process.Kill() })
	defer timer.Stop()
	line, err := c.lines.ReadString('\n')
	return strings.TrimSuffix(line, "\n"), err
}

// failure ends the process and says what it complained about.
func (c *child) failure(cause error) error {
	c.stop()
	if said := strings.TrimSpace(c.stderr.String()); said != "" {
		first, _, _ := strings.Cut(said, "\n")
		return errors.New(strings.TrimPrefix(first, fmt.Sprintf("bench: %v: ", c.Contender)))
	}
	return cause
}

// enters asks for the kernel entries so far. The answer costs the server a few of its own, so it is asked
// outside of the time in which its CPU is counted.
func (c *child) enters() (uint64, error) {
	if !c.counts {
		return 0, nil
	}
	if _, err := io.WriteString(c.in, "stats\n"); err != nil {
		return 0, err
	}
	line, err := c.readLine()
	if err != nil {
		return 0, err
	}
	value := strings.TrimPrefix(line, "stats ")
	if value == "-" {
		c.counts = false
		return 0, nil
	}
	return strconv.ParseUint(value, 10, 64)
}

// stop asks the server to end, and kills it when it does not.
func (c *child) stop() {
	if c.cmd == nil || c.cmd.Process == nil {
		return
	}
	_ = c.in.Close()
	timer := time.AfterFunc(stopLimit, func() { _ = c.cmd.Process.Kill() })
	defer timer.Stop()
	_ = c.cmd.Wait() // whether it ended by itself does not matter any more
	c.cmd = nil
}
