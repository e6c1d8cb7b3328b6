// Package proxies compares reverse proxies for HTTP: tinygate on each engine, nginx, haproxy, and what Go programs do it with,
// httputil.ReverseProxy and fasthttp.
//
// All proxies are up at once on one CPU. Load generator and upstream share another, and are the same for all. The proxies are loaded in
// turn, in shuffled order, for slices so short that a change of the machine's speed meets all of them. What is compared is CPU time
// per request of all processes of a proxy, as a ratio within one round.
//
// Every byte of every answer is compared, and the upstream compares every byte of every request's body. A slice in which anything
// was wrong is void: it is told, and has no figures.
//
// Samples are kept as a file in the Go benchmark format, headed by the configuration of each proxy. Tables, check, drawing and report
// are made from the file only, so each of them can be made again.
package proxies
