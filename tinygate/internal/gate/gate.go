package gate

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/tinygate/internal/accesslog"
	"github.com/unio-go/unio/tinygate/internal/certs"
	"github.com/unio-go/unio/tinygate/internal/cluster"
	"github.com/unio-go/unio/tinygate/internal/config"
	"github.com/unio-go/unio/tinygate/internal/metrics"
	"github.com/unio-go/unio/tinygate/internal/requestid"
)

// Gate forwards requests. New makes it and opens its listeners, Start serves them; Reload gives it another configuration. It ends with
// Close, after its runtime.
type Gate struct {
	rt      *unio.Runtime
	log     *slog.Logger
	servers *cluster.Set
	metrics *metrics.Metrics
	shards  []*shard
	site    atomic.Pointer[site]
	ending  atomic.Bool
	crowd   crowd
	opened  atomic.Int64 // connections to servers that were made
	lasting atomic.Int64 // and those that are open
	broken  chan error   // why a listener has ended by itself
	started bool

	mu        sync.Mutex // of Start, Reload and Close
	logs      accessLogs
	first     *config.Config // what the program was started with
	clients   *certs.Clients // of the configuration that was read last
	listeners []*listener
	tickets   map[tickets]*certs.Tickets
	expelling []*time.Timer
}

// shard is what belongs to one loop.
type shard struct {
	g       *Gate
	loop    int
	log     limitedLog
	access  atomic.Pointer[accesslog.Writer] // nil: no access log
	entry   accesslog.Entry                  // of the line that is being added: here it stays in the cache
	metrics *metrics.Loop
	ids     *requestid.Source
	date    date
	spare   []*exchange // not in use
	clients []*client   // all that are connected
	left    []*client   // whose memory is for others
}

// New makes a gate of a configuration that config has found good. Its listeners are open, and nobody is served yet.
func New(rt *unio.Runtime, cfg *config.Config, log *slog.Logger) (*Gate, error) {
	loops := rt.Report().Loops
	g := &Gate{rt: rt, log: log, metrics: metrics.New(version(), loops), broken: make(chan error, 1)}
	g.servers = cluster.New(loops, log, &cluster.Options{TLS: g.clientTLS, Gone: g.forget})
	for i := range loops {
		g.shards = append(g.shards, &shard{
			g: g, loop: i, log: limitedLog{to: log}, metrics: g.metrics.Loop(i), ids: requestid.New(),
		})
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, err := g.adopt(cfg); err != nil {
		g.servers.Close()
		return nil, err
	}
	g.metrics.Reloaded(true)
	g.metrics.SetSources(metrics.Sources{
		Servers: g.serverFigures, Certificates: g.certificates, Dropped: g.logs.dropped, Stats: rt.Stats, Report: rt.Report,
	})
	return g, nil
}

// Start serves the clients of the listeners.
func (g *Gate) Start() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.started = true
	for _, l := range g.listeners {
		go l.serve(g)
	}
}

// Failed gives the reason why a listener has ended by itself, if one does.
func (g *Gate) Failed() <-chan error { return g.broken }

// Config is the configuration that is served. It is not to be changed.
func (g *Gate) Config() *config.Config { return g.site.Load().cfg }

// Opened is how many connections to servers have been made.
func (g *Gate) Opened() int64 { return g.opened.Load() }

// Close ends what a gate does beside serving: checks, names, logs. The runtime has been closed before.
func (g *Gate) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.servers.Close()
	for _, l := range g.listeners {
		l.retire()
	}
	g.listeners = nil
	g.dropTickets()
	for _, t := range g.expelling {
		t.Stop()
	}
	return g.logs.now().Close()
}

// exchangesSpareMax bounds the exchanges that a loop keeps for later, of 5 KB each, to what a busy one has in flight.
const exchangesSpareMax = 1024

// get takes an exchange.
func (sh *shard) get() *exchange {
	if n := len(sh.spare); n > 0 {
		x := sh.spare[n-1]
		sh.spare = sh.spare[:n-1]
		return x
	}
	return &exchange{sh: sh}
}

// put gives an exchange back.
func (sh *shard) put(x *exchange) {
	if len(sh.spare) < exchangesSpareMax {
		sh.spare = append(sh.spare, x)
	}
}

// askLimit is how long a loop may take to answer. One that a task holds is named by the runtime's own watchdog.
const askLimit = 2 * time.Second

// onEachLoop has fn run as a task of each loop, and waits for all of them.
func (g *Gate) onEachLoop(fn func(*shard)) error {
	done := make(chan struct{}, len(g.shards))
	for _, sh := range g.shards {
		err := g.rt.GoOn(sh.loop, func() {
			fn(sh)
			done <- struct{}{}
		})
		if err != nil {
			return err
		}
	}
	late := time.After(askLimit)
	for range g.shards {
		select {
		case <-done:
		case <-late:
			return fmt.Errorf("a loop has not answered within %v", askLimit)
		}
	}
	return nil
}

// clientTLS is what checks connect with. It is called with mu held, while a configuration is taken.
func (g *Gate) clientTLS(t *config.ClientTLS, host string) *tls.Config {
	cfg, err := g.clients.Config(t, host)
	if err != nil {
		// The files could be read when the configuration was taken. Without them the handshake of the check fails.
		return &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	}
	return cfg
}

// version is that of the program, as its build knows it.
func version() string {
	if b, ok := debug.ReadBuildInfo(); ok && b.Main.Version != "" {
		return b.Main.Version
	}
	return "unknown"
}
