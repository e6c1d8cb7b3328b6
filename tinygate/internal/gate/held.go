package gate

import (
	"errors"
	"io"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/mem"
	"github.com/unio-go/unio/tinygate/internal/http1"
)

// held is the payload of a body that is kept back.
type held struct {
	bufs []*mem.Buf
	n    int
}

func (h *held) empty() bool { return len(h.bufs) == 0 }

// Bodies are kept in buffers of heldLeast to heldPiece bytes: a client that sends one byte and waits should not hold much
// more than that.
const (
	heldLeast = 4 << 10
	heldPiece = 64 << 10
)

// add copies p: what has been received may lie in a large buffer that others want. At least left more will come.
func (h *held) add(rt *unio.Runtime, p []byte, left int64) error {
	for len(p) > 0 {
		var b *mem.Buf
		if n := len(h.bufs); n > 0 && h.bufs[n-1].Len() < h.bufs[n-1].Cap() {
			b = h.bufs[n-1]
		} else {
			var err error
			size := int(min(max(int64(len(p))+left, int64(h.n), heldLeast), heldPiece, int64(rt.Pool().MaxLen())))
			if b, err = alloc(rt, size); err != nil {
				return err
			}
			b.SetLen(0)
			h.bufs = append(h.bufs, b)
		}
		n := b.Len()
		m := min(len(p), b.Cap()-n)
		b.SetLen(n + m)
		copy(b.Bytes()[n:], p[:m])
		p = p[m:]
		h.n += m
	}
	return nil
}

// drop gives up what is held.
func (h *held) drop() {
	for i, b := range h.bufs {
		if b != nil { // nil: it was sent
			b.Release()
		}
		h.bufs[i] = nil
	}
	h.bufs, h.n = h.bufs[:0], 0
}

// hold reads a body until it is whole or more than max bytes, or known to be more; next waits for more of it in the source.
// When memory is scarce it stops earlier: those who hold some and wait for more would wait for each other.
func (h *held) hold(rt *unio.Runtime, in *source, body *http1.Body, max int, next func() error) error {
	for !body.Done() && (h.n < max || h.n == max && body.Left() == 0) && !rt.Pool().Scarce() {
		p := in.bytes()
		if len(p) == 0 {
			if err := next(); err == io.EOF {
				if err := body.EOF(); err != nil {
					return errors.Join(io.ErrUnexpectedEOF, err)
				}
			} else if err != nil {
				return err
			}
			continue
		}
		start, end, n, err := body.Next(p)
		if err != nil {
			return err
		}
		if err := h.add(rt, p[start:end], body.Left()); err != nil {
			return err
		}
		in.skip(n)
	}
	return nil
}
