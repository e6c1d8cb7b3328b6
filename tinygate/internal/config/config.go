package config

import (
	"net/netip"
	"time"
)

// Config is all that a gate is told. It is not changed after it was loaded; a reload brings a new one.
type Config struct {
	Engine    string // auto, uring, epoll or std; only a restart changes it
	Loops     int    // 0: as many as CPUs may be used; only a restart changes it
	HugePages string // auto, on or off; only a restart changes it
	Listeners []*Listener
	Routes    []*Route    // in the order of the file
	Upstreams []*Upstream // by name
	Trusted   []netip.Prefix
	TrustUnix bool // who connects to a Unix socket is trusted too
	Forwarded Forwarded
	Limits    Limits
	Times     Times
	Drain     time.Duration // how long connections of an old configuration or an ending program may go on
	Access    AccessLog
	LogLevel  string // of the program's own log: debug, info, warn or error
	Admin     Admin

	// Warnings are what the file says without effect or with a risk, each as FILE:LINE:COLUMN: TEXT. They do not keep
	// the gate from serving.
	Warnings []string

	file   string           // as it was given to Load or Parse
	places map[string]place // where the file names a file that Check looks at
}

// Listener is a place where clients connect.
type Listener struct {
	Address       string         // HOST:PORT, :PORT or unix:PATH
	TLS           *ServerTLS     // nil: plain
	ProxyProtocol bool           // each connection begins with a PROXY header, version 1 or 2
	ProxyFrom     []netip.Prefix // who may send one; others are closed. This or ProxyUnix is required with ProxyProtocol
	ProxyUnix     bool           // the listener is a Unix socket, and who may connect to it may send one
	DeferAccept   bool           // the kernel keeps a connection back until its first bytes are there; no Unix socket
}

// ServerTLS is TLS towards clients.
type ServerTLS struct {
	Certificates []Certificate // the first one serves clients whose name no other fits
	MinVersion   uint16        // tls.VersionTLS12 or tls.VersionTLS13
	ClientCA     string        // a file of certificates; "": clients are not asked for one
	ClientAuth   ClientAuth
	TicketTime   time.Duration // how often the key of session tickets changes; 0: no tickets
}

// Certificate is a pair of PEM files. They are read again when they change.
type Certificate struct{ Cert, Key string }

// ClientAuth says what a client without a good certificate gets.
type ClientAuth uint8

// The values of ClientAuth.
const (
	ClientAuthNone     ClientAuth = iota
	ClientAuthOptional            // served; a certificate that is sent has to be good
	ClientAuthRequired            // refused in the handshake
)

// Route says which requests it is for and what is done with them. Of the routes that fit a request the one with the
// most specific host wins, among these the one with the most specific path, and among these the first in the file whose
// other conditions hold. A route without a condition fits all that its host and path fit.
type Route struct {
	Name string // for logs and metrics; the file may leave it out, then it is made of host and path

	Hosts   []string // lower case, without port: exact names, "*.example.com" for all names below; none: any host
	Path    Path
	Methods []string
	Headers []Match // all have to hold
	Query   []Match
	Clients []netip.Prefix // the client's address, as trusted proxies tell it; none: any
	Scheme  string         // "http" or "https", as trusted proxies tell it; "": any. Redirect.HTTPS comes with "http"

	// What is done: exactly one of these.
	Upstream *Upstream
	Redirect *Redirect
	Answer   *Answer

	Rewrite   *Rewrite // of the path, for Upstream and Redirect
	Request   Edit     // of the fields that go to the upstream; Set may have a Host, without variables
	Response  Edit     // of the fields that go to the client
	BodyBytes int64    // of a request; 0: no bound. Limits.BodyBytes where the route says nothing
	HalfClose bool     // Limits.HalfClose where the route says nothing
	Buffer    Buffer
	Times     Times // of this route; all are filled in
	Retry     Retry
	NoLog     bool // leave such requests out of the access log
}

// PathKind says how a path is compared.
type PathKind uint8

// The kinds of paths, least specific first.
const (
	PathAny     PathKind = iota
	PathPrefix           // "/api/": this path and all below; "/api" also fits "/api/x" but not "/apix"
	PathPattern          // "/users/*/posts" and "/files/**": "*" is one segment that is not empty, "**" at the end any rest
	PathExact
)

// Path is a condition on the path of a request, without its query.
type Path struct {
	Kind PathKind
	Text string
}

// Match is a condition on a header field or a parameter of the query. Name is lower case for fields.
type Match struct {
	Name   string
	Value  string // the whole value, where Any is false
	Any    bool   // it has to be there, with whatever value
	Absent bool   // it must not be there
}

// Redirect answers with another address.
type Redirect struct {
	Status int    // 301, 302, 303, 307 or 308
	To     string // "https://host/path", "/path", or with ${scheme}, ${host}, ${path}, ${query} and Dollar
	HTTPS  bool   // to the same host, path and query by https; To is empty
}

// Answer is a response of our own.
type Answer struct {
	Status int
	Type   string // Content-Type
	Body   string
}

// Rewrite changes the path that goes on. One of the three.
type Rewrite struct {
	Strip string // a prefix that is taken off; the rest begins with "/"
	Add   string // a prefix that is put before, after Strip
	Path  string // the new path, in place of all
}

