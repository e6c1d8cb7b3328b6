package config

import "time"

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

const beforeRoute = "it is at work before the route is known: write it into times at the top of the file"

var routeTimesSection = newSection("times of a route", requestTimes...).
	hint(map[string]string{"handshake": beforeRoute, "header": beforeRoute, "idle": beforeRoute})
