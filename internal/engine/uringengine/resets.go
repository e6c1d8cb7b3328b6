//go:build linux && !unio_nouring

package uringengine

import (
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

// resetPolls is how many polls pass between two looks at the clock.
const resetPolls = 256

// suspects are the descriptors that have received since the last look.
type suspects struct {
	list  []*desc
	due   time.Time
	polls int
}

// suspect remembers a descriptor whose multishot has brought all that was there.
func (e *Engine) suspect(d *desc) {
	s := &e.suspects
	if len(s.list) == 0 {
		s.due = time.Now().Add(resetCheck)
	}
	d.flags |= suspected
	s.list = append(s.list, d)
}

// untilSuspects shortens a wait so that the next look is not late. A negative d means no limit.
func (e *Engine) untilSuspects(d time.Duration) time.Duration {
	if len(e.suspects.list) == 0 {
		return d
	}
	left := max(time.Until(e.suspects.due), 0)
	if d < 0 || left < d {
		return left
	}
	return d
}

// pollSuspects is lookAtSuspects now and then.
func (e *Engine) pollSuspects() {
	s := &e.suspects
	if s.polls++; s.polls >= resetPolls && len(s.list) > 0 {
		s.polls = 0
		e.lookAtSuspects()
	}
}

// lookAtSuspects asks each suspect's socket, when it is time, whether it has ended. One that has is armed anew by its
// cancellation, and then the kernel tells.
func (e *Engine) lookAtSuspects() {
	s := &e.suspects
	if len(s.list) == 0 || time.Now().Before(s.due) {
		return
	}
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
