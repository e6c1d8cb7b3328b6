package gate

import (
	"github.com/unio-go/unio/tinygate/internal/certs"
	"github.com/unio-go/unio/tinygate/internal/metrics"
)

// Certificates tells about the certificates that clients get, and about the authorities of clients, in the order of the
// listeners. It waits for a reload that is under way.
func (g *Gate) Certificates() (all []certs.Status) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, l := range g.listeners {
		if how := l.how.Load(); how.certs != nil {
			all = append(all, how.certs.Status()...)
		}
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
