// Package load is the load generator of the comparisons: one pinned thread that drives any number of
// connections over epoll with raw system calls and without allocation, so that the server stays the limit.
//
// Closed loop: each connection keeps a fixed number of messages under way, and an answer releases the next
// message. Open loop: messages are due at a fixed rate whatever the server does, and a latency counts from
// the due time, so a server that stalls is charged for everything that became due meanwhile.
//
// Every connection sends its own excerpt of one pseudo-random stream, so a verifying run can compare each
// echoed byte; a measuring run counts lengths.
package load
