package http1

import "math/bits"

// Span is a piece of a head, as offsets from the first byte that was given to Parse.
type Span struct{ Off, End uint16 }

// Of returns the piece of head, which must begin with the bytes that were parsed. The result aliases head.
func (s Span) Of(head []byte) []byte { return head[s.Off:s.End] }

// Len returns the number of bytes.
func (s Span) Len() int { return int(s.End - s.Off) }

func span(from, to int) Span { return Span{uint16(from), uint16(to)} }

// Field is one field line. Value has no white space around it and may be empty.
type Field struct{ Name, Value Span }

// Framing says how a body is delimited (RFC 9112 6.3).
type Framing uint8

// The ways in which a body can end.
const (
	FramingNone    Framing = iota // there is no body
	FramingLength                 // Content-Length bytes, which may be 0
	FramingChunked                // the chunked coding ends itself
	FramingClose                  // the end of the connection; responses only
)

// phase is the place in a head at which the scan stands. It lets Parse go on behind the last byte that it
// has seen.
type phase uint8

const (
	phaseStart   phase = iota // before the first byte
	phaseStartLF              // in the empty line before a request
	phaseMethod               // in the method
	phaseTarget               // in the request target
	phaseVersion              // at the first byte of the version
	phaseReason               // in the reason phrase
	phaseLineLF               // at the LF of the start line
	phaseName                 // in a field name, or at the CR of the empty line
	phaseLead                 // in the white space before a value
	phaseValue                // in a value
	phaseLF                   // at the LF of a field line
	phaseEndLF                // at the LF of the empty line
	phaseDone
)

// What the Connection fields said.
const (
	optionClose = 1 << iota
	optionKeepAlive
	optionUpgrade
)

// headState is what a new message begins with as zero; the field table is apart so that it need not be
// cleared.
type headState struct {
	failed  *fault
	length  int64 // of Content-Length, when seen has it
	pos     int   // the scan goes on here
	line    int   // first byte of the line in which pos lies
	start   int   // first byte of the start line
	name    Span  // of the field being read
	value   int   // first byte of its value
	fields  int   // first byte of the first field line
	end     int   // length of the head
	seen    uint32
	dropped [MaxHeaders / 64]uint64
	upgrade Span // of the only Upgrade field
	trailer Span // of the first Trailer field
	phase   phase
	n       uint8 // field lines
	minor   uint8
	options uint8
	names   uint8 // names in Connection that may be those of fields
	chunked bool
	wantsTE bool // TE has "trailers"
	reply   bool // a response
	later   bool // the version is a later one than HTTP/1.1
}

// Head is the part that requests and responses have in common: the table of field lines, and the marks of
// those that are not forwarded. Its methods are valid once Parse has returned a length.
type Head struct {
	headState
	lim   Limits
	ids   [MaxHeaders]ID
	table [MaxHeaders]Field
}

// setVersion takes a later version for HTTP/1.1, as RFC 9110 2.5 asks of those who do not know it.
func (h *Head) setVersion(minor uint8) {
	h.minor, h.later = min(minor, 1), minor > 1
}

// Minor returns the minor version that counts, 0 or 1; the major version is always 1.
func (h *Head) Minor() int { return int(h.minor) }

// Versioned reports whether the version has been read, which that of a head that was refused may not have been.
func (h *Head) Versioned() bool { return h.phase >= phaseName }

// Len returns the number of field lines, dropped ones included.
func (h *Head) Len() int { return int(h.n) }

// Field returns field line i in the order of arrival.
func (h *Head) Field(i int) Field { return h.table[i] }

// ID returns which of the recognised fields line i is.
func (h *Head) ID(i int) ID { return h.ids[i] }

// Has reports whether there is a field line with the ID.
func (h *Head) Has(id ID) bool { return h.seen&(1<<id) != 0 }

// Find returns the first field line from i on that has the ID, or -1.
func (h *Head) Find(id ID, i int) int {
	if h.seen&(1<<id) == 0 {
		return -1
	}
	for ; i < int(h.n); i++ {
		if h.ids[i] == id {
			return i
		}
	}
	return -1
}

