package http1

// ResponseInfo is what a response head says besides its fields.
type ResponseInfo struct {
	Status    int // 100 to 999
	Body      Framing
	KeepAlive bool // the connection may serve another request after the body
	// Tunnel says that what follows the head is no HTTP: 101, or success of CONNECT. The caller must refuse
	// a 101 for a request that it did not forward with Upgrade, and one that does not [Response.Switches] to what it asked for.
	Tunnel        bool
	Reason        Span
	Upgrade       Span  // value of Upgrade when Connection has "upgrade" too
	ContentLength int64 // of the field, also where it frames no body (HEAD, 304); -1 without a field
}

// Response is the head of a response. Init comes first.
type Response struct {
	ResponseInfo
	Head
	request Method
}

// Init sets the limits and makes r ready for the response to a request with the method.
func (r *Response) Init(l Limits, request Method) {
	r.lim = l.orDefaults()
	r.Reset(request)
}

// Reset makes r ready for the next head: that of the response to a request with the method, or the one
// which follows an interim response.
func (r *Response) Reset(request Method) {
	r.headState = headState{reply: true}
	r.ResponseInfo = ResponseInfo{}
	r.request = request
}

// Interim reports whether another head follows this one (1xx except 101).
func (r *Response) Interim() bool { return r.Status < 200 && r.Status != 101 }

// Switches reports whether q has asked for all protocols that r changes to (RFC 9110 7.8). head and asked are the bytes of the two.
func (r *Response) Switches(head []byte, q *Request, asked []byte) bool {
	for i := r.Find(IDUpgrade, 0); i >= 0; i = r.Find(IDUpgrade, i+1) {
		for rest := r.table[i].Value.Of(head); len(rest) > 0; {
			var protocol []byte
			if protocol, rest = nextElement(rest); len(protocol) > 0 && !hasElement(q.Upgrade.Of(asked), protocol) {
				return false
			}
		}
	}
	return true
}

// Parse reads the head at the start of buf as [Request.Parse] does. Its errors have the status 502.
func (r *Response) Parse(buf []byte) (int, error) {
	if r.failed == nil && r.phase != phaseDone {
		r.failed = r.parse(buf[:min(len(buf), r.lim.HeadBytes)])
	}
	if r.failed != nil {
		return 0, &r.failed.response
	}
	return r.end, nil
}

func (r *Response) parse(b []byte) *fault {
	if r.phase < phaseName {
		if f := r.scanLine(b); f != nil {
			return f
		}
	}
	if r.phase >= phaseName {
		if f := r.scanFields(b); f != nil {
			return f
		}
		if r.phase == phaseDone {
			return r.finish(b)
		}
	}
	if len(b) == r.lim.HeadBytes {
		return faultHeadLong
	}
	return nil
}

// scanLine reads the status line. The space behind the code may be missing when there is no reason: many
// servers forget it, and nothing can be misunderstood.
func (r *Response) scanLine(b []byte) *fault {
	i := r.pos
	switch r.phase {
	case phaseStart:
		end, minor, f := readVersion(b, 0)
		if f != nil {
			return f
		}
		if f = r.readStatus(b, end); f != nil {
			return f
		}
		if len(b) < len("HTTP/1.1 200 ") {
			return nil
		}
		r.setVersion(minor)
		i = len("HTTP/1.1 200")
		if b[i] == ' ' {
			i++
		}
		r.Reason.Off = uint16(i)
		r.phase = phaseReason
		fallthrough
	case phaseReason:
		i = skipValue(b, i)
		if i == len(b) {
			return r.suspend(b, i, faultLineLong)
		}
		if b[i] != '\r' {
			return r.fail(i, controlFault(b[i]), faultLineLong)
		}
		r.Reason.End = uint16(i)
		i++
		r.phase = phaseLineLF
		fallthrough
	default: // phaseLineLF
		if i == len(b) {
			return r.suspend(b, i, faultLineLong)
		}
		if b[i] != '\n' {
			return r.fail(i, faultBareCR, faultLineLong)
		}
		i++
		if i > r.lim.LineBytes {
			return faultLineLong
		}
		r.phase = phaseName
		r.pos, r.line, r.fields = i, i, i
		return nil
	}
}

// readStatus checks as much as there is of SP, three digits from 100 on, and SP or CR.
func (r *Response) readStatus(b []byte, i int) *fault {
	status := 0
	for j := 0; j < len(" 200 ") && i+j < len(b); j++ {
		c := b[i+j]
		digit := c >= '0' && c <= '9'
		switch {
		case j == 0 && c == ' ', j == 4 && (c == ' ' || c == '\r'):
		case j == 1 && digit && c != '0', (j == 2 || j == 3) && digit:
			status = status*10 + int(c-'0')
		default:
			return faultStatus
		}
	}
	r.Status = status
	return nil
}

// finish decides what needs the whole head; the order of the cases is that of RFC 9112 6.3.
func (r *Response) finish(b []byte) *fault {
	if f := r.framing(b); f != nil {
		return f
	}
	hasLength := r.Has(IDContentLength)
	r.ContentLength = -1
	if hasLength {
		r.ContentLength = r.length
	}
	r.KeepAlive = r.keepAlive()
	if r.options&optionUpgrade != 0 {
		r.Upgrade = r.upgrade
	}
	switch {
	case r.Status < 200 || r.Status == 204:
		// Neither field may stand here (RFC 9112 6.1, RFC 9110 8.6). A sender that writes them may send a
		// body as well.
		if r.chunked || r.length > 0 {
			r.KeepAlive = false
		}
		r.Tunnel = r.Status == 101
	case r.request == MethodHead || r.Status == 304:
	case r.request == MethodConnect && r.Status < 300:
		r.Tunnel = true
	case r.chunked:
		r.Body = FramingChunked
	case hasLength:
		r.Body = FramingLength
	default:
		r.Body = FramingClose
	}
	if r.Body == FramingClose || r.Tunnel {
		r.KeepAlive = false
	}
	return nil
}
