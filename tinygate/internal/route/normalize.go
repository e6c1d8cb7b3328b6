package route

import (
	"bytes"
	"encoding/binary"

	"github.com/unio-go/unio/tinygate/internal/http1"
)

// The reasons for which Normalize refuses a path.
var (
	errStart     = &http1.Error{Status: 400, Reason: "path does not begin with a slash"}
	errEscape    = &http1.Error{Status: 400, Reason: "invalid escape in path"}
	errNUL       = &http1.Error{Status: 400, Reason: "NUL in path"}
	errBackslash = &http1.Error{Status: 400, Reason: "backslash in path"}
	errDots      = &http1.Error{Status: 400, Reason: "dot segment in path that some servers see and some do not"}
	errBoth      = &http1.Error{Status: 400, Reason: "both an escaped slash and an escaped backslash in path"}
)

// Normalize returns the path that routes see and that has to be forwarded: see the package's documentation. path is that
// of a request as http1 has accepted it, without its query; an empty one is "/" (RFC 3986 6.2.3), and "*" stays.
//
// When the path is normal it is returned itself with same set, and dst is not used. Otherwise norm is written over dst,
// whatever its length, and is never longer than the path, but for an empty one. dst and path must not overlap. An error
// is an *http1.Error with the status 400.
func Normalize(dst, path []byte) (norm []byte, same bool, err error) {
	if isPlain(path) {
		return path, true, nil
	}
	switch {
	case len(path) == 0:
		return append(dst[:0], '/'), false, nil
	case len(path) == 1 && path[0] == '*':
		return path, true, nil
	case path[0] != '/':
		return nil, false, errStart
	}
	norm, fault := rebuild(dst[:0], path)
	if fault != nil {
		return nil, false, fault
	}
	if bytes.Equal(norm, path) {
		return path, true, nil
	}
	return norm, false, nil
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// zeros has the high bit of each byte of w that is zero. Above the lowest one there may be more, as a borrow runs upwards.
func zeros(w uint64) uint64 { return (w - ones) &^ w & highs }

// isPlain reports whether a path is normal for sure: it begins with a slash and has no '%', no backslash, and no slash
// that a slash or a dot follows. It looks at eight bytes at a time; what zeros finds too much costs a second look.
func isPlain(p []byte) bool {
	if len(p) == 0 || p[0] != '/' {
		return false
	}
	if len(p) < 8 {
		for i, c := range p {
			if c == '%' || c == '\\' || i > 0 && p[i-1] == '/' && (c == '/' || c == '.') {
				return false
			}
		}
		return true
	}
	slash := uint64(0) // whether the byte before was one, as a high bit
	for i := 0; ; {
		w := binary.LittleEndian.Uint64(p[i:])
		slashes := zeros(w ^ '/'*ones)
		after := slashes<<8 | slash
		// '.' and '/' differ in the lowest bit.
		if zeros(w^'%'*ones)|zeros(w^'\\'*ones)|zeros((w|ones)^'/'*ones)&after != 0 {
			return false
		}
		switch rest := len(p) - i - 8; {
		case rest == 0:
			return true
		case rest < 8: // the last word overlaps this one, which has seen the pair that reaches into it
			i += rest
			slash = 0
		default:
			i += 8
			slash = slashes >> 56
		}
	}
}

// rebuild writes the normal form of a path that begins with a slash.
func rebuild(dst, p []byte) ([]byte, *http1.Error) {
	var escaped seen
	for i := 0; i < len(p); {
		for i < len(p) && p[i] == '/' {
			i++
		}
		dst = append(dst, '/')
		begin := len(dst)
		var here seen
		var fault *http1.Error
		if dst, i, here, fault = segment(dst, p, i); fault != nil {
			return nil, fault
		}
		escaped |= here
		switch seg := dst[begin:]; {
		case string(seg) == ".":
			dst = dst[:begin-1]
		case string(seg) == "..":
			dst = dst[:begin-1]
			dst = dst[:max(bytes.LastIndexByte(dst, '/'), 0)]
		case hidesDots(seg, here != 0):
			return nil, errDots
		default:
			continue
		}
		if i == len(p) {
			dst = append(dst, '/')
		}
	}
	if escaped == sawSlash|sawBackslash {
		return nil, errBoth
	}
	return dst, nil
}

// seen says which escapes that may be separators there are.
type seen uint8

const (
	sawSlash seen = 1 << iota
	sawBackslash
)

// segment copies the segment at i, and returns where it ends.
func segment(dst, p []byte, i int) (_ []byte, end int, escaped seen, fault *http1.Error) {
	for ; i < len(p) && p[i] != '/'; i++ {
		c := p[i]
		switch c {
		case '\\':
			return nil, i, 0, errBackslash
		case '%':
			v, ok := unescape(p[i:])
			switch {
			case !ok:
				return nil, i, 0, errEscape
			case v == 0:
				return nil, i, 0, errNUL
			case v == '/':
				escaped |= sawSlash
			case v == '\\':
				escaped |= sawBackslash
			}
			if isUnreserved(v) {
				dst = append(dst, v)
			} else {
				dst = append(dst, '%', upperHex[v>>4], upperHex[v&15])
			}
			i += 2
		default:
			dst = append(dst, c)
		}
	}
	return dst, i, escaped, nil
}

// hidesDots reports whether a segment that is no dot segment has one for servers that cut parameters off or decode
// separators.
func hidesDots(seg []byte, escaped bool) bool {
	if !escaped {
		return len(seg) > 1 && seg[0] == '.' && isDots(seg)
	}
	begin := 0
	for i := 0; i < len(seg); i++ {
		if isSeparator(seg[i:]) {
			if isDots(seg[begin:i]) {
				return true
			}
			i += 2
			begin = i + 1
		}
	}
	return isDots(seg[begin:])
}

// isDots reports whether a segment is "." or "..", without its parameters.
func isDots(seg []byte) bool {
	if i := bytes.IndexByte(seg, ';'); i >= 0 {
		seg = seg[:i]
	}
	return string(seg) == "." || string(seg) == ".."
}

// isSeparator reports whether an escaped slash or backslash stands at the beginning of b, which is in normal form.
func isSeparator(b []byte) bool {
	return len(b) >= 3 && b[0] == '%' && (b[1] == '2' && b[2] == 'F' || b[1] == '5' && b[2] == 'C')
}

// hasSeparator reports whether a path in normal form has an escaped slash or backslash.
func hasSeparator(p []byte) bool {
	for {
		i := bytes.IndexByte(p, '%')
		if i < 0 {
			return false
		}
		if isSeparator(p[i:]) {
			return true
		}
		p = p[i+1:]
	}
}

// appendSeparated appends the other reading of a path in normal form: its escaped separators are slashes, and several
// slashes are one.
func appendSeparated(dst, p []byte) []byte {
	for i := 0; i < len(p); i++ {
		c := p[i]
		if isSeparator(p[i:]) {
			c = '/'
			i += 2
		}
		if c != '/' || len(dst) == 0 || dst[len(dst)-1] != '/' {
			dst = append(dst, c)
		}
	}
	return dst
}

const upperHex = "0123456789ABCDEF"

// unescape decodes the escape at the beginning of b.
func unescape(b []byte) (c byte, ok bool) {
	if len(b) < 3 {
		return 0, false
	}
	hi, lo := hexValue(b[1]), hexValue(b[2])
	return hi<<4 | lo&15, hi|lo < 16
}

// hexValue is 255 for what is no hexadecimal digit.
func hexValue(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	}
	return 255
}

// isUnreserved is of RFC 3986 2.3.
func isUnreserved(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~'
}
