package journal

import (
	"hash/crc32"
	"sync/atomic"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/mem"
)

// stream is what a connection has received and nobody has used yet, in the buffers into which it was received.
type stream struct {
	c      *unio.Conn
	pieces []*mem.Buf
	used   int // of the first piece
	n      int // bytes in all
	parsed *atomic.Uint64
}

// fill waits until there are n bytes.
func (s *stream) fill(n int) error {
	for s.n < n {
		b, err := s.c.Recv()
		if err != nil {
			return err
		}
		s.pieces = append(s.pieces, b)
		s.n += b.Len()
	}
	return nil
}

// each calls fn with the bytes from off to off+n, piece by piece. They are there.
func (s *stream) each(off, n int, fn func(p []byte)) {
	off += s.used
	for _, b := range s.pieces {
		p := b.Bytes()
		if off >= len(p) {
			off -= len(p)
			continue
		}
		p = p[off:min(len(p), off+n)]
		off, n = 0, n-len(p)
		fn(p)
		if n == 0 {
			return
		}
	}
}

// head is the head that begins at off. It is there.
func (s *stream) head(off int) (h head) {
	var whole [headBytes]byte
	have := 0
	s.each(off, headBytes, func(p []byte) {
		if len(p) == headBytes {
			h = parseHead(p)
			return
		}
		have += copy(whole[have:], p)
		s.parsed.Add(uint64(len(p)))
	})
	if have > 0 {
		h = parseHead(whole[:])
	}
	return h
}

// sound reports whether the record behind a head has the head's checksum. It is there.
func (s *stream) sound(h head, off int) bool {
	sum := h.sum()
	s.each(off+headBytes, h.length, func(p []byte) { sum = crc32.Update(sum, table, p) })
	return uint64(sum) == h.at
}

// take gives the first n bytes, in handles on the buffers that were received.
func (s *stream) take(n int) (bufs []*mem.Buf) {
	s.n -= n
	for n > 0 {
		b := s.pieces[0]
		m := min(n, b.Len()-s.used)
		n -= m
		if s.used == 0 && m == b.Len() {
			bufs = append(bufs, b)
			s.pieces = s.pieces[1:]
			continue
		}
		bufs = append(bufs, b.Slice(s.used, s.used+m))
		if s.used += m; s.used == b.Len() {
			b.Release()
			s.pieces, s.used = s.pieces[1:], 0
		}
	}
	return bufs
}

// skip drops the first n bytes.
func (s *stream) skip(n int) {
	for _, b := range s.take(n) {
		b.Release()
	}
}

// release drops everything.
func (s *stream) release() {
	for _, b := range s.pieces {
		b.Release()
	}
	s.pieces, s.used, s.n = nil, 0, 0
}
