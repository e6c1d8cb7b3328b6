// Package load is the load generator of the comparisons, for echo servers and for HTTP: one pinned thread that drives any
// number of connections over epoll with raw system calls and without allocation, so that the server stays the limit. Only
// connections with TLS have a goroutine each, since crypto/tls waits by itself.
//
// Closed loop: each connection keeps a fixed number of messages under way, and an answer releases the next
// message. Open loop: messages are due at a fixed rate whatever the server does, and a latency counts from
// the due time, so a server that stalls is charged for everything that became due meanwhile.
//
// To an echo server every connection sends its own excerpt of one pseudo-random stream, and an HTTP request is the same
// each time, so a verifying run can compare each byte that comes back; a measuring run counts lengths.
package load
