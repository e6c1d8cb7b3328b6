package http1

import "strconv"

// RequestOut says how a request head is sent on. [Request.Out] gives the one that changes nothing.
type RequestOut struct {
	Target   []byte  // nil: what was received, the absolute form as origin form
	Host     []byte  // nil: the effective host; in HTTP/1.0 that may be none, and an empty Host is sent
	Extra    []byte  // whole field lines, each with its CRLF, whose soundness is the caller's to see to
	Body     Framing // not FramingClose
	Length   int64   // for FramingLength
	Upgrade  bool    // pass the request's Upgrade on
	Trailers bool    // pass "TE: trailers" on
	Close    bool    // ask the upstream to close the connection
}

// Out returns what sends r on with its framing. Upgrade is not set: which protocols may pass is the
// caller's policy, and "h2c" should not.
func (r *Request) Out() RequestOut {
	return RequestOut{Body: r.Body, Length: r.ContentLength, Trailers: r.Trailers}
}

// headSlack is more than all that the builders add of their own: status line, names and digits of framing
// and connection.
const headSlack = 192

// ForwardMax returns a capacity with which AppendForward need not grow its destination.
func (r *Request) ForwardMax(o *RequestOut) int {
	return r.end + len(o.Target) + len(o.Host) + len(o.Extra) + headSlack
}

// AppendForward appends the head that goes to the upstream: the request line in HTTP/1.1, the field lines
// that are not dropped in their order, then Host if it changed, framing, connection, Extra and the empty
// line. head is what Parse read; o's fields must not contain line breaks other than those of Extra.
func (r *Request) AppendForward(dst, head []byte, o *RequestOut) []byte {
	dropped := r.dropped
	host := o.Host
	if host != nil {
		r.DropID(IDHost)
	} else if r.HostReplaced || !r.Has(IDHost) {
		host = r.Host.Of(head)
	}
	i := 0
	if o.Target == nil && r.minor == 1 && !r.later && r.Form != FormAbsolute {
		i = r.nextDropped(0)
		dst = append(dst, head[r.start:r.lineOff(i)]...)
	} else {
		dst = append(dst, r.MethodName.Of(head)...)
		dst = append(dst, ' ')
		if o.Target != nil {
			dst = append(dst, o.Target...)
		} else {
			dst = r.appendTarget(dst, head)
		}
		dst = append(dst, " HTTP/1.1\r\n"...)
	}
	dst = r.appendRuns(dst, head, i)
	r.dropped = dropped
	if host != nil || !r.Has(IDHost) {
		dst = append(append(append(dst, "Host: "...), host...), "\r\n"...)
	}
	dst = appendFraming(dst, o.Body, o.Length)
	dst = r.appendConnection(dst, head, o)
	if o.Body == FramingChunked && r.trailer.Len() > 0 {
		dst = append(append(append(dst, "Trailer: "...), r.trailer.Of(head)...), "\r\n"...)
	}
	dst = append(dst, o.Extra...)
	return append(dst, "\r\n"...)
}

// appendTarget writes the target in the form that an origin server gets (RFC 9112 3.2.1, 3.2.4).
func (r *Request) appendTarget(dst, head []byte) []byte {
	if r.Form != FormAbsolute {
		return append(dst, r.Target.Of(head)...)
	}
	if r.Path.Len() == 0 {
		if r.Method == MethodOptions && r.Path.End == r.Target.End {
			return append(dst, '*')
		}
		dst = append(dst, '/')
	}
	return append(dst, head[r.Path.Off:r.Target.End]...)
}

func (r *Request) appendConnection(dst, head []byte, o *RequestOut) []byte {
	upgrade := o.Upgrade && r.Upgrade.Len() > 0
	if upgrade {
		dst = append(append(append(dst, "Upgrade: "...), r.Upgrade.Of(head)...), "\r\n"...)
	}
	if o.Trailers {
		dst = append(dst, "TE: trailers\r\n"...)
	}
	if !upgrade && !o.Trailers && !o.Close {
		return dst
	}
	dst = append(dst, "Connection:"...)
	sep := " "
	for _, option := range [...]struct {
		on   bool
		name string
	}{{o.Close, "close"}, {upgrade, "upgrade"}, {o.Trailers, "TE"}} {
		if option.on {
			dst = append(append(dst, sep...), option.name...)
			sep = ", "
		}
	}
	return append(dst, "\r\n"...)
}

// Connection is what the client is told about its connection.
type Connection uint8

// The values of Connection.
const (
	ConnectionImplied   Connection = iota // no field: the connection stays open in HTTP/1.1
	ConnectionClose                       // it is closed after this response
	ConnectionKeepAlive                   // it stays open, for a client of HTTP/1.0
	ConnectionUpgrade                     // the protocol changes: for 101, with its Upgrade field
)

// ResponseOut says how a response head is sent on. [Response.Out] gives the one that fits a request.
type ResponseOut struct {
	Extra      []byte // whole field lines, each with its CRLF, whose soundness is the caller's to see to
	Body       Framing
	Length     int64 // of the Content-Length to write; -1 for none
	Connection Connection
}

