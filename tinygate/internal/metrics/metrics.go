package metrics

import (
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/unio-go/unio"
)

// NoRoute is the number for requests that fit no route, and for those that were refused before a route was sought.
const NoRoute = 0

// noRoute is the name in the label of NoRoute. No route has it, for a configuration may not give that name.
const noRoute = "(none)"

// Server names a server.
type Server struct{ Upstream, Address string }

// Failure is how a try at a server failed.
type Failure uint8

// The kinds of failures.
const (
	FailedConnect  Failure = iota // no connection could be made, or none was free in time
	FailedTLS                     // the handshake
	FailedTimeout                 // no response in time
	FailedReset                   // the connection ended before the response did
	FailedProtocol                // the response was not HTTP
	FailedStatus                  // the response has a status that counts as a failure
	Failures       = iota
)

var failureNames = [Failures]string{"connect", "tls", "timeout", "reset", "protocol", "status"}

// ServerStatus is what is known of a server when it is asked for. Counters are since the server was made.
type ServerStatus struct {
	Server
	Healthy   bool             // it gets requests
	InFlight  int64            // requests
	Requests  uint64           // that it was sent, further tries included
	Retries   uint64           // those of them that were sent elsewhere before
	Failures  [Failures]uint64 // by Failure
	Ejections uint64
	Open      int64 // connections, idle ones included
	Idle      int64
}

// Certificate is a certificate that is served.
type Certificate struct {
	Name     string // its file
	NotAfter time.Time
}

// Sources are asked at each scrape, by goroutines. One that is nil has no series.
type Sources struct {
	Servers      func() []ServerStatus
	Certificates func() []Certificate
	Dropped      func() uint64 // lines of the access log
	Stats        func() unio.Stats
	Report       func() unio.Report
}

// Metrics is what the process counts. Its methods may be called from any goroutine; they take a lock that no loop takes.
type Metrics struct {
	version  string
	loops    []*Loop
	registry *prometheus.Registry
	sources  atomic.Pointer[Sources]

	reloads  [2]atomic.Uint64 // failed, ok
	reloaded atomic.Int64     // nanoseconds since 1970 of the last one that was ok

	mu     sync.Mutex
	routes names
}

// names gives names numbers, for the life of the process.
type names struct {
	all     []string // by number
	numbers map[string]int
	shown   []int // the numbers of those that were set last, each once
}

// set gives each name its number, a new one if it has none.
func (n *names) set(list []string) []int {
	if n.numbers == nil {
		n.numbers = map[string]int{}
	}
	given := make([]int, len(list))
	n.shown = n.shown[:0]
	for i, name := range list {
		number, ok := n.numbers[name]
		if !ok {
			number = len(n.all)
			n.all = append(n.all, name)
			n.numbers[name] = number
		}
		given[i] = number
		if !slices.Contains(n.shown, number) {
			n.shown = append(n.shown, number)
		}
	}
	return given
}

// New makes the metrics of a process with so many loops. version is that of the program.
func New(version string, loops int) *Metrics {
	m := &Metrics{version: version, registry: prometheus.NewRegistry()}
	for range loops {
		l := &Loop{}
		l.routes.Store(new([]*route))
		m.loops = append(m.loops, l)
	}
	m.SetRoutes(nil)
	m.sources.Store(&Sources{})
	m.registry.MustRegister(collector{m}, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Loop returns the counters of a loop.
func (m *Metrics) Loop(i int) *Loop { return m.loops[i] }

// SetSources says where other figures come from.
func (m *Metrics) SetSources(s Sources) { m.sources.Store(&s) }

// SetRoutes says which routes there are now, and returns the number of each. A name that had a number keeps it and its
// counters; two routes of one name are counted together.
func (m *Metrics) SetRoutes(list []string) []int {
	m.mu.Lock()
	defer m.mu.Unlock()
	numbers := m.routes.set(append([]string{noRoute}, list...))
	for _, l := range m.loops {
		l.grow(len(m.routes.all))
	}
	return numbers[1:]
}

// grow has a loop count for n routes. The loop sees the old list or the new one, with the same counters.
func (l *Loop) grow(n int) {
	list := slices.Clone(*l.routes.Load())
	for len(list) < n {
		list = append(list, new(route))
	}
	l.routes.Store(&list)
}

// Reloaded counts a reload of the configuration, the first one at the start included.
func (m *Metrics) Reloaded(ok bool) {
	if !ok {
		m.reloads[0].Add(1)
		return
	}
	m.reloads[1].Add(1)
	m.reloaded.Store(time.Now().UnixNano())
}

// scrapesMax bounds how many scrapes are served at once; a scraper that asks again before it was answered waits for none.
const scrapesMax = 4

// Handler serves the metrics to Prometheus. A source that fails leaves out its series.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorHandling:       promhttp.ContinueOnError,
		MaxRequestsInFlight: scrapesMax,
		EnableOpenMetrics:   true,
	})
}
