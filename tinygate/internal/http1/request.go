package http1

import (
	"bytes"
	"encoding/binary"
)

// Form is the form of a request target (RFC 9112 3.2).
type Form uint8

// The forms of a request target.
const (
	FormOrigin    Form = iota // "/path?query"
	FormAbsolute              // "http://host/path?query"
	FormAuthority             // "host:port", for CONNECT
	FormAsterisk              // "*", for OPTIONS
)

// RequestInfo is what a request head says besides its fields.
type RequestInfo struct {
	Method        Method
	Form          Form
	Body          Framing // never FramingClose
	KeepAlive     bool    // the client expects to use the connection again
	Continue      bool    // the client waits for 100 before it sends its body
	Trailers      bool    // the client wants trailers (TE)
	HostReplaced  bool    // Host is written anew: for the authority of the target, or without a colon at its end
	MethodName    Span
	Target        Span
	Path          Span  // of the target, up to the query; FormAuthority has none, FormAbsolute need not
	Query         Span  // without '?'; empty when there is none
	Host          Span  // effective host with its port; empty only in HTTP/1.0
	Hostname      Span  // Host without port; brackets of an IPv6 address are part of it
	Upgrade       Span  // value of Upgrade when it is in force: Connection names it, version 1.1
	ContentLength int64 // for FramingLength, otherwise 0
}

// Request is the head of a request. Init comes first.
type Request struct {
	RequestInfo
	Head
}

// Init sets the limits and makes r ready for a message.
func (r *Request) Init(l Limits) {
	r.lim = l.orDefaults()
	r.Reset()
}

// Reset makes r ready for the next message.
func (r *Request) Reset() {
	r.headState = headState{}
	r.RequestInfo = RequestInfo{}
}

// Parse reads the head at the start of buf and returns its length, or 0 when more bytes are needed. buf
// must begin with the bytes of earlier calls since Reset, at any address. An error is an *Error and stays;
// the client should get its status and the connection must be closed.
func (r *Request) Parse(buf []byte) (int, error) {
	if r.failed == nil && r.phase != phaseDone {
		r.failed = r.parse(buf[:min(len(buf), r.lim.HeadBytes)])
	}
	if r.failed != nil {
		return 0, &r.failed.request
	}
	return r.end, nil
}

// Part is for logs, after an error or where the rest of a head does not come: it returns the length of what is known of buf, the bytes
// that the last Parse was given. Method and target are set as far as they go, Host if it is sound, and so are the field lines that were
// read whole. Nothing of it may be forwarded, or decide about anything.
func (r *Request) Part(buf []byte) int {
	if r.MethodName.Len() == 0 {
		return 0
	}
	if at := int(r.MethodName.End) + 1; r.phase == phaseTarget && r.Target.Len() == 0 && r.pos > at {
		r.Target = span(at, r.pos)
	}
	r.Method = methodOf(r.MethodName.Of(buf))
	if r.phase < phaseName {
		r.splitTarget(buf)
		return max(int(r.MethodName.End), int(r.Target.End))
	}
	// What these find wrong may be what the head is refused for.
	if r.target(buf) != nil && r.Path.Len() == 0 {
		r.splitTarget(buf)
	}
	_ = r.host(buf)
	return max(r.line, r.end)
}

// splitTarget takes a target that need not be sound apart at the query.
func (r *Request) splitTarget(b []byte) {
	r.Path = r.Target
	if q := bytes.IndexByte(r.Target.Of(b), '?'); q >= 0 {
		at := int(r.Target.Off) + q
		r.Path, r.Query = span(int(r.Target.Off), at), span(at+1, int(r.Target.End))
	}
}

func (r *Request) parse(b []byte) *fault {
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
	if len(b) < r.lim.HeadBytes {
		return nil
	}
	if r.phase < phaseName {
		return faultLineLong
	}
	return faultHeadLong
}

