//go:build linux && !unio_nouring

package uringengine

import (
	"errors"
	"os"
	"syscall"
	"time"

	"github.com/unio-go/unio/internal/sys"
)

// netpoll sleeps on a ring's descriptor in Go's network poller: the goroutine parks, its thread goes on with others.
type netpoll struct {
	file  *os.File
	conn  syscall.RawConn
	timed bool // a deadline is set
	ready func() bool
	slept bool
	check func(uintptr) bool
}

// newNetpoll watches a duplicate of fd, so that the ring can be closed on its own. ready says when it is useless to sleep.
func newNetpoll(fd int, ready func() bool) (*netpoll, error) {
	dup, err := sys.Dup(fd)
	if err != nil {
		return nil, err
	}
	// os.NewFile hands only non-blocking descriptors to the network poller. An enter does not look at the flag.
	if err := sys.SetNonblock(dup, true); err != nil {
		sys.CloseFD(dup)
		return nil, err
	}
	p := &netpoll{file: os.NewFile(uintptr(dup), "io_uring"), ready: ready}
	p.check = p.checkOnce
	if err := p.file.SetReadDeadline(time.Time{}); err != nil {
		p.file.Close()
		return nil, err
	}
	if p.conn, err = p.file.SyscallConn(); err != nil {
		p.file.Close()
		return nil, err
	}
	return p, nil
}

// wait sleeps until the ring has completions, wake is called, or d has passed; a negative d means no limit. It does not
// sleep when ready says so, which is asked after the poller was told to notice what happens from now on.
func (p *netpoll) wait(d time.Duration) error {
	switch {
	case d >= 0:
		p.timed = true
		p.file.SetReadDeadline(time.Now().Add(d))
	case p.timed:
		p.timed = false
		p.file.SetReadDeadline(time.Time{})
	}
	p.slept = false
	if p.ready() {
		return nil
	}
	err := p.conn.Read(p.check)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		p.timed = true // by wake, perhaps
		return nil
	}
	return err
}

// checkOnce is true the second time: one sleep is all.
func (p *netpoll) checkOnce(uintptr) bool {
	again := p.slept
	p.slept = true
	return again || p.ready()
}

// wake ends a wait: its deadline has passed. Any goroutine may call it.
func (p *netpoll) wake() { p.file.SetReadDeadline(time.Unix(1, 0)) }

func (p *netpoll) close() error { return p.file.Close() }
