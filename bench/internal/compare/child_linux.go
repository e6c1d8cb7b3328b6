package compare

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/unio-go/unio/bench/internal/host"
	"github.com/unio-go/unio/bench/internal/process"
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

	server *process.Process // nil: it does not run
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
	cmd := host.Command(self, cpu, prog)
	if prog == "" {
		cmd = host.Command(self, cpu, self, server.Verb, c.Contender.String())
		cmd.Env = append(os.Environ(), "GOMAXPROCS="+strconv.Itoa(c.procs))
	}
	p, err := process.Start(cmd, stopLimit)
	if err != nil {
		return err
	}
	c.server = p
	line, err := p.Line(startLimit)
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

// failure ends the process and says what it complained about.
func (c *child) failure(cause error) error {
	said := c.server.Said()
	c.server = nil
	if said == "" {
		return cause
	}
	return errors.New(strings.TrimPrefix(said, fmt.Sprintf("bench: %v: ", c.Contender)))
}

// enters asks for the kernel entries so far. The answer costs the server a few of its own, so it is asked
// outside of the time in which its CPU is counted.
func (c *child) enters() (uint64, error) {
	if !c.counts {
		return 0, nil
	}
	if _, err := io.WriteString(c.server, "stats\n"); err != nil {
		return 0, err
	}
	line, err := c.server.Line(startLimit)
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
	if c.server != nil {
		_ = c.server.Stop() // whether it ended by itself does not matter any more
		c.server = nil
	}
}
