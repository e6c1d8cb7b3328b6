// Package http1 reads and writes HTTP/1.1 messages for a proxy, without doing any I/O.
//
// A [Request] or [Response] is fed the bytes that have arrived, from the first byte of the message on, as
// often as more arrive, and answers with the length of the head once the head is complete. What it found is
// kept as offsets into those bytes, so the buffer may be moved between calls. A [Body] is then fed what
// follows and says which parts of it are payload.
// [Request.AppendForward] and [Response.AppendForward] write the head that goes to the other side: the
// field lines that are not hop-by-hop are copied in as few runs as the dropped ones leave. Nothing is
// allocated per message, and no decision depends on how the bytes were cut into pieces: after any prefix of
// a message the answer is the same, whether the prefix came at once or byte by byte. Bytes behind len(buf)
// are never read.
//
// No type here may be used by two goroutines at once.
//
// # What is refused
//
// A message that two readers could understand differently is an error, never a guess. An [Error] carries
// the status to answer: 400 where nothing else is said below, and 502 for everything that an upstream sends
// wrong. After an error the connection cannot be used any more.
//
//   - Lines end in CRLF. A bare CR or LF, a NUL, any other control character except a tab within a value,
//     and a folded line are errors (RFC 9112 2.2, 5.2; RFC 9110 5.5). One empty line before a request is
//     skipped (RFC 9112 2.2).
//   - A request line is method SP target SP version with single spaces (RFC 9112 3). The version is
//     HTTP/1.0 or HTTP/1.1 in capitals; a later one of HTTP/1 is taken for HTTP/1.1 (RFC 9110 2.5), and
//     another well-formed version is 505. A method of more than 32 bytes is 501, a request line longer than
//     [Limits].LineBytes is 414.
//   - A target has only visible ASCII and no '#', and a path has no '%' without two hexadecimal digits
//     (RFC 3986 2.1). The asterisk form is for OPTIONS, the authority form for CONNECT, which must name a
//     port and has no other form. The absolute form has the scheme http or https, no user information, and
//     its authority replaces Host (RFC 9112 3.2.2).
//   - HTTP/1.1 has exactly one Host field, HTTP/1.0 at most one. Its value is a name of unreserved
//     characters and sub-delimiters without escapes, or a bracketed IPv6 address, with an optional port of
//     one to five digits (RFC 9112 3.2). An empty port is taken off.
//   - A field line is a name of token characters, a colon directly behind it, and a value (RFC 9112 5.1).
//     More than [Limits].Headers fields, a line over LineBytes or a head over HeadBytes is 431.
//   - Content-Length is at most once there, and is digits only, at most 19, within an int64 (RFC 9112
//     6.3). Leading zeros are accepted because the value is written anew when it is forwarded.
//   - Transfer-Encoding is at most once there, is "chunked" in any case, never beside Content-Length and
//     never in HTTP/1.0 (RFC 9112 6.1). A list that ends in chunked after other codings is 501, any other
//     value 400.
//   - A chunk size is one to sixteen hexadecimal digits within an int64, the line behind it a CRLF or
//     extensions, which are dropped, are free of control characters and have at most 4096 bytes more than the
//     payload that they go with (RFC 9112 7.1, 7.1.1). In a response spaces and tabs may stand between, since some servers write
//     them; in a request they are an error.
//   - Content_Length and Transfer_Encoding are errors: applications that get field names as variables take them
//     for the fields that frame the message (RFC 3875 4.1.18).
//   - CONNECT and TRACE have no content (RFC 9110 9.3.6, 9.3.8).
//   - An Expect field other than 100-continue is 417 (RFC 9110 10.1.1).
//
// # What is not forwarded
//
// Connection and the fields that it names, Keep-Alive, Proxy-Connection, TE, Trailer, Transfer-Encoding,
// Upgrade, Proxy-Authenticate and Proxy-Authorization end here (RFC 9110 7.6.1). Content-Length and
// Transfer-Encoding are written anew from the framing that was decided, so that the next reader sees the
// framing this package saw. Connection cannot name Host away. Expect ends here where there is no content to
// wait for. Of a trailer section, fields that concern framing, routing, authentication or the content are
// dropped (RFC 9110 6.5.1), those of [Vouches], and those that Connection names.
//
// Each rule is shown by rows of package http1test, form by form, as they are judged here and through the gate.
package http1
