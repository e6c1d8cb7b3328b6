package gate

import (
	"net/http"

	"github.com/unio-go/unio/tinygate/internal/cluster"
	"github.com/unio-go/unio/tinygate/internal/metrics"
)

// Metrics serves the figures to Prometheus.
func (g *Gate) Metrics() http.Handler { return g.metrics.Handler() }

// Refused counts a configuration that was not good enough to be given to Reload.
func (g *Gate) Refused() { g.metrics.Reloaded(false) }

// failures are the kinds in the metrics of what the cluster counts.
var failures = map[cluster.Outcome]metrics.Failure{
	cluster.ConnectFailed: metrics.FailedConnect,
	cluster.NoDescriptor:  metrics.FailedConnect,
	cluster.TLSFailed:     metrics.FailedTLS,
	cluster.Timeout:       metrics.FailedTimeout,
	cluster.Reset:         metrics.FailedReset,
	cluster.BadResponse:   metrics.FailedProtocol,
	cluster.StatusRetried: metrics.FailedStatus,
}

// serverFigures is what the metrics say of servers. One whose name has no address yet goes by its name.
func (g *Gate) serverFigures() (all []metrics.ServerStatus) {
	for _, s := range g.servers.Status() {
		m := metrics.ServerStatus{
			Server:  metrics.Server{Upstream: s.Upstream, Address: s.Addr},
			Healthy: s.State == cluster.Up, InFlight: s.InFlight, Requests: s.Requests, Retries: s.Retries,
			Ejections: s.Ejections, Open: s.Connections, Idle: s.Idle,
		}
		if s.Addr == "" {
			m.Address = s.Server
		}
		for outcome, kind := range failures {
			m.Failures[kind] += s.Outcomes[outcome]
		}
		all = append(all, m)
	}
	return all
}

// certificates is Certificates for the metrics.
func (g *Gate) certificates() (all []metrics.Certificate) {
	for _, s := range g.Certificates() {
		all = append(all, metrics.Certificate{Name: s.Cert, NotAfter: s.NotAfter})
	}
	return all
}
