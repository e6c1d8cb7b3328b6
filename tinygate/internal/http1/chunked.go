package http1

type chunkPhase uint8

const (
	chunkSize chunkPhase = iota // in the digits of a size
	chunkPad                    // in white space behind the digits, in a response
	chunkExt                    // behind ';'
	chunkSizeLF
	chunkData
	chunkDataCR
	chunkDataLF
	chunkTrailer
	chunkDone
)

// Chunked decodes the chunked coding (RFC 9112 7.1) in place. The zero Chunked is at the start of a request
// body.
type Chunked struct {
	left    int64 // of the chunk; while the size is read, what the digits so far amount to
	failed  *fault
	phase   chunkPhase
	reply   bool
	digits  uint8
	ext     uint16 // bytes of extensions and white space so far, less those of payload that went with them
	section uint16 // bytes of the trailer section so far, dropped lines included
	kept    int    // trailer[:kept] are whole lines to forward, the rest is the line being read
	trailer []byte // keeps its memory from body to body, but at most trailerBytesMax
	hops    []byte // what Connection names, so that it is not forwarded; as long as a head at most, and keeps its memory too
}

// Reset begins a new body; reply says that it comes from an upstream, which decides the status of errors.
func (c *Chunked) Reset(reply bool) {
	*c = Chunked{reply: reply, trailer: c.trailer[:0], hops: c.hops[:0]}
}

// Done reports whether the last chunk and the trailer section have been read.
func (c *Chunked) Done() bool { return c.phase == chunkDone }

// Trailer returns the trailer lines that may be forwarded, each with its CRLF. It is valid when Done, until
// Reset.
func (c *Chunked) Trailer() []byte { return c.trailer[:c.kept] }

// Next reads framing up to and with one piece of payload, as [Body.Next]. After an error it returns the
// error again.
func (c *Chunked) Next(in []byte) (start, end, n int, err error) {
	if c.failed == nil {
		n, c.failed = c.frame(in)
	}
	if c.failed != nil {
		if c.reply {
			return 0, 0, 0, &c.failed.response
		}
		return 0, 0, 0, &c.failed.request
	}
	if c.phase != chunkData {
		return n, n, n, nil
	}
	size := int(min(int64(len(in)-n), c.left))
	c.left -= int64(size)
	if c.left == 0 {
		c.phase = chunkDataCR
	}
	return n, n + size, n + size, nil
}

// frame reads what is not payload and returns where payload begins, or where in or the body ends.
func (c *Chunked) frame(in []byte) (i int, f *fault) {
	for i < len(in) {
		b := in[i]
		switch c.phase {
		case chunkSize:
			f = c.size(b)
		case chunkPad:
			f = c.pad(b)
		case chunkExt:
			if b == '\r' {
				c.phase = chunkSizeLF
			} else if class[b]&classValue == 0 {
				f = faultChunkExt
			} else if c.ext++; c.ext > chunkExtBytesMax {
				f = faultChunkExtLong
			}
		case chunkSizeLF:
			if b != '\n' {
				f = faultChunkSize
			}
			c.digits = 0
			c.ext -= uint16(min(int64(c.ext), c.left))
			c.phase = chunkData
			if c.left == 0 {
				c.phase = chunkTrailer
			}
		case chunkDataCR:
			if b != '\r' {
				f = faultChunkEnd
			}
			c.phase = chunkDataLF
		case chunkDataLF:
			if b != '\n' {
				f = faultChunkEnd
			}
			c.phase = chunkSize
		case chunkTrailer:
			f = c.trailerByte(b)
		default: // chunkData, chunkDone
			return i, nil
		}
		if f != nil {
			return i, f
		}
		i++
	}
	return i, nil
}

func (c *Chunked) size(b byte) *fault {
	var v byte
	switch {
	case b >= '0' && b <= '9':
		v = b - '0'
	case b|0x20 >= 'a' && b|0x20 <= 'f':
		v = b | 0x20 - 'a' + 10
	case c.digits == 0:
		return faultChunkSize
	case b == '\r':
		c.phase = chunkSizeLF
		return nil
	case b == ';':
		c.phase = chunkExt
		return nil
	case c.reply && (b == ' ' || b == '\t'):
		c.phase = chunkPad
		return c.pad(b)
	default:
		return faultChunkSize
	}
	if c.digits == chunkDigitsMax || c.left >= 1<<59 {
		return faultChunkSize
	}
	c.digits++
	c.left = c.left<<4 | int64(v)
	return nil
}

// pad reads white space behind a size: some servers fill sizes up to a width, and write it before an extension (RFC 9112 7.1.1).
func (c *Chunked) pad(b byte) *fault {
	switch b {
	case ' ', '\t':
		if c.ext++; c.ext > chunkExtBytesMax {
			return faultChunkExtLong
		}
	case ';':
		c.phase = chunkExt
	case '\r':
		c.phase = chunkSizeLF
	default:
		return faultChunkSize
	}
	return nil
}

// trailerByte collects a line of the trailer section and judges it when it is whole.
func (c *Chunked) trailerByte(b byte) *fault {
	if c.section++; c.section > trailerBytesMax {
		return faultTrailerLong
	}
	c.trailer = append(c.trailer, b)
	if b != '\n' {
		return nil
	}
	line := c.trailer[c.kept:]
	if len(line) < 2 || line[len(line)-2] != '\r' {
		return faultBareLF
	}
	if len(line) == len("\r\n") {
		c.trailer = c.trailer[:c.kept]
		c.phase = chunkDone
		return nil
	}
	name, f := trailerName(line[:len(line)-2])
	if f != nil || !trailerAllowed(name) || hasElement(c.hops, name) {
		c.trailer = c.trailer[:c.kept]
	}
	c.kept = len(c.trailer)
	return f
}

// trailerName checks a field line as in a head and returns its name.
func trailerName(line []byte) (name []byte, f *fault) {
	i := skipClass(line, 0, classToken)
	if i == 0 || i == len(line) || line[i] != ':' {
		if i == len(line) {
			return nil, faultName
		}
		return nil, nameFault(line[i], i == 0)
	}
	if j := skipValue(line, i+1); j < len(line) {
		return nil, controlFault(line[j])
	}
	return line[:i], nil
}

// trailerAllowed is false for fields that concern framing, routing, authentication, request modifiers,
// response control or the content (RFC 9110 6.5.1), and for those with which a proxy vouches for the
// client.
func trailerAllowed(name []byte) bool {
	if identify(name) != IDOther || Vouches(name) || framingAlias(name) {
		return false
	}
	for _, forbidden := range trailersForbidden {
		if equalFoldASCII(name, forbidden) {
			return false
		}
	}
	return true
}

var trailersForbidden = [...]string{
	"age", "authorization", "cache-control", "content-encoding", "content-range", "content-type",
	"cookie", "date",
	"expires", "if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since",
	"location",
	"max-forwards", "pragma", "range", "retry-after", "set-cookie", "vary", "warning", "www-authenticate",
}
