package soak

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"time"

	"github.com/unio-go/unio"
)

// talk is a conversation, as the server has it.
type talk struct {
	hello
	sleep    func(time.Duration)
	seq      uint32
	received uint64
	ups      stream
	downs    stream
	buf      []byte
	begun    bool
}

// handle is the handler of Serve.
func (s *server) handle(c *unio.Conn) {
	s.begun.Add(1)
	h, err := readHello(c)
	if err != nil {
		s.ended("server, hello", &h, err)
		return
	}
	t := &talk{hello: h, sleep: unio.Sleep}
	switch h.style {
	case styleRecvSend:
		r := &recvSend{c: c, rt: s.rt}
		err = s.converse(r, t)
		r.release()
	case styleReadWrite:
		err = s.converse(c, t)
	case styleDeadlines:
		err = s.converse(&impatient{c}, t)
	case styleGoroutine:
		c.Keep()
		t.sleep = time.Sleep
		go func() {
			defer c.Close()
			s.ended("server, goroutine", &t.hello, s.converse(c, t))
		}()
		return
	case styleAwait:
		s.await(c, t)
		return
	case styleProxy:
		err = s.proxy(c, h)
	}
	s.ended("server, task", &h, err)
}

// readWriter is what a conversation goes over.
type readWriter interface {
	io.Reader
	io.Writer
}

// converse answers until the client has ended its side.
func (s *server) converse(c readWriter, t *talk) error {
	for {
		over, err := s.answer(c, t)
		if over || err != nil {
			return err
		}
	}
}

// answer serves one request, or ends the conversation.
func (s *server) answer(c readWriter, t *talk) (over bool, err error) {
	if !t.begun {
		t.begun = true
		t.ups, t.downs = t.up(), t.down()
		t.buf = make([]byte, pieceBytes)
	}
	q, err := readRequest(c, t.seq)
	if err == io.EOF {
		_, err := c.Write(answerHeader(trailerSeq, t.received))
		return true, err
	}
	if err != nil {
		return false, err
	}
	if t.drop && rand.N(8) == 0 {
		return false, errDropped
	}
	payload := func() error {
		err := t.ups.recv(c, uint64(q.up), t.buf, whole)
		t.received += uint64(q.up)
		return err
	}
	buf := t.buf
	if q.duplex {
		buf = make([]byte, pieceBytes)
	}
	reply := func() error {
		if _, err := c.Write(answerHeader(q.seq, uint64(q.down))); err != nil {
			return err
		}
		return t.downs.send(c, uint64(q.down), buf, whole)
	}
	if q.duplex {
		var g unio.Group
		g.Go(payload)
		g.Go(reply)
		err = g.Wait()
	} else if err = payload(); err == nil {
		if rand.N(50) == 0 {
			t.sleep(rand.N(20 * time.Millisecond))
		}
		err = reply()
	}
	t.seq++
	if err == nil {
		s.bytes.Add(uint64(q.up) + uint64(q.down))
	}
	return false, err
}

// awaitLimit ends a wait that the client of a lively conversation never needs.
const awaitLimit = 2 * time.Minute

// await serves one request for each time that something arrives.
func (s *server) await(c *unio.Conn, t *talk) {
	err := c.Await(awaitLimit, func(c *unio.Conn, err error) {
		if err == nil {
			var over bool
			if over, err = s.answer(c, t); !over && err == nil {
				s.await(c, t)
				return
			}
		}
		s.ended("server, Await", &t.hello, err)
	})
	s.ended("server, Await", &t.hello, err)
}

// proxy connects on and copies in both directions.
func (s *server) proxy(c *unio.Conn, h hello) error {
	if h.onward {
		return &corrupt{"a proxy behind a proxy"}
	}
	o, err := s.rt.Dial(context.Background(), "tcp", s.inner, nil)
	if err != nil {
		return err
	}
	defer o.Close()
	h.onward, h.style = true, style(h.seed%uint64(styleProxy))
	if _, err := o.Write(h.bytes()); err != nil {
		return err
	}
	pump := func(to, from *unio.Conn) func() error {
		return func() error {
			if _, err := io.Copy(to, from); err != nil {
				c.Close()
				o.Close()
				return err
			}
			return to.CloseWrite()
		}
	}
	var g unio.Group
	g.Go(pump(o, c))
	g.Go(pump(c, o))
	return g.Wait()
}

// recvSend reads and writes by buffers.
type recvSend struct {
	c    *unio.Conn
	rt   *unio.Runtime
	rest []byte
	b    interface{ Release() } // what rest is in
}

// Read takes from the buffer that is there, or from the next. Between calls no buffer is held.
func (r *recvSend) Read(p []byte) (int, error) {
	if r.b == nil {
		b, err := r.c.Recv()
		if err != nil {
			return 0, err
		}
		r.b, r.rest = b, b.Bytes()
	}
	n := copy(p, r.rest)
	if r.rest = r.rest[n:]; len(r.rest) == 0 {
		r.b.Release()
		r.b = nil
	}
	return n, nil
}

// release gives back what has not been read.
func (r *recvSend) release() {
	if r.b != nil {
		r.b.Release()
		r.b = nil
	}
}

// Write sends a copy.
func (r *recvSend) Write(p []byte) (int, error) {
	b, err := r.rt.Alloc(context.Background(), len(p))
	if err != nil {
		return 0, err
	}
	copy(b.Bytes(), p)
	if err := r.c.Send(b); err != nil {
		return 0, err
	}
	return len(p), nil
}

// impatient is a connection whose calls run into deadlines and are made again.
type impatient struct{ c *unio.Conn }

// patience is how long one call may take, and patienceLimit how long all of them.
const (
	patience      = 2 * time.Millisecond
	patienceLimit = 2 * time.Minute
)

// Read reads within many deadlines.
func (i *impatient) Read(p []byte) (int, error) {
	for end := time.Now().Add(patienceLimit); ; {
		i.c.SetReadDeadline(time.Now().Add(patience))
		n, err := i.c.Read(p)
		if errors.Is(err, os.ErrDeadlineExceeded) && n == 0 && time.Now().Before(end) {
			continue
		}
		return n, err
	}
}

// Write writes on after each deadline. The last one is taken back, so that closing may take the time that it needs.
func (i *impatient) Write(p []byte) (n int, err error) {
	defer i.c.SetWriteDeadline(time.Time{})
	for end := time.Now().Add(patienceLimit); ; {
		i.c.SetWriteDeadline(time.Now().Add(patience))
		m, err := i.c.Write(p[n:])
		n += m
		if errors.Is(err, os.ErrDeadlineExceeded) && time.Now().Before(end) {
			continue
		}
		return n, err
	}
}
