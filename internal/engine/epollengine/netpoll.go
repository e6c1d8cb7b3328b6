//go:build linux && !unio_noepoll

package epollengine

import (
	"errors"
	"os"
	"syscall"
	"time"

	"github.com/unio-go/unio/internal/sys"
)

// netpoll sleeps in the Go runtime's network poller, which watches the epoll descriptor as it would a
// socket: the loop's goroutine parks and its thread is free for others.
type netpoll struct {
	e     *Engine
	file  *os.File
	conn  syscall.RawConn
	look  func(uintptr) bool
	timed bool // a deadline is set
	n     int
	errno syscall.Errno
}

// newNetpoll takes e.ep over, which is closed on an error: an os.File that is let go of closes its number when it is
// collected, whoever has that by then.
func newNetpoll(e *Engine) (*netpoll, error) {
	// NewFile hands a descriptor to the poller only when it is non-blocking.
	if err := sys.SetNonblock(e.ep, true); err != nil {
		sys.CloseFD(e.ep)
		return nil, err
	}
	p := &netpoll{e: e, file: os.NewFile(uintptr(e.ep), "epoll")}
	var err error
	if p.conn, err = p.file.SyscallConn(); err != nil {
		p.file.Close()
		return nil, err
	}
	if err := p.file.SetReadDeadline(time.Time{}); err != nil { // fails when it is not pollable
		p.file.Close()
		return nil, err
	}
	p.look = p.collect
	return p, nil
}

// collect is called by the poller at first and at each edge; true ends the wait.
func (p *netpoll) collect(uintptr) bool {
	p.n, p.errno = sys.EpollPoll(p.e.ep, p.e.events[:])
	p.e.stats.enters++
	return p.n > 0 || p.errno != 0
}

// wait collects events and parks for at most d until there are some.
func (p *netpoll) wait(d time.Duration) (int, syscall.Errno) {
	p.n, p.errno = 0, 0
	if d >= 0 {
		p.timed = true
		p.file.SetReadDeadline(time.Now().Add(d))
	} else if p.timed {
		p.timed = false
		p.file.SetReadDeadline(time.Time{})
	}
	err := p.conn.Read(p.look)
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) && p.errno == 0 {
		p.errno = syscall.EBADF
	}
	return p.n, p.errno
}

func (p *netpoll) close() error { return p.file.Close() }
