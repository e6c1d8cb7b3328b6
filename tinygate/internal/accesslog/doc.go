// Package accesslog writes a line for each request, off the hot path and in bounded memory.
//
// Each loop has a [Writer] with two buffers of 1 MiB. [Writer.Add] formats a line into the one that is being filled and
// publishes how far it has come; it takes no lock, allocates nothing for a line and never waits. One goroutine writes the
// buffers to the file: a full one at once, and what stands in the others every second. Where it is behind, because all
// CPUs are busy or the disk is slow, a loop gets further buffers, up to 8 MiB, and gives them up when they are not needed.
// When these are full too, lines are dropped and counted, and the next line that gets through tells how many were lost
// before it. A file that cannot be written, because its disk is full, is the same as a slow one: the lines wait in the
// buffers, and the goroutine tries again every second. Where the kernel can, large writes leave nothing in the page cache.
//
// Lines of one loop are in order; those of several loops are in the file buffer by buffer, so a reader that needs
// the order sorts by time.
//
// # Formats
//
// The format "json", which is the default, writes one object a line. A text that is empty is left out, and so are tries
// and upstream_duration when no upstream was asked:
//
//	time               when the request began, RFC 3339 in UTC with milliseconds
//	client             the address of the client
//	method, host       as in the request
//	path, query        of the target as the client sent it, before any rewrite; query without '?'
//	protocol           "HTTP/1.1" and so on
//	status             of the response; 499 when the client went before it was complete, as nginx has it; 0 when there was none
//	bytes_sent         of the response's body
//	bytes_received     of the request's body
//	duration           seconds from the first byte of the request to the end of the response
//	route              the name of the route
//	upstream, server   who answered, or was tried last
//	upstream_duration  seconds from the beginning of the last try to the head of its response
//	tries              how many servers were asked
//	request_id
//	user_agent, referer
//	tls                "1.2" or "1.3"
//	error              why the request failed
//	truncated          true: texts were cut so that the line fits a buffer
//	dropped            lines of this loop that were lost before this one
//
// Another format is text with ${name} for each of the names up to error. A text that is empty is written as "-". There are also
// ${request}, the request line (method, target and protocol), ${local_time}, the time as Apache writes it, and
// ${combined}, Apache's combined format; the format "combined" is the same as "${combined}". A "$" that no "{" follows
// stands for itself. Before a line that follows lost ones stands a line "# 17 lines dropped".
//
// # What clients send is hostile
//
// No line can be broken, forged or made to control a terminal by what a client sends. In JSON, quotes, backslashes,
// control characters (C1 and DEL too) and the line separators of Unicode are escaped, and each byte that is not UTF-8 becomes
// \ufffd. In text, quotes, backslashes and everything that is not printable ASCII become \xNN, as nginx does (manual of
// ngx_http_log_module, escape=default). Spaces are kept: put quotes around what may have them.
//
// # What is secret
//
// Authorization, Cookie and all other header fields except User-Agent and Referer are not part of an entry and can not
// be logged. Query strings are written as they were sent; where they carry tokens, use a text format without ${query},
// ${request}, ${combined} and ${referer}, for a referer has the query of another page. The file is created with mode 0640.
package accesslog
