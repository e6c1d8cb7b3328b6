package http1

// MaxHeaders is the most field lines that a head may have, whatever the limits say: room for them is part
// of each Request and Response, and their dropped marks are two machine words.
const MaxHeaders = 128

// MaxHeadBytes is the most bytes that a head may have, whatever the limits say: a Span holds 16-bit
// offsets.
const MaxHeadBytes = 1<<16 - 1

const (
	// lineBytesMin lets a status line and the longest method fit, so that these have faults of their own.
	lineBytesMin = 64
	// methodBytesMax is generous: the longest registered method, UPDATEREDIRECTREF, has 17 bytes.
	methodBytesMax = 32
	// connectionNamesMax bounds the work of comparing each name in Connection with each field.
	connectionNamesMax = 16
	// chunkDigitsMax leaves room for the zero-padded sizes that some servers write.
	chunkDigitsMax = 16
	// chunkExtBytesMax is how many more bytes of extensions and white space than of payload there may be, at any
	// place of a body. Extensions carry nothing that a proxy may use, but are paid for per byte. Who sends some
	// with each chunk, as servers do that fill sizes up, may send a body of any length so.
	chunkExtBytesMax = 4096
	// trailerBytesMax bounds a whole trailer section, dropped fields included, because it must be held
	// until a line is whole.
	trailerBytesMax = 8192
)

// Limits bounds a head. A zero field means its default.
type Limits struct {
	HeadBytes int // whole head with its empty line; default 16384, at most MaxHeadBytes
	LineBytes int // start line or one field line, with CRLF; default 8192
	Headers   int // field lines; default 100, at most MaxHeaders
}

func (l Limits) orDefaults() Limits {
	return Limits{
		HeadBytes: min(max(orDefault(l.HeadBytes, 16<<10), lineBytesMin), MaxHeadBytes),
		LineBytes: max(orDefault(l.LineBytes, 8<<10), lineBytesMin),
		Headers:   min(orDefault(l.Headers, 100), MaxHeaders),
	}
}

func orDefault(n, def int) int {
	if n <= 0 {
		return def
	}
	return n
}
