package soak

import (
	"encoding/binary"
	"fmt"
)

// stream is the bytes of one direction of one connection, by position: the same for the one who sends and the one who
// checks.
type stream struct {
	seed, pos uint64
}

// word is the i-th eight bytes: splitmix64, whose words at neighbouring places have nothing in common.
func (s *stream) word(i uint64) uint64 {
	z := s.seed + (i+1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// each calls fn for the pieces of p that lie within one word, with the word's bytes for them.
func (s *stream) each(p []byte, fn func(piece, want []byte) bool) {
	var w [8]byte
	for len(p) > 0 {
		binary.LittleEndian.PutUint64(w[:], s.word(s.pos/8))
		off := int(s.pos % 8)
		n := min(len(p), 8-off)
		if !fn(p[:n], w[off:off+n]) {
			return
		}
		s.pos += uint64(n)
		p = p[n:]
	}
}

// fill makes p the next bytes.
func (s *stream) fill(p []byte) {
	s.each(p, func(piece, want []byte) bool { copy(piece, want); return true })
}

// check fails unless p is the next bytes.
func (s *stream) check(p []byte) error {
	var err error
	s.each(p, func(piece, want []byte) bool {
		if string(piece) != string(want) {
			err = &corrupt{fmt.Sprintf("byte %d of a stream: got %x, want %x", s.pos, piece, want)}
			return false
		}
		return true
	})
	return err
}

// corrupt is the error of bytes that are not what was sent: lost, doubled, in another order, or of somebody else.
type corrupt struct{ what string }

func (e *corrupt) Error() string { return "CORRUPT: " + e.what }
