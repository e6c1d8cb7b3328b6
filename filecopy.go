package unio

import (
	"context"
	"io"

	"github.com/unio-go/unio/mem"
)

// copyPiece is how much CopyTo moves at once through buffers, and copyRangeMax what it has the kernel copy at once, between
// looks at its context.
const (
	copyPiece    = 256 << 10
	copyRangeMax = 64 << 20
)

// CopyTo copies n bytes at off to w, or everything from off on if n is negative, and returns how many it has copied; io.EOF
// when the file has fewer than n.
//
// To another File of the runtime it copies at the position of that one's Seek and moves it; there the file system copies,
// or shares, where it can (copy_file_range(2)). A [Conn] gets the very buffers that were read into. When ctx is done it
// stops with ctx's error.
func (f *File) CopyTo(ctx context.Context, w io.Writer, off, n int64) (copied int64, err error) {
	if err := f.check("copy", nil, off); err != nil {
		return 0, err
	}
	to, isFile := w.(*File)
	if isFile && to.rt == f.rt {
		if err := to.cursor.lock("write"); err != nil {
			return 0, err
		}
		defer to.cursor.mu.Unlock()
		copied, err = f.copyRange(ctx, to, off, n)
		if err != nil || n >= 0 && copied == n {
			return copied, err
		}
	}
	piece := int64(min(copyPiece, f.rt.pool.MaxLen()))
	for n < 0 || copied < n {
		size := piece
		if n >= 0 {
			size = min(size, f.rounded(n-copied))
		}
		b, err := f.ReadBuf(ctx, off+copied, int(size))
		if err == io.EOF && n < 0 {
			return copied, nil
		}
		if err != nil {
			return copied, err
		}
		if n >= 0 && int64(b.Len()) > n-copied {
			b.SetLen(int(n - copied))
		}
		m := int64(b.Len())
		if err := f.pass(ctx, w, b); err != nil {
			return copied, err
		}
		copied += m
	}
	return copied, nil
}

// pass gives a buffer to w, and releases it.
func (f *File) pass(ctx context.Context, w io.Writer, b *mem.Buf) (err error) {
	switch to := w.(type) {
	case *Conn:
		return to.Send(b)
	case *File:
		if to.rt == f.rt { // CopyTo has its cursor
			n, err := to.WriteBuf(ctx, to.cursor.off, b)
			to.cursor.off += int64(n)
			return err
		}
	}
	_, err = w.Write(b.Bytes())
	b.Release()
	return err
}

// rounded is n, or with Direct the next length that may be asked for.
func (f *File) rounded(n int64) int64 {
	a := int64(f.Alignment())
	return (n + a - 1) / a * a
}
