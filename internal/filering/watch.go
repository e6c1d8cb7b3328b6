//go:build linux && !unio_nouring

package filering

import (
	"errors"
	"os"
	"syscall"
	"time"

	"github.com/unio-go/unio/internal/sys"
	"github.com/unio-go/unio/uring"
)

// watchTime is how long the reaper goes on to watch a ring to which nothing is handed any more. While it watches, somebody
// waits in Go's network poller, and the scheduler asks that poller whenever a P has nothing to do: that was 4 % of the CPU of
// a goroutine that commits by system calls. To rest at once would have it called, and perhaps a thread woken, for every
// operation that finds nothing in flight.
const watchTime = 10 * time.Millisecond

// watch calls the reaper if something is in flight and it rests.
func (f *flow) watch() {
	f.at(pointWatch, nil)
	if f.watching.Load() {
		return
	}
	f.at(pointFlying, nil)
	if f.side.begun() == f.side.ended() {
		return
	}
	f.at(pointCall, nil)
	if f.watching.CompareAndSwap(false, true) {
		f.called <- struct{}{} // the one before was taken: the reaper rests only after that
	}
}

// rest is for the reaper when it was not signalled for a while. It reports whether the reaper is to wait for a call now.
func (f *flow) rest() bool {
	if begun := f.side.begun(); begun != f.seen {
		f.seen = begun
		return false
	}
	f.at(pointRest, nil)
	f.watching.Store(false)
	f.at(pointRested, nil)
	if f.side.begun() == f.side.ended() {
		return true
	}
	f.at(pointResume, nil)
	return !f.watching.CompareAndSwap(false, true) // else somebody has called
}

// signal has the ring signal an eventfd that Go's network poller watches, edge by edge: nobody has to read it.
func (s *shard) signal(ring *uring.Ring) error {
	fd, err := sys.Eventfd()
	if err != nil {
		return err
	}
	s.event = os.NewFile(uintptr(fd), "eventfd")
	err = errors.Join(ring.RegisterEventfd(fd), ring.SetEventfdEnabled(true), s.event.SetReadDeadline(time.Time{}))
	if err != nil {
		s.event.Close()
	}
	return err
}

// reaper looks at completions whenever the ring has signalled some, while it watches.
func (s *shard) reaper() {
	defer s.ended.Done()
	conn, err := s.event.SyscallConn()
	if err != nil {
		return // closed already
	}
	for {
		select {
		case <-s.called:
			for s.reapFor(conn, watchTime) && !s.rest() {
			}
		case <-s.quit:
			return
		}
	}
}

// reapFor looks at completions at once and whenever there is a signal, for a while. It sleeps in the network poller, which
// notices signals that come while it looks. It is false when the shard closes.
func (s *shard) reapFor(conn syscall.RawConn, d time.Duration) bool {
	s.event.SetReadDeadline(time.Now().Add(d))
	select {
	case <-s.quit: // else the deadline that close sets comes after this one
		return false
	default:
	}
	conn.Read(func(uintptr) bool {
		if s.reap(s.reaps) {
			s.kick()
		}
		return false
	})
	return true
}
