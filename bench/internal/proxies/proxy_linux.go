package proxies

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/unio-go/unio/bench/internal/host"
	"github.com/unio-go/unio/bench/internal/process"
)

const (
	// startLimit bounds the wait for a proxy to listen, stopLimit the wait for it to end after it was asked to.
	startLimit = 10 * time.Second
	stopLimit  = 3 * time.Second
	// startProbe is the pause between two looks at whether it listens.
	startProbe = 5 * time.Millisecond
)

// proxy is a running contender, or a part of one.
type proxy struct {
	Contender
	launch
	id      int // the load generator's name for it
	process *process.Process
	session host.Session
}

// start runs a launch on a CPU and waits until it listens at all its doors.
func start(c Contender, l launch, self string, cpu, id int) (*proxy, error) {
	cmd := host.Command(self, cpu, l.prog, l.args...)
	cmd.Env = append(os.Environ(), l.env...)
	cmd.SysProcAttr.Pdeathsig = syscall.SIGTERM // of which nginx' workers hear
	child, err := process.Start(cmd, 2*stopLimit)
	if err != nil {
		return nil, err
	}
	p := &proxy{Contender: c, launch: l, id: id, process: child, session: host.Session(child.PID())}
	end := time.Now().Add(startLimit)
	for d, at := range l.doors {
		for at.IsValid() && !listens(at.String()) {
			_, err := p.session.Members()
			switch {
			case err != nil:
				return nil, p.failure(errors.New("it ended before it listened"))
			case time.Now().After(end):
				p.stop()
				return nil, p.failure(fmt.Errorf("it does not listen (%v) after %v", door(d), startLimit))
			}
			time.Sleep(startProbe)
		}
	}
	return p, nil
}

// listens reports whether somebody takes connections.
func listens(addr string) bool {
	c, err := net.DialTimeout("tcp", addr, startLimit)
	if err != nil {
		return false
	}
	c.Close()
	return true
}

// failure is why a proxy did not start, in its own words where it has some.
func (p *proxy) failure(cause error) error {
	if said := p.process.Said(); said != "" {
		return errors.New(said)
	}
	return cause
}

// stop asks the proxy to end, and makes an end with all its processes when it does not.
func (p *proxy) stop() {
	_ = syscall.Kill(p.process.PID(), syscall.SIGTERM) // it may have ended
	timer := time.AfterFunc(stopLimit, func() { _ = syscall.Kill(-p.process.PID(), syscall.SIGKILL) })
	defer timer.Stop()
	_ = p.process.Stop() // whether it ended by itself does not matter any more
}
