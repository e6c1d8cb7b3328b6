package uniotls

import (
	"encoding/binary"

	"github.com/unio-go/unio/mem"
)

// headBytes is the length of a record's header, RFC 8446, 5.1.
const headBytes = 5

// record follows the borders of what the peer sends, so that crypto/tls is never given more than the rest of the record
// that it is in: what it does not have it cannot hide from somebody who waits for the connection.
type record struct {
	buf  *mem.Buf // what has arrived and crypto/tls does not have; never empty
	off  int
	head [headBytes]byte // of the record that crypto/tls is in, as far as it has it
	had  int             // bytes of head
	left int             // bytes of the payload that crypto/tls does not have, once it has all of head

	now   bool  // reading must not wait, and ends with a record
	ended bool  // it has ended
	err   error // what the connection below has said for good
}

func (r *record) bytes() []byte { return r.buf.Bytes()[r.off:] }

// drop gives up what crypto/tls does not have.
func (r *record) drop() {
	if r.buf != nil {
		r.buf.Release()
		r.buf, r.off = nil, 0
	}
}

// rest is how many bytes are missing from the record, or from its header while that is not there: what follows in p is
// looked at for it. size is the length of the payload, 0 while the header is not there.
func (r *record) rest(p []byte) (n, size int) {
	head := r.head
	if r.had < headBytes {
		if n := headBytes - r.had; len(p) < n {
			return n, 0
		}
		copy(head[r.had:], p)
	}
	size = int(binary.BigEndian.Uint16(head[3:]))
	if r.had < headBytes {
		return headBytes - r.had + size, size
	}
	return r.left, size
}

// whole reports whether a record ends in what has arrived, and how long its payload is.
func (r *record) whole() (size int, ok bool) {
	if r.buf == nil {
		return 0, false
	}
	p := r.bytes()
	n, size := r.rest(p)
	return size, len(p) >= n && (r.had == headBytes || len(p) >= headBytes-r.had)
}

// give copies what has arrived into p, to the end of the record at most.
func (r *record) give(p []byte) int {
	src := r.bytes()
	n, _ := r.rest(src)
	n = copy(p, src[:min(n, len(src))])
	if r.off += n; r.off == r.buf.Len() {
		r.drop()
	}
	r.pass(p[:n])
	return n
}

// pass notes that crypto/tls has got p, which does not reach beyond the record.
func (r *record) pass(p []byte) {
	if r.had < headBytes {
		n := copy(r.head[r.had:], p)
		if r.had += n; r.had < headBytes {
			return
		}
		r.left, p = int(binary.BigEndian.Uint16(r.head[3:])), p[n:]
	}
	if r.left -= len(p); r.left == 0 {
		r.had, r.ended = 0, true
	}
}
