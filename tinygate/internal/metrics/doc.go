// Package metrics counts what the gate does and exposes it to Prometheus.
//
// Each loop counts in a [Loop] of its own, and its counters are added up when they are scraped, so no two loops write the
// same cache line. A count is an atomic addition, though only one loop writes: a load and a store cost as much on amd64,
// where an atomic store is an exchange and locks too (BenchmarkCount shows both), and an addition stays right if a
// count ever comes from elsewhere. What a request needs is three of them, because its class and the bucket of its
// duration are one cell.
//
// Figures that others keep, of servers, certificates, the access log and the runtime, are asked for at each scrape
// through [Sources].
//
// # Numbers
//
// Routes are counted by number. [Metrics.SetRoutes] gives a name its number for the life of the process, so
// that counters go on over a reload, and a request that began under an old configuration is counted where it belongs.
// Only the names that were set last are exposed. Servers are counted by those who choose them, and start anew when they
// come back after they were removed. Label values come from the configuration and from fixed lists, never
// from what clients send.
//
// # Series
//
// Those of the gate are listed in docs/tinygate.md. Beside them are counters of the runtime, tinygate_io_..., see unio.Stats, and
// the Go and process collectors of client_golang.
package metrics
