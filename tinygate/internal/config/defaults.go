package config

import (
	"crypto/tls"
	"math"
	"time"

	"github.com/unio-go/unio/tinygate/internal/http1"
)

// timesDefault is for programs that answer within a minute and clients that are people, browsers and programs on any
// network.
var timesDefault = Times{
	// Two round trips and a signature; a phone that loses a packet twice still gets there.
	Handshake: 10 * time.Second,
	// A head comes in one piece from honest clients. This is what a slowloris can hold a connection for.
	Header: 10 * time.Second,
	// What nginx has (keepalive_timeout): longer than browsers pause between the pages of one visit.
	Idle: 75 * time.Second,
	// As nginx (client_body_timeout, proxy_read_timeout): for the next piece, so that long transfers go on.
	Body: 60 * time.Second,
	// Two lost SYNs are sent again within 3 s (tcp_syn_retries of tcp(7): 1 s, then 2 s).
	Connect: 5 * time.Second,
	// As nginx (proxy_read_timeout). Most programs answer far earlier, the rest are reports and uploads.
	Response: 60 * time.Second,
	// No bound that would end a long download or an event stream; Response and Body end what is stuck.
	Try:   0,
	Total: 0,
	// What the manual of haproxy recommends for WebSocket (timeout tunnel).
	Tunnel: time.Hour,
}

// dayMax bounds waits: longer ones are mistakes of a unit.
const dayMax = 24 * time.Hour

// limitsDefault hold off what only an attacker sends. What honest clients may need more or less of is not bounded.
var limitsDefault = Limits{
	// Cookies of large sites take 8 KiB; nginx allows 32 KiB (large_client_header_buffers), haproxy 16 KiB (tune.bufsize).
	HeadBytes: 16 << 10,
	LineBytes: 8 << 10, // as nginx and Apache: one line may be half of all
	Headers:   100,     // as Apache (LimitRequestFields); browsers send about 20
	// A body is streamed and costs no memory here; what is too large for the program behind, it knows best.
	BodyBytes: 0,
	// What fits depends on the machine's memory and its limit of descriptors, which ends accepting by itself.
	Connections: 0,
	PerClient:   0, // an office or a mobile network is one address
	// A connection grows no memory with its requests, so there is nothing to gain by closing it.
	RequestsMax: 0,
	// As haproxy (abortonclose is off), unlike nginx: HTTP lets a client end its side (RFC 9112 9.6), and TCP does not tell that
	// from a client that has closed.
	HalfClose: true,
}

// bufferDefault streams: the first byte is not held back, and events of a server arrive when they are sent.
var bufferDefault = Buffer{Bytes: 64 << 10} // a socket's buffer more, where it is switched on

// retryDefault repeats what surely or very likely was not begun: there was no connection, or one from the pool was closed
// while the request was on its way.
var retryDefault = Retry{
	Tries:   2, // a second failure says that it is not the server
	Connect: true,
	Reset:   true,
	Budget:  20, // as Envoy (retry_budget) and Finagle: enough for one server of six, too few to topple the rest
}

// drainDefault is what Kubernetes gives a pod to end (terminationGracePeriodSeconds).
const drainDefault = 30 * time.Second

// ejectDefault takes a server out that fails all it gets, and leaves one alone that fails now and then.
var ejectDefault = Eject{
	Failures: 5,                // as Envoy (consecutive_5xx)
	For:      10 * time.Second, // as nginx (fail_timeout): a restart takes that long
	Return:   10 * time.Second, // time to fill caches and compile what is hot
	Percent:  50,               // when half fails it is not the servers, and the rest would not bear it
}

// poolDefault keeps connections, since making them costs more than the requests.
var poolDefault = Pool{
	Idle:    60 * time.Second, // below the 75 s after which nginx as a server closes, so that we are the one who closes
	IdleMax: 1024,             // more than a loop has in flight with one server at full load: making them anew costs more
	Max:     0,
	Wait:    5 * time.Second, // as long as for a connection: who waits longer has left
}

// healthDefault finds a dead server within 15 s and costs a server one request in 5 s.
var healthDefault = Health{
	HTTP:      true,
	Path:      "/",
	StatusMin: 200, // as nginx and haproxy: 2xx and 3xx
	StatusMax: 399,
	Interval:  5 * time.Second,
	Timeout:   2 * time.Second,
	Rise:      2, // one good answer can come from a program that is just dying
	Fall:      3, // one lost packet is not a death
}

// dnsDefault is what Kubernetes and cloud load balancers have as the time to live of their names.
const dnsDefault = 30 * time.Second

// tlsMinDefault: 1.0 and 1.1 are not to be used (RFC 8996).
const tlsMinDefault = tls.VersionTLS12

// ticketDefault bounds what a stolen key opens to the sessions of half a day (RFC 8446 8.1, RFC 9325 3.4).
const ticketDefault = 12 * time.Hour

const (
	weightMax      = 1000
	loopsMax       = 1024 // threads
	countMax       = math.MaxInt32
	headBytesMin   = 1 << 10 // what a browser sends without cookies
	headBytesMax   = http1.MaxHeadBytes
	headersMax     = http1.MaxHeaders
	headersMin     = 10
	bufferBytesMax = 64 << 20  // for each request that is held back
	answerBytesMax = 512 << 10 // it is sent in one buffer with its head, and one has 1 MiB
	triesMax       = 10
	failuresMax    = 1000
	idleMax        = 1 << 16 // a server has no more ports for one address of ours
)