// scanLine reads the request line.
func (r *Request) scanLine(b []byte) *fault {
	i := r.pos
	switch r.phase {
	case phaseStart:
		if len(b) == 0 {
			return nil
		}
		if b[0] == '\r' {
			r.phase = phaseStartLF
			r.pos = 1
			return r.scanLine(b)
		}
		r.phase = phaseMethod
		fallthrough
	case phaseMethod:
		i = skipClass(b, i, classToken)
		if i-r.line > methodBytesMax {
			return faultMethodLong
		}
		if i == len(b) {
			return r.suspend(b, i, faultLineLong)
		}
		if b[i] != ' ' || i == r.line {
			return faultMethod
		}
		r.MethodName = span(r.line, i)
		i++
		r.phase = phaseTarget
		fallthrough
	case phaseTarget:
		i = skipClass(b, i, classTarget)
		if i == len(b) {
			return r.suspend(b, i, faultLineLong)
		}
		r.Target = span(int(r.MethodName.End)+1, i)
		if b[i] != ' ' || r.Target.Len() == 0 {
			return r.fail(i, targetFault(b[i]), faultLineLong)
		}
		i++
		r.phase = phaseVersion
		fallthrough
	case phaseVersion:
		return r.scanVersion(b, i)
	default: // phaseStartLF
		if len(b) < 2 {
			return nil
		}
		if b[1] != '\n' {
			return faultBareCR
		}
		r.phase = phaseMethod
		r.pos, r.line, r.start = 2, 2, 2
		return r.scanLine(b)
	}
}

// scanVersion reads the version at i and the end of the request line.
func (r *Request) scanVersion(b []byte, i int) *fault {
	end, minor, f := readVersion(b, i)
	if f != nil {
		return r.fail(end, f, faultLineLong)
	}
	for _, c := range [...]byte{'\r', '\n'} {
		if end == len(b) {
			return r.suspend(b, i, faultLineLong)
		}
		if b[end] != c {
			return r.fail(end, faultVersionForm, faultLineLong)
		}
		end++
	}
	if end-r.line > r.lim.LineBytes {
		return faultLineLong
	}
	r.setVersion(minor)
	r.phase = phaseName
	r.pos, r.line, r.fields = end, end, end
	return nil
}

// readVersion reads the version at i, which has to be one of HTTP/1. It returns where it stopped: behind the version, at the byte
// that is wrong, or at len(b).
func readVersion(b []byte, i int) (end int, minor uint8, f *fault) {
	const (
		form   = "HTTP/n.n"
		http11 = 0x312e312f50545448 // "HTTP/1.1", little-endian
	)
	if i+len(form) <= len(b) && binary.LittleEndian.Uint64(b[i:]) == http11 {
		return i + len(form), 1, nil
	}
	for j := range len(form) {
		if i+j == len(b) {
			return i + j, 0, nil
		}
		c := b[i+j]
		if digit := c >= '0' && c <= '9'; c != form[j] && (form[j] != 'n' || !digit) || c == 'n' {
			return i + j, 0, faultVersionForm
		}
	}
	end = i + len(form)
	if b[end-3] != '1' {
		return end - 1, 0, faultVersion
	}
	return end, b[end-1] - '0', nil
}

func targetFault(c byte) *fault {
	switch c {
	case '\n':
		return faultBareLF
	case '\r': // HTTP/0.9
		return faultVersionForm
	}
	return faultTarget
}

// finish decides what needs the whole head.
func (r *Request) finish(b []byte) *fault {
	r.Method = methodOf(r.MethodName.Of(b))
	if f := r.target(b); f != nil {
		return f
	}
	if f := r.host(b); f != nil {
		return f
	}
	if f := r.framing(b); f != nil {
		return f
	}
	switch {
	case r.chunked:
		r.Body = FramingChunked
	case r.Has(IDContentLength):
		r.Body = FramingLength
		r.ContentLength = r.length
	}
	if (r.Method == MethodConnect || r.Method == MethodTrace) && (r.chunked || r.length > 0) {
		return faultContent
	}
	r.KeepAlive = r.keepAlive()
	r.Trailers = r.wantsTE
	if r.minor == 1 {
		if r.options&optionUpgrade != 0 {
			r.Upgrade = r.upgrade
		}
		r.Continue = r.Has(IDExpect) && (r.Body == FramingChunked || r.ContentLength > 0)
		if !r.Continue { // nobody waits for 100, and an upstream that sends it all the same would confuse
			r.DropID(IDExpect)
		}
	}
	return nil
}
