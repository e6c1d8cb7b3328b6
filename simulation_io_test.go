package unio_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"time"

	"github.com/unio-go/unio/mem"
)

// writer sends frames, and the last of the writers the end. Now and then it intrudes upon another connection, which may
// live on another loop.
func (s *simSide) writer(id int) {
	for range 4 + s.Rand.IntN(6) {
		if s.odds(3) {
			s.rest()
		}
		if s.closed || s.sendErr != nil {
			break
		}
		if s.odds(6) {
			s.intrude()
		}
		if !s.frame(id) {
			break
		}
	}
	if s.writing--; s.writing == 0 && !s.closed {
		s.closeWrite()
	}
}

// intrude writes a frame to some other connection, best to one that is about to end.
func (s *simSide) intrude() {
	o := s.open[s.Rand.IntN(len(s.open))]
	for _, e := range s.open {
		if e.ending && !e.closed && e.sendErr == nil && s.odds(2) {
			o = e
		}
	}
	if o == s || o.intruded || o.closed || o.link < 0 {
		return
	}
	o.intruded = true
	o.frame(simIntruder)
	o.intruded = false
}

// frame writes one frame in one of the ways that there are. False: the connection can be written to no longer.
func (s *simSide) frame(id int) bool {
	size := 1 + s.Rand.IntN(300)
	switch s.Rand.IntN(40) {
	case 0:
		size = 1 + s.Rand.IntN(simFrameMax)
	case 1, 2, 3, 4:
		size = 1 + s.Rand.IntN(9_000)
	}
	p := s.encode(id, size)
	var bufs []*mem.Buf
	if s.odds(4) {
		bufs = s.buffers(p)
	}
	var by time.Time
	if s.odds(10) {
		by = s.Now().Add(s.short())
		s.setDeadline(s.c.SetWriteDeadline, &s.writeBy, by)
	}
	set, start := s.deadlines, s.Now()
	s.did()
	n, err := s.write(p, bufs)
	s.timely("write", set, start, by)
	if !by.IsZero() {
		s.setDeadline(s.c.SetWriteDeadline, &s.writeBy, time.Time{})
	}
	if err == nil && n != len(p) {
		s.Errorf("connection %d: wrote %d of %d without an error", s.link, n, len(p))
	}
	switch {
	case err == nil:
		s.written[id]++
		return true
	case n > 0:
		s.torn = true
	}
	s.allow("write", err)
	if errors.Is(err, os.ErrDeadlineExceeded) && n == 0 {
		return true // nothing has happened
	}
	if s.sendErr = err; s.torn && !s.closed {
		s.close()
	}
	return false
}

// write is one of the calls that write: bufs, if there are any, are p. Send may have sent also where it fails, which counts
// as torn.
func (s *simSide) write(p []byte, bufs []*mem.Buf) (int, error) {
	if len(bufs) > 0 {
		if err := s.c.Send(bufs...); err != nil {
			return 1, err
		}
		return len(p), nil
	}
	if s.odds(3) {
		cut := s.Rand.IntN(len(p))
		if s.writing > 1 || s.intruded || cut == 0 {
			return s.c.Write(p) // its pieces are separate writes
		}
		s.intruded = true
		defer func() { s.intruded = false }()
		v := net.Buffers{p[:cut], p[cut:]}
		n, err := s.c.Writev(&v)
		return int(n), err
	}
	return s.c.Write(p)
}

// buffers copies p into buffers of the pool.
func (s *simSide) buffers(p []byte) (bufs []*mem.Buf) {
	for len(p) > 0 {
		n := min(len(p), 1+s.Rand.IntN(100_000))
		b, err := s.Runtime().Alloc(context.Background(), n)
		if err != nil {
			s.Fatalf("alloc: %v", err)
		}
		copy(b.Bytes(), p)
		bufs, p = append(bufs, b), p[n:]
	}
	return bufs
}

// encode makes the next frame of a writer.
func (s *simSide) encode(id, size int) []byte {
	p := make([]byte, simHeader+size)
	p[0], p[1] = simMagic, byte(id)
	binary.BigEndian.PutUint16(p[2:], s.written[id])
	binary.BigEndian.PutUint16(p[4:], uint16(s.link+1))
	binary.BigEndian.PutUint32(p[6:], uint32(size))
	copy(p[simHeader:], simContent(id, s.written[id], size))
	return p
}

// simFrameMax is the longest frame: more than a connection may be ahead, and than it may hold unread.
const simFrameMax = 150_000