// Out returns what answers q with r; both must have been parsed. A body that ends with the upstream's connection is chunked for a
// client of HTTP/1.1, so that its connection stays open; a chunked one ends with the connection for a client of HTTP/1.0. The second must not get interim responses (RFC 9110 15.2).
func (r *Response) Out(q *Request) ResponseOut {
	o := ResponseOut{Body: r.Body, Length: -1}
	switch {
	case r.Body == FramingLength:
		o.Length = r.ContentLength
	case r.Body == FramingChunked || r.Body == FramingClose:
		o.Body = FramingChunked
		if q.minor == 0 {
			o.Body = FramingClose
		}
	case r.request == MethodHead && r.Status >= 200 && r.Status != 204 || r.Status == 304:
		o.Length = r.ContentLength
	}
	switch {
	case r.Status == 101:
		o.Connection = ConnectionUpgrade
	case r.Interim() || r.Tunnel:
	case !q.KeepAlive || o.Body == FramingClose:
		o.Connection = ConnectionClose
	case q.minor == 0:
		o.Connection = ConnectionKeepAlive
	}
	return o
}

// ForwardMax returns a capacity with which AppendForward need not grow its destination.
func (r *Response) ForwardMax(o *ResponseOut) int { return r.end + len(o.Extra) + headSlack }

// AppendForward appends the head that goes to the client: the status line in HTTP/1.1, the field lines that
// are not dropped in their order, then framing, connection, Extra and the empty line. head is what Parse
// read.
func (r *Response) AppendForward(dst, head []byte, o *ResponseOut) []byte {
	i := 0
	if r.minor == 1 && !r.later && head[len("HTTP/1.1 200")] == ' ' {
		i = r.nextDropped(0)
		dst = append(dst, head[:r.lineOff(i)]...)
	} else {
		dst = append(dst, "HTTP/1.1 "...)
		dst = strconv.AppendInt(dst, int64(r.Status), 10)
		dst = append(dst, ' ')
		dst = append(dst, r.Reason.Of(head)...)
		dst = append(dst, "\r\n"...)
	}
	dst = r.appendRuns(dst, head, i)
	framing := o.Body
	if framing == FramingNone && o.Length >= 0 {
		framing = FramingLength
	}
	dst = appendFraming(dst, framing, o.Length)
	switch o.Connection {
	case ConnectionClose:
		dst = append(dst, "Connection: close\r\n"...)
	case ConnectionKeepAlive:
		dst = append(dst, "Connection: keep-alive\r\n"...)
	case ConnectionUpgrade:
		dst = append(dst, "Connection: upgrade\r\n"...)
		if r.upgrade.Len() > 0 {
			dst = append(append(append(dst, "Upgrade: "...), r.upgrade.Of(head)...), "\r\n"...)
		}
	}
	if o.Body == FramingChunked && r.trailer.Len() > 0 {
		dst = append(append(append(dst, "Trailer: "...), r.trailer.Of(head)...), "\r\n"...)
	}
	dst = append(dst, o.Extra...)
	return append(dst, "\r\n"...)
}

// appendRuns copies the field lines from i on that are not dropped.
func (h *Head) appendRuns(dst, head []byte, i int) []byte {
	for i < int(h.n) {
		var run Span
		run, i = h.Run(i)
		dst = append(dst, run.Of(head)...)
	}
	return dst
}

func appendFraming(dst []byte, f Framing, length int64) []byte {
	switch f {
	case FramingLength:
		dst = append(dst, "Content-Length: "...)
		dst = strconv.AppendInt(dst, length, 10)
		return append(dst, "\r\n"...)
	case FramingChunked:
		return append(dst, "Transfer-Encoding: chunked\r\n"...)
	}
	return dst
}

// ChunkHeaderMax is the most bytes that AppendChunkHeader appends.
const ChunkHeaderMax = 16 + len("\r\n")

// AppendChunkHeader appends the line that goes before n bytes of payload; n must be above zero, as zero
// would end the body. ChunkEnd goes behind the payload.
func AppendChunkHeader(dst []byte, n int) []byte {
	if n <= 0 {
		panic("http1: chunk without payload")
	}
	return append(strconv.AppendUint(dst, uint64(n), 16), "\r\n"...)
}

// ChunkEnd goes behind the payload of each chunk.
const ChunkEnd = "\r\n"

// AppendLastChunk appends the end of a chunked body with a trailer section of whole lines, as
// [Body.Trailer] returns them, or nil.
func AppendLastChunk(dst, trailer []byte) []byte {
	dst = append(dst, "0\r\n"...)
	dst = append(dst, trailer...)
	return append(dst, "\r\n"...)
}

// AppendJoined appends one field line with the values of all lines of head with the ID, in their order, and
// value behind them, separated by commas: an X-Forwarded-For or Via line that goes on with what was
// received. The caller drops the lines with [Head.DropID]. Name and value must be sound: a token, and no
// control characters.
func (h *Head) AppendJoined(dst, head []byte, id ID, name string, value []byte) []byte {
	dst = append(dst, name...)
	dst = append(dst, ": "...)
	for i := h.Find(id, 0); i >= 0; i = h.Find(id, i+1) {
		if v := h.table[i].Value; v.Len() > 0 {
			dst = append(dst, v.Of(head)...)
			dst = append(dst, ", "...)
		}
	}
	dst = append(dst, value...)
	return append(dst, "\r\n"...)
}
