package config

import "slices"

var retrySection = newSection("retry",
	numberKey("tries", func(r *Retry) *int { return &r.Tries }, 1, triesMax),
	key[Retry]{"on", readRetryOn},
	key[Retry]{"budget", func(r *Retry, v value) { v.percent(&r.Budget) }},
)

// readRetry reads the keys of retry, or off.
func readRetry(r *Retry, v value) {
	if v.is(off) {
		r.Tries = 1
		return
	}
	retrySection.fill(r, v)
}

// readRetryOn reads when to try again. What is given replaces all that was there.
func readRetryOn(r *Retry, v value) {
	const want = "some of connect, reset, timeout, and statuses such as 503 or 502-504"
	r.Connect, r.Reset, r.Timeout, r.Status = false, false, false, nil
	for _, e := range v.list(want) {
		s, ok := e.text(want)
		switch {
		case !ok:
		case s == "connect":
			r.Connect = true
		case s == "reset":
			r.Reset = true
		case s == "timeout":
			r.Timeout = true
		case s != "" && isDigit(s[0]):
			e.retryStatus(r)
		default:
			e.fail("%q is no reason; %swrite %s", s, guess(s, []string{"connect", "reset", "timeout"}), want)
		}
	}
	slices.Sort(r.Status)
	r.Status = slices.Compact(r.Status)
}

// retryStatus adds a status or a range. Below 400 nothing has failed.
func (v value) retryStatus(r *Retry) {
	from, to, ok := v.statuses(400, 599)
	if !ok {
		return
	}
	for s := from; s <= to; s++ {
		r.Status = append(r.Status, s)
	}
}
