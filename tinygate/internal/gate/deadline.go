package gate

import (
	"errors"
	"net"
	"time"
)

// longAgo is a deadline that has passed: a wait for data ends at once, and so does one for what is still to be sent.
var longAgo = time.Unix(1, 0)

// by is the deadline for a wait that begins now and is bounded by d. The limit of the whole exchange bounds it too.
func (x *exchange) by(now time.Time, d time.Duration) time.Time {
	t := now.Add(d)
	if !x.end.IsZero() && t.After(x.end) {
		return x.end
	}
	return t
}

// tryBy is by, bounded by the limit of a try too.
func (x *exchange) tryBy(now time.Time, d time.Duration) time.Time {
	t := x.by(now, d)
	if by := x.from.Add(x.times.Try); x.times.Try > 0 && by.Before(t) {
		return by
	}
	return t
}

// over reports whether the limit of all has been reached, which says nothing of who was slow.
func (x *exchange) over(now time.Time) bool { return !x.end.IsZero() && !now.Before(x.end) }

func isTimeout(err error) bool {
	if err == nil {
		return false // without an allocation
	}
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}
