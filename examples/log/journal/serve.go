package journal

import (
	"context"
	"errors"
	"fmt"

	"github.com/unio-go/unio"
)

// batchMax bounds the records that one request to the file has: 4096 answers are one buffer of 64 KiB.
const batchMax = 4096

// Serve speaks the protocol on a connection until the client ends it. It is a handler for unio.Listener.Serve, and may be
// called by a goroutine as well.
func (j *Journal) Serve(c *unio.Conn) {
	in := &stream{c: c, parsed: &j.parsed}
	defer in.release()
	for in.fill(headBytes) == nil {
		if err := j.answer(in); err != nil {
			j.complain(c, err)
			return
		}
	}
}

// errGone says that the client has gone, so that nobody can be told anything.
var errGone = errors.New("the client has gone")

// answer answers the first request, whose head is there, and the appends that have come with it.
func (j *Journal) answer(in *stream) error {
	switch h := in.head(0); h.kind {
	case kindAppend:
		return j.answerAppends(in, h)
	case kindRead:
		in.skip(headBytes)
		return j.answerRead(in.c, h)
	default:
		return fmt.Errorf("request of kind %q", h.kind)
	}
}

// answerAppends appends the first record and those that are there behind it, as they are, and answers all of them.
func (j *Journal) answerAppends(in *stream, h head) error {
	if err := h.checkAppend(); err != nil {
		return err
	}
	if in.fill(headBytes+h.length) != nil {
		return errGone
	}
	var lengths []int
	n := 0
	for h.kind == kindAppend && len(lengths) < batchMax && in.n-n >= headBytes+h.length {
		if !in.sound(h, n) {
			if n == 0 {
				return errors.New("the checksum of a record is wrong")
			}
			break // those before it first
		}
		lengths = append(lengths, h.length)
		n += headBytes + h.length
		if in.n-n < headBytes {
			break
		}
		h = in.head(n)
	}
	ctx := context.Background()
	off, err := j.append(ctx, n, in.take(n))
	if err != nil {
		return err
	}
	answers, err := j.rt.Alloc(ctx, len(lengths)*headBytes)
	if err != nil {
		return err
	}
	for i, length := range lengths {
		head{kindAppended, length, uint64(off)}.put(answers.Bytes()[i*headBytes:])
		off += int64(headBytes + length)
	}
	return gone(in.c.Send(answers))
}

// answerRead sends a part of the journal in the buffer into which it was read.
func (j *Journal) answerRead(c *unio.Conn, h head) error {
	ctx := context.Background()
	part, err := j.read(ctx, h.at, h.length)
	if err != nil {
		return err
	}
	answer, err := j.rt.Alloc(ctx, headBytes)
	if err != nil {
		if part != nil {
			part.Release()
		}
		return err
	}
	if part == nil {
		head{kindPart, 0, h.at}.put(answer.Bytes())
		return gone(c.Send(answer))
	}
	head{kindPart, part.Len(), h.at}.put(answer.Bytes())
	return gone(c.Send(answer, part))
}

// gone is errGone for any error.
func gone(err error) error {
	if err != nil {
		return errGone
	}
	return nil
}

// complain tells the client why the connection ends.
func (j *Journal) complain(c *unio.Conn, why error) {
	if why == errGone {
		return
	}
	text := why.Error()
	b, err := j.rt.Alloc(context.Background(), headBytes+len(text))
	if err != nil {
		return // the runtime is being closed
	}
	head{kindError, len(text), 0}.put(b.Bytes())
	copy(b.Bytes()[headBytes:], text)
	_ = c.Send(b) // it ends all the same
}
