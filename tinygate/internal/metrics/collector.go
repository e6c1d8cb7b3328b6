package metrics

import (
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/unio-go/unio"
)

// desc describes a series of this program.
func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("tinygate_"+name, help, labels, nil)
}

// The series, in the order of the documentation.
var (
	requestsDesc    = desc("requests_total", "Requests that have ended, by the class of the status.", "route", "class")
	durationDesc    = desc("request_duration_seconds", "Time from the first byte of a request to the end of its response.", "route")
	receivedDesc    = desc("received_bytes_total", "Bytes of the bodies of requests.", "route")
	sentDesc        = desc("sent_bytes_total", "Bytes of the bodies of responses.", "route")
	goneDesc        = desc("requests_abandoned_total", "Requests whose client left before its response was complete (499).")
	inFlightDesc    = desc("requests_in_flight", "Requests that have begun and not ended.")
	clientsDesc     = desc("client_connections", "Connections of clients that are open.")
	acceptedDesc    = desc("client_connections_total", "Connections of clients that were accepted.")
	refusedDesc     = desc("client_connections_refused_total", "Connections of clients that were closed at once.", "reason")
	handshakesDesc  = desc("tls_handshakes_total", "TLS handshakes with clients that succeeded.", "version")
	badHandshakes   = desc("tls_handshakes_failed_total", "TLS handshakes with clients that failed.")
	upstreamDesc    = desc("upstream_requests_total", "Requests for which a server was chosen: each try, also one that did not reach it.", "upstream", "server")
	failuresDesc    = desc("upstream_failures_total", "Tries at a server that failed.", "upstream", "server", "kind")
	retriesDesc     = desc("upstream_retries_total", "Requests that a server got as a further try.", "upstream", "server")
	ejectionsDesc   = desc("server_ejections_total", "Times that failures of requests took a server out.", "upstream", "server")
	healthyDesc     = desc("server_healthy", "Whether a server is up: 1, or 0 where it is down by its checks, ejected or drained.", "upstream", "server")
	serverBusyDesc  = desc("server_requests_in_flight", "Requests that wait for a server or its response.", "upstream", "server")
	poolDesc        = desc("server_connections", "Connections to a server: all, and the idle ones of them.", "upstream", "server", "state")
	certificateDesc = desc("certificate_expiry_timestamp_seconds", "When a certificate expires, in seconds since 1970.", "certificate")
	droppedDesc     = desc("access_log_dropped_lines_total", "Lines of the access log that were lost because its file was slow.")
	reloadsDesc     = desc("config_reloads_total", "Loads of a configuration.", "result")
	reloadedDesc    = desc("config_last_reload_success_timestamp_seconds", "When one was loaded last, in seconds since 1970.")
	infoDesc        = desc("info", "The program.", "version", "goversion")
	engineDesc      = desc("engine_info", "Which engine does the I/O, and why.", "engine", "goroutines", "kernel", "reason")
)

// stat is a figure of the runtime.
type stat struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	get  func(s *unio.Stats) float64
}

func total(name, help string, get func(s *unio.Stats) uint64) stat {
	return stat{desc("io_"+name+"_total", help), prometheus.CounterValue, func(s *unio.Stats) float64 { return float64(get(s)) }}
}

func gauge(name, help string, get func(s *unio.Stats) int64) stat {
	return stat{desc("io_"+name, help), prometheus.GaugeValue, func(s *unio.Stats) float64 { return float64(get(s)) }}
}

var stats = []stat{
	gauge("connections", "Connections of the runtime that are open.", func(s *unio.Stats) int64 { return s.Conns }),
	gauge("tasks", "Tasks that run or are parked.", func(s *unio.Stats) int64 { return s.Tasks }),
	gauge("pending_operations", "Operations that are in the kernel.", func(s *unio.Stats) int64 { return s.Pending }),
	gauge("multishot_requests", "Multishot requests that are armed.", func(s *unio.Stats) int64 { return s.Multishots }),
	gauge("buffers", "Buffers in use.", func(s *unio.Stats) int64 { return s.BuffersOut }),
	gauge("buffers_bytes", "Memory in use by buffers.", func(s *unio.Stats) int64 { return s.BufferBytes }),
	total("turns", "Turns of the loops.", func(s *unio.Stats) uint64 { return s.Turns }),
	total("enters", "Entries into the kernel for I/O.", func(s *unio.Stats) uint64 { return s.Enters }),
	total("operations", "Operations that were completed.", func(s *unio.Stats) uint64 { return s.Ops }),
	total("rearms", "Multishot requests that were armed again.", func(s *unio.Stats) uint64 { return s.Rearms }),
	total("buffer_waits", "Receives that had to wait for a buffer.", func(s *unio.Stats) uint64 { return s.NoBuffers }),
	total("copied_pieces", "Pieces that were copied because buffers were scarce.", func(s *unio.Stats) uint64 { return s.Copied }),
	total("mails", "Messages to loops from outside.", func(s *unio.Stats) uint64 { return s.Mails }),
	total("panics", "Panics that were recovered in tasks.", func(s *unio.Stats) uint64 { return s.Panics }),
	total("stalls", "Times that a task held its loop beyond the limit.", func(s *unio.Stats) uint64 { return s.Stalls }),
	total("batch_waits", "Entries that waited for further completions.", func(s *unio.Stats) uint64 { return s.BatchWaits }),
}