// Edit changes header fields. Values may have ${client_address}, ${request_id}, ${scheme}, ${host}, ${path}, ${method},
// ${upstream}, ${server_name}, ${client_cert_subject}, ${client_cert_verify}, and Dollar. First those of Remove are taken out, then
// Set replaces, then Add adds.
type Edit struct {
	Remove []string // names
	Set    []Field
	Add    []Field
}

// Field is a header field.
type Field struct{ Name, Value string }

// Buffer says what is held back until it is whole, so that a slow side does not hold the other. What does not fit into
// Bytes is streamed.
type Buffer struct {
	Request, Response bool
	Bytes             int
}

// Retry says when a request is sent again, to another server where there is one. A request that was sent is repeated only
// if its method is idempotent (RFC 9110 9.2.2) and all of its body is at hand.
type Retry struct {
	Tries   int   // at most so many in all; 1: never again
	Connect bool  // when no connection could be made: nothing was sent, so any method
	Reset   bool  // when the connection ended before the first byte of a response
	Status  []int // when the response has one of these
	Timeout bool  // when no response came in time
	// Budget bounds retries to a share of the requests of an upstream, in percent, and ten a second beside that.
	Budget int
}

// Balance says how a server is chosen.
type Balance uint8

// The ways to choose a server.
const (
	RoundRobin Balance = iota // smooth, by weight
	LeastConnections
	RandomTwo // the less busy of two that are drawn
	Hash      // Maglev: the same key gets the same server, and few keys move when servers come and go
)

// HashKey is what a Hash balance is by.
type HashKey uint8

// The keys of a Hash balance.
const (
	HashAddress HashKey = iota // the client's
	HashHeader
	HashCookie
	HashPath
)

// Upstream is a group of servers that serve the same.
type Upstream struct {
	Name     string
	Own      bool // a route has made it by naming servers; Name is their addresses
	Servers  []Server
	Balance  Balance
	HashKey  HashKey
	HashName string // of the header field, lower case, or the cookie
	Health   *Health
	Eject    Eject
	Pool     Pool
	TLS      *ClientTLS    // nil: plain
	DNS      time.Duration // how often names are resolved again
}

// Server is one address, or a name that may stand for several.
type Server struct {
	Address string // HOST:PORT or unix:PATH
	Weight  int    // 1 to 1000
	Backup  bool   // gets requests only when no other can take them
}

// Health is an active check of each server.
type Health struct {
	HTTP      bool // else a connection is enough
	Path      string
	Host      string // the Host field; "": the server's address
	StatusMin int
	StatusMax int
	Interval  time.Duration // with a tenth of jitter
	Timeout   time.Duration
	Rise      int // good checks until a server is used again
	Fall      int // bad checks until it is not used
}

// Eject is what failures of requests do to a server.
type Eject struct {
	Failures int           // in a row; 0: never
	For      time.Duration // the first time; twice as long with each further time, to eight times
	Return   time.Duration // how long the share of a server that comes back takes to grow to its weight
	Percent  int           // of an upstream's servers that may be ejected at once
}

// Pool bounds connections to a server.
type Pool struct {
	Idle    time.Duration // how long one is kept that is not used
	IdleMax int           // kept by each loop for each server
	Max     int           // requests of each server at a time; 0: no bound. Others wait for their turn
	Wait    time.Duration // how long they wait
}

// ClientTLS is TLS towards servers.
type ClientTLS struct {
	CA         string // a file; "": the system's
	ServerName string // "": the host of the address
	Cert, Key  string // what we show; "": nothing
	Insecure   bool   // any certificate is taken
	MinVersion uint16
}

// Forwarded says what is done with the field of RFC 7239.
type Forwarded struct {
	Send bool // servers get it, beside the X-Forwarded fields
	Read bool // trusted proxies append to it, and not to X-Forwarded-For
}

// Limits bound what clients may send and use. Zero has no special meaning but where it says so.
type Limits struct {
	HeadBytes   int
	LineBytes   int
	Headers     int
	BodyBytes   int64 // of a request; 0: no bound
	Connections int   // of clients, in all; 0: no bound
	PerClient   int   // connections of one address; 0: no bound
	RequestsMax int   // on one connection; 0: no bound
	HalfClose   bool  // a client that ends its side after its request waits for the response; false: it has gone
}

// Times bound waits.
type Times struct {
	Handshake time.Duration // TLS with a client
	Header    time.Duration // for the rest of a request head, from its first byte
	Idle      time.Duration // for the next request of a client
	Body      time.Duration // for the next piece of a body, either way
	Connect   time.Duration // for a connection to a server, its TLS handshake included
	Response  time.Duration // for a response head after the request was sent
	Try       time.Duration // for a response head from the beginning of a try; 0: no bound
	Total     time.Duration // for all of a request and its response; 0: no bound
	Tunnel    time.Duration // for silence on both sides after a change of protocol
}

// AccessLog says where requests are noted.
type AccessLog struct {
	Path   string // a file that is opened again by SIGUSR1, "stdout", "stderr"; "": none
	Format string // "json", "combined" as Apache writes it, or text with ${...} and Dollar
}

// Admin is where the program can be asked and told.
type Admin struct {
	Address string // unix:PATH or a loopback HOST:PORT; "": none
}
