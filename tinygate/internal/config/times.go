package config

import (
	"math"
	"slices"
	"time"
)

// spanKey is a key with a time from lo to hi, or off where that has a meaning.
func spanKey[T any](name string, field func(*T) *time.Duration, lo, hi time.Duration, mayBeOff bool) key[T] {
	return key[T]{name, func(t *T, v value) { v.duration(field(t), lo, hi, mayBeOff) }}
}

// countKey is a key with a number from 1 to hi, or off.
func countKey[T any](name string, field func(*T) *int, hi int) key[T] {
	return key[T]{name, func(t *T, v value) { v.numberOrOff(field(t), hi) }}
}

// numberKey is a key with a number from lo to hi.
func numberKey[T any](name string, field func(*T) *int, lo, hi int) key[T] {
	return key[T]{name, func(t *T, v value) { v.number(field(t), lo, hi) }}
}

func flagKey[T any](name string, field func(*T) *bool) key[T] {
	return key[T]{name, func(t *T, v value) { v.flag(field(t)) }}
}

// waitMin is the least wait. Less is not told apart from nothing by timers and networks.
const waitMin = time.Millisecond

// requestTimes are the times of one request, which a route may have of its own.
var requestTimes = []key[Times]{
	spanKey("body", func(t *Times) *time.Duration { return &t.Body }, waitMin, dayMax, false),
	spanKey("connect", func(t *Times) *time.Duration { return &t.Connect }, waitMin, time.Hour, false),
	spanKey("response", func(t *Times) *time.Duration { return &t.Response }, waitMin, dayMax, false),
	spanKey("try", func(t *Times) *time.Duration { return &t.Try }, waitMin, dayMax, true),
	spanKey("total", func(t *Times) *time.Duration { return &t.Total }, waitMin, 7*dayMax, true),
	spanKey("tunnel", func(t *Times) *time.Duration { return &t.Tunnel }, waitMin, 30*dayMax, false),
}

var timesSection = newSection("times", append([]key[Times]{
	spanKey("handshake", func(t *Times) *time.Duration { return &t.Handshake }, waitMin, time.Hour, false),
	spanKey("header", func(t *Times) *time.Duration { return &t.Header }, waitMin, time.Hour, false),
	spanKey("idle", func(t *Times) *time.Duration { return &t.Idle }, waitMin, dayMax, false),
}, requestTimes...)...)

const (
	beforeRoute     = "it is at work before the route is known: write it into times at the top of the file"
	beforeRouteSize = "it is at work before the route is known: write it into limits at the top of the file"
)

var routeTimesSection = newSection("times of a route", requestTimes...).
	hint(map[string]string{"handshake": beforeRoute, "header": beforeRoute, "idle": beforeRoute})

func bodyBytes(into *int64, v value) { v.size(into, 1, math.MaxInt64, true) }

var limitsSection = newSection("limits",
	key[Limits]{"head", func(l *Limits, v value) { v.sizeInt(&l.HeadBytes, headBytesMin, headBytesMax) }},
	key[Limits]{"line", func(l *Limits, v value) { v.sizeInt(&l.LineBytes, headBytesMin, headBytesMax) }},
	numberKey("headers", func(l *Limits) *int { return &l.Headers }, headersMin, headersMax),
	key[Limits]{"body", func(l *Limits, v value) { bodyBytes(&l.BodyBytes, v) }},
	countKey("connections", func(l *Limits) *int { return &l.Connections }, countMax),
	countKey("per_client", func(l *Limits) *int { return &l.PerClient }, countMax),
	countKey("requests", func(l *Limits) *int { return &l.RequestsMax }, countMax),
	flagKey("half_close", func(l *Limits) *bool { return &l.HalfClose }),
)

const ofConnection = "it is of connections, which carry requests of many routes: write it into limits at the top of the file"

var routeLimitsSection = newSection("limits of a route",
	key[Route]{"body", func(r *Route, v value) { bodyBytes(&r.BodyBytes, v) }},
	flagKey("half_close", func(r *Route) *bool { return &r.HalfClose }),
).hint(map[string]string{
	"head": beforeRouteSize, "line": beforeRouteSize, "headers": beforeRouteSize,
	"connections": ofConnection, "per_client": ofConnection, "requests": ofConnection,
})

var bufferSection = newSection("buffer",
	flagKey("request", func(b *Buffer) *bool { return &b.Request }),
	flagKey("response", func(b *Buffer) *bool { return &b.Response }),
	key[Buffer]{"bytes", func(b *Buffer, v value) { v.sizeInt(&b.Bytes, headBytesMin, bufferBytesMax) }},
)

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
