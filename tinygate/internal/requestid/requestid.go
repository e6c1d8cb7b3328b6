// Package requestid makes the ids by which a request is found again in the logs of all who handled it.
package requestid

import (
	cryptorand "crypto/rand"
	"encoding/binary"
	"math/rand/v2"
)

// BytesMax is the most that an id from outside may have.
const BytesMax = 128

// Source makes ids. It belongs to one loop; two Sources never need to know of each other.
type Source struct{ bits *rand.ChaCha8 }

// New returns a Source with a seed of its own, for which it asks the system once.
func New() *Source {
	var seed [32]byte
	cryptorand.Read(seed[:]) // never fails, as its documentation says
	return &Source{rand.NewChaCha8(seed)}
}

// Append appends 32 lower-case hexadecimal digits: 128 random bits, so that ids of other loops, processes and machines
// differ, without a counter that would tell how many requests there are. The form is that of nginx's $request_id
// and of the trace id of W3C Trace Context, and needs no quoting anywhere.
func (s *Source) Append(dst []byte) []byte {
	dst = appendHex(dst, s.bits.Uint64())
	return appendHex(dst, s.bits.Uint64())
}

const (
	nibbles = 0x0f0f0f0f0f0f0f0f
	ones    = 0x0101010101010101
)

// appendHex writes all sixteen digits.
func appendHex(dst []byte, v uint64) []byte {
	dst = binary.BigEndian.AppendUint64(dst, digits(v>>32))
	return binary.BigEndian.AppendUint64(dst, digits(v&0xffffffff))
}

// digits are those of 32 bits, one in each byte, the highest first.
func digits(v uint64) uint64 {
	v = (v | v<<16) & 0x0000ffff0000ffff
	v = (v | v<<8) & 0x00ff00ff00ff00ff
	v = (v | v<<4) & nibbles
	// A digit above 9 carries into the fifth bit when 6 is added.
	letter := (v + 6*ones) >> 4 & ones
	return v + '0'*ones + letter*('a'-'0'-10)
}

// Valid reports whether an id that a trusted proxy sent may be taken over: up to BytesMax letters, digits and
// -._~+/=:@ as UUIDs, Base64, ULIDs and the ids of AWS and Envoy use them. Nothing of that can end a field, a line of a log or
// a quoted string. An id of anybody else is replaced, since it could be that of another request.
func Valid(id []byte) bool {
	if len(id) == 0 || len(id) > BytesMax {
		return false
	}
	for _, c := range id {
		if !allowed[c] {
			return false
		}
	}
	return true
}

var allowed = func() (t [256]bool) {
	for _, c := range []byte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~+/=:@") {
		t[c] = true
	}
	return t
}()
