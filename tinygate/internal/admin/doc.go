// Package admin lets a running program be asked and told: by HTTP on a Unix socket or a loopback address, and by the
// commands of the program, which talk to it.
//
//	GET  /            the endpoints
//	GET  /status      version, engine, listeners, connections, configuration
//	GET  /upstreams   the servers and their health
//	GET  /inflight    requests that are being served, the oldest first, at most 1000
//	GET  /log-level   the level of the program's log
//	GET  /metrics     for Prometheus
//	GET  /health      200, or 503 when the program is ending, for a load balancer before it
//	POST /drain       {"upstream": NAME, "server": ADDRESS}: no new requests for a server
//	POST /undrain     the same, back again
//	POST /reload      {}: read the configuration again; 422 and what is wrong where it cannot be used
//	POST /log-level   {"level": LEVEL}
//
// Answers are JSON, except for /metrics. An error is {"error": TEXT} with a status that says whose fault it is; 404 and
// 405 tell what there is.
//
// # Who may
//
// There is no authentication. The socket has the mode 0600, so that only its user and root may connect; a TCP address has to be
// a loopback one, and then each user of the machine may. A page in a browser may not: a request with an Origin is refused,
// POST requires the type application/json, which a form cannot send, and on TCP the Host has to be a loopback name, since a
// page's own name can be made to lead to 127.0.0.1 (DNS rebinding).
//
// # What is never shown
//
// Query strings, header fields and their values, bodies, keys, and the contents of configuration files. Requests in flight
// have method, host and path; a path is shown up to a '?'. Whoever has secrets in paths has them in the log as well.
package admin
