package metrics

import "strings"

// text makes s fit a label, which is UTF-8; a file's name need not be.
func text(s string) string { return strings.ToValidUTF8(s, "\ufffd") }

// status sends what is known of servers. An address that is listed twice is one server, for a series may be there
// only once.
func (o out) status(list []ServerStatus) {
	var order []Server
	sums := map[Server]*ServerStatus{}
	for i := range list {
		s := list[i]
		s.Server = Server{text(s.Upstream), text(s.Address)}
		sum := sums[s.Server]
		if sum == nil {
			sums[s.Server] = &s
			order = append(order, s.Server)
			continue
		}
		sum.Healthy = sum.Healthy || s.Healthy
		sum.InFlight += s.InFlight
		sum.Requests += s.Requests
		sum.Retries += s.Retries
		for k, n := range s.Failures {
			sum.Failures[k] += n
		}
		sum.Ejections += s.Ejections
		sum.Open += s.Open
		sum.Idle += s.Idle
	}
	for _, name := range order {
		s := sums[name]
		healthy := 0.0
		if s.Healthy {
			healthy = 1
		}
		o.gauge(healthyDesc, healthy, name.Upstream, name.Address)
		o.gauge(serverBusyDesc, float64(s.InFlight), name.Upstream, name.Address)
		o.gauge(poolDesc, float64(s.Open), name.Upstream, name.Address, "open")
		o.gauge(poolDesc, float64(s.Idle), name.Upstream, name.Address, "idle")
		o.counter(upstreamDesc, s.Requests, name.Upstream, name.Address)
		o.counter(retriesDesc, s.Retries, name.Upstream, name.Address)
		for k, n := range s.Failures {
			o.counter(failuresDesc, n, name.Upstream, name.Address, failureNames[k])
		}
		o.counter(ejectionsDesc, s.Ejections, name.Upstream, name.Address)
	}
}

// certificates sends when certificates end. Of those with one name the one that ends first counts.
func (o out) certificates(list []Certificate) {
	first := map[string]Certificate{}
	for _, c := range list {
		c.Name = text(c.Name)
		if was, ok := first[c.Name]; !ok || c.NotAfter.Before(was.NotAfter) {
			first[c.Name] = c
		}
	}
	for name, c := range first {
		o.gauge(certificateDesc, float64(c.NotAfter.Unix()), name)
	}
}