// Lookup returns the first field line from i on whose name is name, in any case, or -1. head is what was
// parsed.
func (h *Head) Lookup(head []byte, name string, i int) int {
	for ; i < int(h.n); i++ {
		if equalFoldASCII(h.table[i].Name.Of(head), name) {
			return i
		}
	}
	return -1
}

// Drop marks field line i as not to be forwarded.
func (h *Head) Drop(i int) { h.dropped[i/64] |= 1 << (i % 64) }

// Dropped reports whether field line i is not to be forwarded.
func (h *Head) Dropped(i int) bool { return h.dropped[i/64]&(1<<(i%64)) != 0 }

// DropID marks all field lines with the ID as not to be forwarded.
func (h *Head) DropID(id ID) {
	for i := h.Find(id, 0); i >= 0; i = h.Find(id, i+1) {
		h.Drop(i)
	}
}

// Run returns the first run of forwarded field lines at or behind line i: whole lines with their CRLF, to
// be copied at once. Next is the line to ask for after that; an empty run says that there are no more.
func (h *Head) Run(i int) (run Span, next int) {
	n := int(h.n)
	for i < n && h.Dropped(i) {
		i++
	}
	next = h.nextDropped(i)
	return span(h.lineOff(i), h.lineOff(next)), next
}

// nextDropped returns the first dropped line from i on, or Len.
func (h *Head) nextDropped(i int) int {
	for ; i < int(h.n); i = (i/64 + 1) * 64 {
		if w := h.dropped[i/64] >> (i % 64); w != 0 {
			return min(i+bits.TrailingZeros64(w), int(h.n))
		}
	}
	return int(h.n)
}

// lineOff returns where field line i begins, and for Len where the empty line does.
func (h *Head) lineOff(i int) int {
	if i < int(h.n) {
		return int(h.table[i].Name.Off)
	}
	return h.end - len("\r\n")
}

// suspend remembers where to go on when b holds no more, unless the line is too long already.
func (h *Head) suspend(b []byte, i int, long *fault) *fault {
	h.pos = i
	if len(b)-h.line >= h.lim.LineBytes {
		return long
	}
	return nil
}

// fail is f for the byte at i. The limit of the line comes first when the byte lies behind it: that is what
// would have been found had the bytes come one by one.
func (h *Head) fail(i int, f, long *fault) *fault {
	if i-h.line >= h.lim.LineBytes {
		return long
	}
	return f
}

// scanFields reads field lines up to and with the empty line. The phase says whether it came to the end.
func (h *Head) scanFields(b []byte) *fault {
	i := h.pos
	for {
		switch h.phase {
		case phaseName:
			i = skipClass(b, i, classToken)
			if i == len(b) {
				return h.suspend(b, i, faultFieldLong)
			}
			if i == h.line && b[i] == '\r' {
				i++
				h.phase = phaseEndLF
				continue
			}
			if i == h.line || b[i] != ':' {
				return h.fail(i, nameFault(b[i], i == h.line), faultFieldLong)
			}
			h.name = span(h.line, i)
			i++
			h.phase = phaseLead
			fallthrough
		case phaseLead:
			for i < len(b) && (b[i] == ' ' || b[i] == '\t') {
				i++
			}
			if i == len(b) {
				return h.suspend(b, i, faultFieldLong)
			}
			h.value = i
			h.phase = phaseValue
			fallthrough
		case phaseValue:
			i = skipValue(b, i)
			if i == len(b) {
				return h.suspend(b, i, faultFieldLong)
			}
			if b[i] != '\r' {
				return h.fail(i, controlFault(b[i]), faultFieldLong)
			}
			i++
			h.phase = phaseLF
			fallthrough
		case phaseLF:
			if i == len(b) {
				return h.suspend(b, i, faultFieldLong)
			}
			if b[i] != '\n' {
				return h.fail(i, faultBareCR, faultFieldLong)
			}
			i++
			if f := h.addField(b, i); f != nil {
				return f
			}
		default: // phaseEndLF
			if i == len(b) {
				return h.suspend(b, i, faultFieldLong)
			}
			if b[i] != '\n' {
				return faultBareCR
			}
			h.end = i + 1
			h.phase = phaseDone
			return nil
		}
	}
}

