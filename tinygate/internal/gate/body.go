package gate

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/mem"
	"github.com/unio-go/unio/tinygate/internal/edit"
	"github.com/unio-go/unio/tinygate/internal/http1"
	"github.com/unio-go/unio/tinygate/internal/stream"
)

// transfer carries a body from one connection to another, in the buffers in which it arrives.
type transfer struct {
	rt      *unio.Runtime
	dst     stream.Conn
	src     *source
	next    func() error // waits for more in src; nil: within limit and end
	body    *http1.Body
	chunked bool          // how it is sent on
	edit    *edit.Edit    // what its trailers have to obey
	limit   time.Duration // for each piece
	end     time.Time     // of all; zero: none
	most    int64         // bytes of payload; 0: no bound
	n       int64         // bytes of payload so far
	inside  bool          // a chunk has been sent whose CRLF is still due
	sendErr error         // why dst took no more, if that was it
}

// run carries the body to its end.
func (t *transfer) run() error {
	t.src.limit, t.src.end = t.limit, t.end
	next := t.next
	if next == nil {
		next = t.src.recv
	}
	for {
		if err := t.pass(); err != nil {
			return err
		}
		if t.body.Done() {
			return t.finish()
		}
		if err := next(); err == io.EOF {
			if err := t.body.EOF(); err != nil {
				return errors.Join(io.ErrUnexpectedEOF, err)
			}
		} else if err != nil {
			return err
		}
	}
}

// pass sends the payload of what is there.
func (t *transfer) pass() error {
	for !t.body.Done() {
		in := t.src.bytes()
		if len(in) == 0 {
			return nil
		}
		start, end, n, err := t.body.Next(in)
		if err != nil {
			return err
		}
		if n == 0 {
			return nil
		}
		if end == start {
			t.src.skip(n)
			continue
		}
		if end-start < smallBody {
			end, n = t.join(in, end, n)
		}
		// It is skipped before it is sent: the body has counted it, whatever becomes of it.
		piece := t.src.slice(start, end)
		t.src.skip(n)
		if t.n += int64(end - start); t.most > 0 && t.n > t.most {
			piece.Release()
			return errLongBody
		}
		if err := t.payload(piece); err != nil {
			return err
		}
	}
	return nil
}

// join moves the payload of small chunks that stand behind in[:n] to in[end:], where the payload before them ends. It returns
// the new end of the payload, and how much of in it has read. Each piece that is sent costs us and the receiver, and a sender
// could make one of every byte. Where chunks end means nothing to anybody (RFC 9112 7.1).
func (t *transfer) join(in []byte, end, n int) (int, int) {
	for n < len(in) && t.body.Left() == 0 && !t.body.Done() {
		next := in[n:min(len(in), n+smallBody)]
		from, to, used, err := t.body.Next(next)
		if err != nil || used == 0 {
			break // an error comes again
		}
		end += copy(in[end:], next[from:to])
		n += used
	}
	return end, n
}

// payload sends one piece, which it takes over, as a chunk where the body is chunked.
func (t *transfer) payload(piece *mem.Buf) error {
	size := piece.Len()
	t.setLimit(size)
	if !t.chunked {
		return t.sent(t.dst.Send(piece))
	}
	head, err := t.small(func(p []byte) []byte {
		if t.inside {
			p = append(p, http1.ChunkEnd...)
		}
		return http1.AppendChunkHeader(p, size)
	})
	if err != nil {
		piece.Release()
		return err
	}
	t.inside = true
	return t.sent(t.dst.Send(head, piece))
}

// sendUnit is how much of a piece the receiver has to take within the limit, so that the size of our
// buffers does not decide how slow a receiver may be.
const sendUnit = 64 << 10

// sendLeast is what a Send gets where the time for all is over, or nearly so. A receiver who takes what comes needs none of it; without
// it he would be blamed for the sender's last piece, for which there was no time left.
const sendLeast = 50 * time.Millisecond

// setLimit bounds the next Send, which waits until nearly all of the piece before it is with the kernel,
// and may wait for the piece itself.
func (t *transfer) setLimit(piece int) {
	by := t.dst.Now().Add(t.limit * time.Duration(1+piece/sendUnit))
	if !t.end.IsZero() && by.After(t.end) {
		by = t.end
		if least := time.Now().Add(sendLeast); by.Before(least) {
			by = least
		}
	}
	t.dst.SetWriteDeadline(by)
}

// finish sends what ends the body.
func (t *transfer) finish() error {
	if !t.chunked {
		return nil
	}
	trailer := t.edit.Trailer(t.body.Trailer())
	tail, err := t.small(func(p []byte) []byte {
		if t.inside {
			p = append(p, http1.ChunkEnd...)
		}
		return http1.AppendLastChunk(p, trailer)
	})
	if err != nil {
		return err
	}
	t.setLimit(0)
	return t.sent(t.dst.Send(tail))
}

func (t *transfer) sent(err error) error {
	if err != nil {
		t.sendErr = err
	}
	return err
}

// small fills a buffer for framing.
func (t *transfer) small(fill func([]byte) []byte) (*mem.Buf, error) {
	return build(t.rt, 64+len(t.body.Trailer()), fill)
}

// build fills a buffer of the runtime by a function that appends, to at most size bytes.
func build(rt *unio.Runtime, size int, fill func([]byte) []byte) (*mem.Buf, error) {
	b, err := alloc(rt, size)
	if err != nil {
		return nil, err
	}
	p := fill(b.Bytes()[:0])
	b.SetLen(len(p))
	return b, nil
}

// allocLimit bounds the wait for a buffer: those that wait may themselves hold what the others wait for.
const allocLimit = 2 * time.Second

var errMemory = &http1.Error{Status: 503, Reason: "no memory for buffers has become free"}

// alloc gives a buffer of the runtime.
func alloc(rt *unio.Runtime, size int) (*mem.Buf, error) {
	if b, ok := rt.Pool().TryGet(size); ok {
		return b, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), allocLimit)
	defer cancel()
	b, err := rt.Alloc(ctx, size)
	if errors.Is(err, context.DeadlineExceeded) {
		err = errMemory
	}
	return b, err
}
