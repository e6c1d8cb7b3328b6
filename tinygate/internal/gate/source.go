package gate

import (
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/mem"
	"github.com/unio-go/unio/tinygate/internal/stream"
)

// source reads a connection buffer by buffer. It owns the buffer that it stands in.
type source struct {
	c     stream.Conn
	b     *mem.Buf
	off   int
	ours  bool // b was made by more, which may write behind its end
	limit time.Duration
	end   time.Time // bounds limit; zero: nothing does
}

// bytes is what has arrived and was not skipped.
func (s *source) bytes() []byte {
	if s.b == nil {
		return nil
	}
	return s.b.Bytes()[s.off:]
}

// skip leaves n bytes behind.
func (s *source) skip(n int) {
	if s.off += n; s.b != nil && s.off == s.b.Len() {
		s.drop()
	}
}

// drop gives up what has arrived.
func (s *source) drop() {
	if s.b != nil {
		s.b.Release()
		s.b, s.off, s.ours = nil, 0, false
	}
}

// slice is part of what is there as a buffer of its own.
func (s *source) slice(i, j int) *mem.Buf { return s.b.Slice(s.off+i, s.off+j) }

// recv waits for the next buffer. Nothing may be left of the last one.
func (s *source) recv() error {
	if s.limit > 0 {
		by := s.c.Now().Add(s.limit)
		if !s.end.IsZero() && by.After(s.end) {
			by = s.end
		}
		s.c.SetReadDeadline(by)
	}
	b, err := s.c.Recv()
	if err != nil {
		return err
	}
	s.b, s.off, s.ours = b, 0, false
	return nil
}

// more waits for further bytes and puts them behind those that have arrived, for a head that comes in pieces. Before it
// waits it moves those into a buffer of their size, if there is one: a client that sends a byte and pauses holds no more.
func (s *source) more(rt *unio.Runtime) error {
	if s.b == nil {
		return s.recv()
	}
	if !s.ours {
		if b, ok := rt.Pool().TryGet(len(s.bytes())); ok {
			s.move(b)
		}
	}
	next, err := s.c.Recv()
	if err != nil {
		return err
	}
	defer next.Release()
	if !s.ours || s.b.Cap()-s.b.Len() < next.Len() {
		b, err := alloc(rt, len(s.bytes())+next.Len())
		if err != nil {
			return err
		}
		s.move(b)
	}
	n := s.b.Len()
	s.b.SetLen(n + next.Len())
	copy(s.b.Bytes()[n:], next.Bytes())
	return nil
}

// move puts what is there at the beginning of b, which has room for it.
func (s *source) move(b *mem.Buf) {
	have := s.bytes()
	b.SetLen(len(have))
	copy(b.Bytes(), have)
	s.drop()
	s.b, s.ours = b, true
}