// addField enters the line that ends at end into the table and begins the next one.
func (h *Head) addField(b []byte, end int) *fault {
	if end-h.line > h.lim.LineBytes {
		return faultFieldLong
	}
	n := int(h.n)
	if n >= h.lim.Headers || n >= MaxHeaders {
		return faultFieldCount
	}
	last := end - len("\r\n")
	for last > h.value && (b[last-1] == ' ' || b[last-1] == '\t') {
		last--
	}
	id := identify(b[h.name.Off:h.name.End])
	h.ids[n] = id
	h.table[n] = Field{h.name, span(h.value, last)}
	h.n++
	h.line = end
	h.phase = phaseName
	if id == IDOther {
		if !h.reply && framingAlias(b[h.name.Off:h.name.End]) {
			return faultAlias
		}
		return nil
	}
	if hopByHop&(1<<id) != 0 {
		h.Drop(n)
	}
	f := h.known(b[h.value:last], id, n)
	h.seen |= 1 << id
	return f
}

// known notes what a field that is not IDOther says about framing and about the connection.
func (h *Head) known(value []byte, id ID, n int) *fault {
	again := h.seen&(1<<id) != 0
	switch id {
	case IDConnection:
		return h.connection(value)
	case IDContentLength:
		if again {
			return faultLengthTwice
		}
		return h.contentLength(value)
	case IDTransferEncoding:
		if again {
			return faultCodingTwice
		}
		h.chunked = true
		return codingFault(value)
	case IDHost:
		if again && !h.reply {
			return faultHostTwice
		}
	case IDExpect:
		if h.reply {
			return nil
		}
		if h.minor == 0 { // to be ignored, RFC 9110 10.1.1
			h.Drop(n)
			return nil
		}
		if !equalFoldASCII(value, "100-continue") {
			return faultExpect
		}
	case IDTE:
		for len(value) > 0 {
			var e []byte
			e, value = nextElement(value)
			h.wantsTE = h.wantsTE || equalFoldASCII(e, "trailers")
		}
	case IDTrailer:
		if !again {
			h.trailer = h.table[n].Value
		}
	case IDUpgrade:
		h.upgrade = h.table[n].Value
		if again { // a choice among several is not worth an understanding
			h.upgrade = Span{}
		}
	}
	return nil
}

// framing decides what is the same for requests and responses once all fields are known.
func (h *Head) framing(b []byte) *fault {
	if h.chunked {
		if h.minor == 0 {
			return faultCodingOld
		}
		if h.Has(IDContentLength) {
			return faultCodingLength
		}
	}
	if h.names > 0 {
		h.dropNamed(b)
	}
	return nil
}

func (h *Head) keepAlive() bool {
	if h.options&optionClose != 0 {
		return false
	}
	return h.minor == 1 || h.options&optionKeepAlive != 0
}

// contentLength reads 1*DIGIT. Nineteen digits fit into a uint64, so the only overflow is that of the
// int64.
func (h *Head) contentLength(value []byte) *fault {
	if len(value) == 0 || len(value) > 19 {
		return faultLength
	}
	var v uint64
	for _, c := range value {
		if c < '0' || c > '9' {
			return faultLength
		}
		v = v*10 + uint64(c-'0')
	}
	if v > 1<<63-1 {
		return faultLength
	}
	h.length = int64(v)
	return nil
}

// codingFault tells a coding that is sound but not known here (501) from a list without a clear end (400).
func codingFault(value []byte) *fault {
	if equalFoldASCII(value, "chunked") {
		return nil
	}
	for first := true; ; first = false {
		var e []byte
		e, value = nextElement(value)
		if skipClass(e, 0, classToken) != len(e) || len(e) == 0 {
			return faultCoding
		}
		last := len(value) == 0
		if equalFoldASCII(e, "chunked") != last || last && first {
			return faultCoding
		}
		if last {
			return faultCodingOther
		}
	}
}

func nameFault(c byte, first bool) *fault {
	switch {
	case c == '\n':
		return faultBareLF
	case c == ' ' || c == '\t':
		if first {
			return faultFold
		}
		return faultNameSpace
	case c < ' ' && c != '\r' || c == 0x7f:
		return faultControl
	case c == ':' && first:
		return faultNameEmpty
	}
	return faultName
}

func controlFault(c byte) *fault {
	if c == '\n' {
		return faultBareLF
	}
	return faultControl
}
