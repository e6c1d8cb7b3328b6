package http1

// Body follows a body through the bytes behind a head, whatever its framing, and says which of them are
// payload. It copies nothing but trailers. The zero Body is an empty one that is done.
type Body struct {
	framing Framing
	ended   bool // of FramingClose
	left    int64
	chunked Chunked
}

// Init begins a body; length is for FramingLength only. reply says that it comes from an upstream, which
// decides the status of errors.
func (d *Body) Init(f Framing, length int64, reply bool) {
	d.framing, d.left, d.ended = f, length, false
	d.chunked.Reset(reply)
}

// InitBody begins the body behind the head of r, in which Parse has found it.
func (r *Request) InitBody(d *Body, head []byte) {
	d.initBehind(&r.Head, head, r.Body, r.ContentLength)
}

// InitBody begins the body behind the head of r, in which Parse has found it.
func (r *Response) InitBody(d *Body, head []byte) {
	d.initBehind(&r.Head, head, r.Body, max(r.ContentLength, 0))
}

// initBehind is Init, and has the fields that Connection names end here in the trailers too (RFC 9110 7.6.1).
func (d *Body) initBehind(h *Head, head []byte, f Framing, length int64) {
	d.Init(f, length, h.reply)
	if f != FramingChunked || h.names == 0 {
		return
	}
	for i := h.Find(IDConnection, 0); i >= 0; i = h.Find(IDConnection, i+1) {
		d.chunked.hops = append(append(d.chunked.hops, h.table[i].Value.Of(head)...), ',')
	}
}

// Next reads from in, which goes on where the last call's n ended. The payload is in[start:end], the first
// n bytes are used up; start <= end <= n. Call it again with in[n:] until n is 0 or Done; once done it
// takes nothing more, so what is left belongs to the next message.
func (d *Body) Next(in []byte) (start, end, n int, err error) {
	switch d.framing {
	case FramingLength:
		n = int(min(int64(len(in)), d.left))
		d.left -= int64(n)
		return 0, n, n, nil
	case FramingChunked:
		return d.chunked.Next(in)
	case FramingClose:
		if d.ended {
			return 0, 0, 0, nil
		}
		return 0, len(in), len(in), nil
	}
	return 0, 0, 0, nil
}

// Done reports whether the body has ended.
func (d *Body) Done() bool {
	switch d.framing {
	case FramingLength:
		return d.left == 0
	case FramingChunked:
		return d.chunked.Done()
	case FramingClose:
		return d.ended
	}
	return true
}

// EOF says that the connection has ended. It is an error unless the body has ended before, or ends so.
func (d *Body) EOF() error {
	if d.framing == FramingClose {
		d.ended = true
	}
	if d.Done() {
		return nil
	}
	if d.chunked.reply {
		return &faultTruncated.response
	}
	return &faultTruncated.request
}

// Left returns how many bytes of payload are known to come at least: all of them for FramingLength, those
// of the current chunk for FramingChunked.
func (d *Body) Left() int64 {
	switch d.framing {
	case FramingLength:
		return d.left
	case FramingChunked:
		if d.chunked.phase == chunkData {
			return d.chunked.left
		}
	}
	return 0
}

// Trailer returns the trailer lines that may be forwarded, each with its CRLF. It is valid when Done, until
// Init.
func (d *Body) Trailer() []byte {
	if d.framing != FramingChunked {
		return nil
	}
	return d.chunked.Trailer()
}
