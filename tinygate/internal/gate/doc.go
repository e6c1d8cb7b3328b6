// Package gate is the reverse proxy: it takes requests from clients and forwards them to upstreams.
//
// Client and upstream connection of a request live on one loop, so nothing on a request's way is locked.
// A task serves a request in flight and not a connection: between requests a client's connection waits
// without a stack, and so do the upstream connections in the pool, which notice at once when the other
// side closes them. What is kept for each loop (pools, exchanges) is a shard, found by the number of the
// loop.
package gate
