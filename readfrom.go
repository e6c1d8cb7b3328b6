package unio

import (
	"context"
	"io"
	"net"
	"os"

	"github.com/unio-go/unio/mem"
)

// ReadFrom sends what comes out of r until its end, which is no error, and returns how many bytes that were; io.Copy uses
// it. From another Conn the received buffers are passed on as they are; from anything else 64 KiB at a time are read into
// a buffer of the runtime's, 192 KiB where those are filled, from files on a goroutine while a task is parked. It is no
// further ahead of the peer than Write. With an error it counts what it has taken over, which after os.ErrDeadlineExceeded is
// still sent.
func (c *Conn) ReadFrom(r io.Reader) (n int64, err error) {
	src, limit := limited(r)
	switch s := src.(type) {
	case *Conn:
		n, err = c.passFrom(s, limit)
	case *os.File:
		Offload(func() { n, err = c.readFrom(s, limit) })
	default:
		n, err = c.readFrom(r, -1)
		return n, c.copyError("readfrom", err) // a limit has been counted by its own Read
	}
	if l, ok := r.(*io.LimitedReader); ok && src != r {
		l.N -= n
	}
	return n, c.copyError("readfrom", err)
}

// WriteTo writes what is received to w until the end of the stream, which is no error, and returns how many bytes that
// were; io.Copy uses it. To another Conn the buffers are passed on as they are; files are written on a goroutine while a
// task is parked.
func (c *Conn) WriteTo(w io.Writer) (n int64, err error) {
	switch d := w.(type) {
	case *Conn:
		n, err = d.passFrom(c, -1)
	case *os.File:
		Offload(func() { n, err = c.writeTo(w) })
	default:
		n, err = c.writeTo(w)
	}
	return n, c.copyError("writeto", err)
}

// copyError dresses an error as package net does: the failed copy around what failed. io.EOF is here what a writer has failed
// with: the end of what is read has been met where it is read.
func (c *Conn) copyError(op string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	e := &net.OpError{Op: op, Net: "tcp", Err: err}
	if a := c.knownAddrs(); a.local != nil {
		e.Net, e.Source, e.Addr = a.local.Network(), a.local, a.remote
	}
	return e
}

// unlessEnd is an error of what is read, whose end is none.
func unlessEnd(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}

// limited looks into what io.CopyN makes: the reader within, and how much of it is wanted. Negative is all.
func limited(r io.Reader) (io.Reader, int64) {
	if l, ok := r.(*io.LimitedReader); ok {
		return l.R, max(l.N, 0)
	}
	return r, -1
}

// passFrom sends what another connection receives.
func (c *Conn) passFrom(s *Conn, limit int64) (n int64, err error) {
	for n != limit {
		b, err := s.recvUpTo(upTo(limit-n, mem.MaxBytes))
		if err != nil {
			return n, unlessEnd(err)
		}
		m, err := c.pass(context.Background(), b)
		n += int64(m)
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// upTo is the size of the next piece when rest bytes are wanted, all if negative.
func upTo(rest int64, most int) int {
	if rest < 0 {
		return most
	}
	return int(min(rest, int64(most)))
}

// recvUpTo is Recv of no more than limit bytes.
func (c *Conn) recvUpTo(limit int) (*mem.Buf, error) {
	t := c.l.Here()
	if t == nil {
		return c.recvOutside(limit, false)
	}
	if c.rest == nil && !c.startRecv(limit, false) {
		c.awaitData(t, limit, false)
		return c.recvResult(&t.Waiter)
	}
	return c.take(limit)
}

// readFrom sends what comes out of r.
func (c *Conn) readFrom(r io.Reader, limit int64) (n int64, err error) {
	most := c.pieceMax()
	for n != limit {
		size := upTo(limit-n, most)
		b, err := c.alloc(c.l.Here(), size)
		if err != nil {
			return n, err
		}
		end := readInto(r, b)
		if most = c.pieceMax(); b.Len() == size {
			most = max(most, c.longMax())
		}
		if b.Len() > 0 {
			m, err := c.pass(context.Background(), b)
			n += int64(m)
			if err != nil {
				return n, err
			}
		} else {
			b.Release()
		}
		if end != nil {
			return n, unlessEnd(end)
		}
	}
	return n, nil
}

// writeTo writes what is received.
func (c *Conn) writeTo(w io.Writer) (n int64, err error) {
	for {
		b, err := c.Recv()
		if err != nil {
			return n, unlessEnd(err)
		}
		m, err := writeOut(w, b)
		n += int64(m)
		if err != nil {
			return n, err
		}
	}
}

// readInto makes what one Read of r gives the bytes of b. A reader that panics or ends its goroutine has b released.
func readInto(r io.Reader, b *mem.Buf) (err error) {
	back := false
	defer func() {
		if !back {
			b.Release()
		}
	}()
	n, err := r.Read(b.Bytes())
	b.SetLen(n)
	back = true
	return err
}

// writeOut writes b to w and releases it, also when the writer panics or ends its goroutine.
func writeOut(w io.Writer, b *mem.Buf) (n int, err error) {
	defer b.Release()
	n, err = w.Write(b.Bytes())
	if err == nil && n < b.Len() {
		err = io.ErrShortWrite
	}
	return n, err
}
