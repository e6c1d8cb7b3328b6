package uniotls

import (
	"bytes"
	"encoding/binary"

	"github.com/unio-go/unio/mem"
)

// headBytes is the length of a record's header, RFC 8446, 5.1.
const headBytes = 5

// record follows the borders of what the peer sends, so that crypto/tls is never given more than the rest of the record
// that it is in: what it does not have it cannot hide from somebody who waits for the connection.
type record struct {
	data []byte          // what has arrived and crypto/tls does not have
	buf  *mem.Buf        // the memory of data; nil: the heap's
	head [headBytes]byte // of the record that crypto/tls is in, as far as it has it
	had  int             // bytes of head
	left int             // bytes of the payload that crypto/tls does not have, once it has all of head

	now   bool  // reading must not wait, and ends with a record
	ended bool  // it has ended
	err   error // what the connection below has said for good
}

// arrive takes a buffer over with what comes next. Nothing may be there.
func (r *record) arrive(b *mem.Buf) { r.data, r.buf = b.Bytes(), b }

// drop gives up what crypto/tls does not have.
func (r *record) drop() {
	r.data = nil
	r.release()
}

// yield moves what crypto/tls does not have to the heap, so that nothing of the pool is held.
func (r *record) yield() {
	if r.buf != nil {
		r.data = bytes.Clone(r.data)
		r.release()
	}
}

func (r *record) release() {
	if r.buf != nil {
		r.buf.Release()
		r.buf = nil
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
	p := r.data
	if len(p) == 0 {
		return 0, false
	}
	n, size := r.rest(p)
	return size, len(p) >= n && (r.had == headBytes || len(p) >= headBytes-r.had)
}

// give copies what has arrived into p, to the end of the record at most.
func (r *record) give(p []byte) int {
	n, _ := r.rest(r.data)
	n = copy(p, r.data[:min(n, len(r.data))])
	if r.data = r.data[n:]; len(r.data) == 0 {
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
