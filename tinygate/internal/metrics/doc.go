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
//	tinygate_requests_total{route,class}                 class: 1xx to 5xx, or none when no response was sent
//	tinygate_request_duration_seconds{route}             histogram
//	tinygate_received_bytes_total{route}                 of bodies of requests
//	tinygate_sent_bytes_total{route}                     of bodies of responses
//	tinygate_requests_in_flight
//	tinygate_client_connections                          open now
//	tinygate_client_connections_total                    accepted
//	tinygate_client_connections_refused_total{reason}
//	tinygate_tls_handshakes_total{version}               that succeeded
//	tinygate_tls_handshakes_failed_total
//	tinygate_upstream_requests_total{upstream,server}
//	tinygate_upstream_failures_total{upstream,server,kind}
//	tinygate_upstream_retries_total{upstream,server}     requests that were sent to this server as a further try
//	tinygate_server_ejections_total{upstream,server}
//	tinygate_server_healthy{upstream,server}             1 or 0
//	tinygate_server_requests_in_flight{upstream,server}
//	tinygate_server_connections{upstream,server,state}   state: open (all) or idle
//	tinygate_certificate_expiry_timestamp_seconds{certificate}
//	tinygate_access_log_dropped_lines_total
//	tinygate_config_reloads_total{result}                result: ok or failed
//	tinygate_config_last_reload_success_timestamp_seconds
//	tinygate_info{version,goversion}                     1
//	tinygate_engine_info{engine,goroutines,kernel,reason}  1
//	tinygate_io_...                                      counters of the runtime, see unio.Stats
//
// and the Go and process collectors of client_golang.
package metrics
