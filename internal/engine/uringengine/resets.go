//go:build linux && !unio_nouring

package uringengine

import (
	"sync/atomic"
	"time"

	"github.com/unio-go/unio/internal/sys"
)

// A reset that the kernel has processed together with the last data before it can go unnoticed by a multishot receive:
// it has delivered the data, the socket says that nothing is left (tcp_inq_hint counts a FIN as one byte more, but not
// a reset), and the edge that it waits for next has passed. On 6.18 it happens to one of some thousand connections that
// are dropped so; TestDroppedConnectionsLeaveNothingBehind of the root package meets it. So a receive that has brought
// data and then nothing for resetCheck is looked after once: quiet connections are not asked again, and busy ones cost
// a system call each per second or so. A send that fails asks at once.

// resetCheck is how long such a reset may go unnoticed.
const resetCheck = 500 * time.Millisecond

// suspects are the descriptors that have received since the last look.
type suspects struct {
	list []*desc
	// alarm wakes the engine when it is time to look. It runs beside the waits instead of bounding them, because that
	// would have each wait read the clock and set a timer.
	alarm *time.Timer
	due   atomic.Bool
}

// suspect remembers a descriptor whose multishot has brought all that was there.
func (e *Engine) suspect(d *desc) {
	s := &e.suspects
	switch {
	case len(s.list) > 0:
	case s.alarm == nil:
		s.alarm = time.AfterFunc(resetCheck, func() {
			s.due.Store(true)
			e.Wake()
		})
	default:
		s.alarm.Reset(resetCheck)
	}
	d.flags |= suspected
	s.list = append(s.list, d)
}

// stop ends the alarm.
func (s *suspects) stop() {
	if s.alarm != nil {
		s.alarm.Stop()
	}
}

// lookAtSuspects asks each suspect's socket, when it is time, whether it has ended. One that has is armed anew by its
// cancellation, and then the kernel tells.
func (e *Engine) lookAtSuspects() {
	s := &e.suspects
	if !s.due.Load() {
		return
	}
	s.due.Store(false)
	for i, d := range s.list {
		s.list[i] = nil
		d.flags &^= suspected
		if d.closing != nil || e.table.find(d.tag) != d || d.flags&(armed|ending) != armed {
			continue
		}
		if ended, errno := sys.Ended(int(d.fd)); ended {
			if errno != 0 {
				d.reset = errno // to ask has taken it from the socket
			}
			e.cancelArmed(d, kindRecv)
		}
	}
	s.list = s.list[:0]
}
