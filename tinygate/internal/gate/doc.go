// Package gate is the reverse proxy: it takes requests from clients and forwards them to upstreams.
//
// Client and upstream connection of a request live on one loop, so nothing on a request's way is locked.
// A task serves a request in flight and not a connection: between requests a client's connection waits
// without a stack, and so do the upstream connections in the pool, which notice at once when the other
// side closes them. What is kept for each loop (pools, exchanges) is a shard, found by the number of the
// loop.
//
// # A client's connection
//
//	listen.go         a listener: it opens an address, accepts, and is closed
//	defer_linux.go    TCP_DEFER_ACCEPT, and defer_other.go
//	client.go         a connection: it waits, its requests are served, it lingers
//	crowd.go          limits of connections, in all and for each address
//	open.go           before the first request: PROXY header and TLS handshake
//	subject.go        the client's certificate, as header fields name it
//
// # A request and its response
//
//	exchange.go       from the head of the request to the end of the response
//	choose.go         the route, and the key of a hash balance
//	request.go        the head that the upstream gets, and a body that is held back
//	edits.go          header fields that are dropped, set and added
//	hops.go           Max-Forwards
//	forward.go        tries: a server is chosen, the request is sent, the outcome is told
//	retry.go          whether there is another try
//	turns.go          the wait for a server whose connections are all in use (pool.max)
//	upstream.go       connections to servers, and their pools
//	upload.go         the body of the request, sent by a task of its own
//	watch.go          whether the client is still there while a server is waited for
//	response.go       the response, passed on
//	tunnel.go         what follows 101 Switching Protocols
//	answer.go         responses of our own: errors, redirects, fixed answers
//	date.go           the Date field
//	note.go           the end: metrics and the line of the access log
//
// # What these stand on
//
//	source.go         reading a connection, buffer by buffer
//	body.go           carrying a body from one connection to another; buffers
//	held.go           a body that is held back
//	deadline.go       how long each wait may last
//
// # The gate as a whole
//
//	gate.go           start and end, the loops
//	site.go           a configuration, compiled
//	reload.go         another configuration
//	drain.go          connections that are closed at the end, or after their listener
//	admin.go          what the admin API asks
//	metrics.go        what the metrics ask
//	accesslog.go      the access log, across reloads
//	log.go            the program's log, at most so many lines a second
package gate
