package cluster

import (
	"math"
	"time"
)

// budget is one loop's part of what bounds the retries of a cluster. Requests and retries are kept as sums in which each
// fades with its age, to 1/e after budgetWindow: a sliding window without edges. Requests are only counted, and are taken
// as evenly spread over the time since the last look, so that they need no clock.
type budget struct {
	requests, retries float64
	last              time.Time
}

// may reports whether one more retry is within percent of the recent requests or within this loop's part of budgetFloor,
// and counts it if so. News is how many requests there were since the last call. The first retry is always allowed, so that
// many loops do not make parts that allow none.
func (b *budget) may(now time.Time, news uint64, percent, loops int) bool {
	window := budgetWindow.Seconds()
	age := 0.0 // in windows; at the first look there is nothing that could have faded
	if !b.last.IsZero() {
		age = max(now.Sub(b.last).Seconds()/window, 0)
	}
	fades := math.Exp(-age)
	spread := 1.0 // how much is left on average of what came during that time: the mean of the fading
	if age > 1e-9 {
		spread = (1 - fades) / age
	}
	b.requests = b.requests*fades + float64(news)*spread
	b.retries *= fades
	b.last = now
	allowed := b.requests*float64(percent)/100 + budgetFloor*window/float64(loops)
	if b.retries >= allowed {
		return false
	}
	b.retries++
	return true
}