// collector reads the counters when they are scraped.
type collector struct{ m *Metrics }

// Describe lists the series.
func (collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		requestsDesc, durationDesc, receivedDesc, sentDesc, goneDesc, inFlightDesc, clientsDesc, acceptedDesc, refusedDesc, handshakesDesc,
		badHandshakes, upstreamDesc, failuresDesc, retriesDesc, ejectionsDesc, healthyDesc, serverBusyDesc, poolDesc,
		certificateDesc, droppedDesc, reloadsDesc, reloadedDesc, infoDesc, engineDesc,
	} {
		ch <- d
	}
	for _, s := range stats {
		ch <- s.desc
	}
}

// out is where metrics go.
type out chan<- prometheus.Metric

func (o out) counter(d *prometheus.Desc, v uint64, labels ...string) {
	o <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
}

func (o out) gauge(d *prometheus.Desc, v float64, labels ...string) {
	o <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

// Collect sends the present values.
func (c collector) Collect(ch chan<- prometheus.Metric) {
	m, o := c.m, out(ch)
	m.mu.Lock()
	o.routes(m)
	m.mu.Unlock()
	o.clients(m)
	o.program(m)
	s := m.sources.Load()
	if s.Servers != nil {
		o.status(s.Servers())
	}
	if s.Certificates != nil {
		o.certificates(s.Certificates())
	}
	if s.Dropped != nil {
		o.counter(droppedDesc, s.Dropped())
	}
	if s.Report != nil {
		r := s.Report()
		o.gauge(engineDesc, 1, string(r.Engine), string(r.Goroutines), text(r.Kernel), text(r.Reason))
	}
	if s.Stats != nil {
		v := s.Stats()
		for i := range stats {
			o <- prometheus.MustNewConstMetric(stats[i].desc, stats[i].kind, stats[i].get(&v))
		}
	}
}

// InFlight is how many requests have begun and not ended. Those that have ended are counted in the cells of the routes.
func (m *Metrics) InFlight() int64 {
	var began, ended uint64
	var sum routeSum
	for _, l := range m.loops {
		for _, r := range *l.routes.Load() {
			ended += sum.add(r)
		}
		began += l.began.Load() // after the cells, so that none has ended before it began
	}
	return int64(began - min(began, ended))
}

// routes sends what was counted by route.
func (o out) routes(m *Metrics) {
	sums := make([]routeSum, len(m.routes.all))
	for _, l := range m.loops {
		for i, r := range *l.routes.Load() {
			sums[i].add(r)
		}
	}
	o.gauge(inFlightDesc, float64(m.InFlight()))
	for _, i := range m.routes.shown {
		sums[i].send(o, m.routes.all[i])
	}
}

// routeSum is a route in all loops.
type routeSum struct {
	classes           [classes]uint64
	buckets           [buckets]uint64
	duration, in, out uint64
}

// add adds what one loop has, and returns how many requests that is.
func (s *routeSum) add(r *route) (n uint64) {
	for class := range r.cells {
		for bucket := range r.cells[class] {
			v := r.cells[class][bucket].Load()
			s.classes[class] += v
			s.buckets[bucket] += v
			n += v
		}
	}
	s.duration += r.duration.Load()
	s.in += r.in.Load()
	s.out += r.out.Load()
	return n
}

func (s *routeSum) send(o out, name string) {
	name = text(name)
	for i, v := range s.classes {
		o.counter(requestsDesc, v, name, classNames[i])
	}
	upTo := make(map[float64]uint64, len(bounds))
	var n uint64
	for i, v := range s.buckets {
		n += v
		if i < len(bounds) {
			upTo[bounds[i].Seconds()] = n
		}
	}
	o <- prometheus.MustNewConstHistogram(durationDesc, n, time.Duration(s.duration).Seconds(), upTo, name)
	o.counter(receivedDesc, s.in, name)
	o.counter(sentDesc, s.out, name)
}

// clients sends what was counted for connections of clients.
func (o out) clients(m *Metrics) {
	var opened, closed, bad, gone uint64
	var refused [refusals]uint64
	var versions [len(versionNames)]uint64
	for _, l := range m.loops {
		closed += l.closed.Load()
		opened += l.opened.Load()
		bad += l.tlsBad.Load()
		gone += l.gone.Load()
		for i := range refused {
			refused[i] += l.refused[i].Load()
		}
		for i := range versions {
			versions[i] += l.tls[i].Load()
		}
	}
	o.gauge(clientsDesc, float64(opened-min(opened, closed)))
	o.counter(acceptedDesc, opened)
	o.counter(badHandshakes, bad)
	o.counter(goneDesc, gone)
	for i, v := range refused {
		o.counter(refusedDesc, v, refusalNames[i])
	}
	for i, v := range versions {
		o.counter(handshakesDesc, v, versionNames[i])
	}
}

// program sends what is about the process.
func (o out) program(m *Metrics) {
	o.counter(reloadsDesc, m.reloads[0].Load(), "failed")
	o.counter(reloadsDesc, m.reloads[1].Load(), "ok")
	if at := m.reloaded.Load(); at != 0 {
		o.gauge(reloadedDesc, float64(at)/1e9)
	}
	o.gauge(infoDesc, 1, text(m.version), runtime.Version())
}
