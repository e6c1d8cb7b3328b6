package metrics

import (
	"crypto/tls"
	"sync/atomic"
	"time"
)

// counter is written by one loop.
type counter = atomic.Uint64

// Refusal is why a client's connection was closed before a request was served.
type Refusal uint8

// The reasons for a refusal.
const (
	RefusedLimit     Refusal = iota // there were too many connections
	RefusedPerClient                // there were too many of one address
	RefusedProxy                    // its PROXY header was wrong, or came from an address that may not send one
	refusals
)

var refusalNames = [refusals]string{"limit", "per_client", "proxy_header"}

// The classes of statuses: the first digit, and 0 for none.
const classes = 6

var classNames = [classes]string{"none", "1xx", "2xx", "3xx", "4xx", "5xx"}

// The versions of TLS that are told apart.
var versionNames = [...]string{"1.2", "1.3", "other"}

// route is what is counted for one route in one loop.
type route struct {
	cells    [classes][buckets]counter
	duration counter // nanoseconds
	in, out  counter
}

// Loop is what one loop counts. Its tasks alone may use it; no method blocks or allocates.
type Loop struct {
	routes  atomic.Pointer[[]*route] // grows; what is in it stays
	began   counter
	opened  counter
	closed  counter
	refused [refusals]counter
	tls     [len(versionNames)]counter
	tlsBad  counter
	gone    counter
	_       [64]byte // what follows in memory is another loop's
}

// StatusClientGone is the status of a request whose client left before it had its response. nginx logs the same.
const StatusClientGone = 499

// RequestBegan counts a request. Each one has to end by RequestEnded, for the difference is what is in flight.
func (l *Loop) RequestBegan() { l.began.Add(1) }

// RequestEnded counts a request: the route's number or NoRoute, the status of its response or 0 if none was sent, how
// long it took from its first byte, and the bytes of both bodies.
func (l *Loop) RequestEnded(number, status int, took time.Duration, in, out int64) {
	all := *l.routes.Load()
	if uint(number) >= uint(len(all)) {
		number = NoRoute
	}
	r := all[number]
	class := uint(status) / 100
	if class >= classes {
		class = 0
	}
	if status == StatusClientGone {
		l.gone.Add(1)
	}
	r.cells[class][bucketOf(took)].Add(1)
	if took > 0 {
		r.duration.Add(uint64(took))
	}
	if in > 0 {
		r.in.Add(uint64(in))
	}
	if out > 0 {
		r.out.Add(uint64(out))
	}
}

// ClientOpened counts a connection that was accepted and not refused.
func (l *Loop) ClientOpened() { l.opened.Add(1) }

// ClientClosed counts the end of a connection that was opened.
func (l *Loop) ClientClosed() { l.closed.Add(1) }

// ClientRefused counts a connection that was closed at once.
func (l *Loop) ClientRefused(why Refusal) {
	if why < refusals {
		l.refused[why].Add(1)
	}
}

// Handshake counts a TLS handshake with a client that succeeded.
func (l *Loop) Handshake(version uint16) {
	i := 2
	switch version {
	case tls.VersionTLS12:
		i = 0
	case tls.VersionTLS13:
		i = 1
	}
	l.tls[i].Add(1)
}

// HandshakeFailed counts a TLS handshake with a client that failed.
func (l *Loop) HandshakeFailed() { l.tlsBad.Add(1) }