// simBytes is what the content of all frames is cut from, each at another place.
var simBytes = newStream(5).next(make([]byte, simFrameMax+1<<16))

// simContent is the content of a frame.
func simContent(id int, seq uint16, size int) []byte {
	at := (id*257 + int(seq)) * 113 % (1 << 16)
	return simBytes[at : at+size]
}

// reader reads to the end.
func (s *simSide) reader() {
	for {
		if s.odds(8) {
			s.rest()
		}
		if s.odds(3) {
			s.release(s.Rand.IntN(3))
		}
		var by time.Time
		if s.odds(8) {
			by = s.Now().Add(s.short())
			s.setDeadline(s.c.SetReadDeadline, &s.readBy, by)
		}
		set, start := s.deadlines, s.Now()
		err := s.readSome()
		s.timely("read", set, start, by)
		if err != nil && errors.Is(err, os.ErrDeadlineExceeded) && !s.closed {
			s.allow("read", err)
			s.setDeadline(s.c.SetReadDeadline, &s.readBy, time.Time{})
			continue
		}
		if err == io.EOF && !s.noRead {
			s.sawEnd = true
			return
		}
		if err == io.EOF { // its own doing: the other end may write and be read by nobody, which must not last
			s.rest()
			s.close()
			return
		}
		if err != nil {
			s.allow("read", err)
			if !s.closed {
				s.close()
			}
			return
		}
	}
}

// readSome is one of the calls that read.
func (s *simSide) readSome() error {
	s.did()
	if s.odds(2) {
		p := make([]byte, 1+s.Rand.IntN([]int{5000, 100_000}[s.Rand.IntN(2)]))
		n, err := s.c.Read(p)
		if (n > 0) == (err != nil) {
			s.Errorf("connection %d: read %d bytes and %v", s.link, n, err)
		}
		s.take(p[:n])
		return err
	}
	b, err := s.c.Recv()
	if err != nil {
		return err
	}
	s.take(b.Bytes())
	s.held = append(s.held, simHeld{b, append([]byte(nil), b.Bytes()...)})
	s.release(3)
	return nil
}

// release gives back all but the last few buffers that are held, in which nothing may have changed.
func (s *simSide) release(keep int) {
	for len(s.held) > keep {
		h := s.held[0]
		s.held = s.held[1:]
		if !bytes.Equal(h.b.Bytes(), h.want) {
			s.Errorf("connection %d: a buffer changed while it was held", s.link)
		}
		h.b.Release()
	}
}

// take looks at what has arrived.
func (s *simSide) take(p []byte) {
	s.in = append(s.in, p...)
	for len(s.in) >= simHeader && !(s.peer != nil && s.peer.torn) {
		h := s.in[:simHeader]
		id, link := int(h[1]), int(binary.BigEndian.Uint16(h[4:]))-1
		size := int(binary.BigEndian.Uint32(h[6:]))
		if h[0] != simMagic || id >= simWriters {
			s.Fatalf("connection %d: no frame begins with % x", s.link, h)
		}
		if s.peer == nil {
			s.meet(link)
		}
		if len(s.in) < simHeader+size {
			return
		}
		if seq := binary.BigEndian.Uint16(h[2:]); seq != s.read[id] {
			s.Fatalf("connection %d: frame %d of writer %d, want %d", s.link, seq, id, s.read[id])
		}
		if !bytes.Equal(simContent(id, s.read[id], size), s.in[simHeader:simHeader+size]) {
			s.Fatalf("connection %d: frame %d of writer %d has other bytes", s.link, s.read[id], id)
		}
		s.read[id]++
		s.in = s.in[simHeader+size:]
	}
}

// meet tells the two ends of a connection from each other: a client says the number of its connection with each frame, and
// a server learns it from the first.
func (s *simSide) meet(link int) {
	if s.link >= 0 {
		for _, o := range s.all {
			if o.link == s.link && o != s {
				s.peer = o
			}
		}
		return
	}
	if link < 0 || link >= len(s.links) {
		s.Fatalf("a frame of connection %d, which does not exist", link)
	}
	s.link = link
	s.peer = s.links[link]
	s.peer.peer = s
}

// judge holds what has arrived against what was sent, when both ends are over.
func (s *simSide) judge() {
	o := s.peer
	if o == nil || !s.sawEnd || o.torn || o.lossy || o.sendErr != nil {
		return
	}
	if s.read != o.written {
		s.Errorf("connection %d: the end came after frames %v of %v", s.link, s.read, o.written)
	}
}
