package unio

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"

	"github.com/unio-go/unio/mem"
)

// copyPiece is how much CopyTo moves at once through buffers, and copyRangeMax what it has the kernel copy at once, between
// looks at its context.
const (
	copyPiece    = 256 << 10
	copyRangeMax = 64 << 20
)

// CopyTo copies n bytes at off to w, or everything from off on if n is negative, and returns how many w has taken, on an error
// too; io.EOF when the file has fewer than n.
//
// To another File of the runtime it copies at the position of that one's Seek and moves it; there the file system copies,
// or shares, where it can (copy_file_range(2)). Within one file the two parts must not overlap.
//
// A [Conn] gets the very buffers that were read into. Those that copied counts are sent, also where the error is that of the write
// deadline: a second copy may begin behind them. After another error of the Conn it is not known how much the peer has got.
//
// When ctx is done CopyTo stops with ctx's error, also while a Conn waits for its peer. A Write of any other w returns first.
// Close does not wait for the copy, which stops with fs.ErrClosed behind the part that is under way.
func (f *File) CopyTo(ctx context.Context, w io.Writer, off, n int64) (copied int64, err error) {
	if err := f.check("copy", nil, off); err != nil {
		return 0, err
	}
	if err := f.refuse("copy", contextErr(ctx)); err != nil {
		return 0, err
	}
	to, isFile := w.(*File)
	if isFile && to.rt == f.rt {
		if err := to.cursor.lock("write"); err != nil {
			return 0, err
		}
		defer to.cursor.mu.Unlock()
		if n, err = f.within(to, off, n); err != nil {
			return 0, err
		}
		copied, err = f.copyRange(ctx, to, off, n)
		if err != nil || n >= 0 && copied == n {
			return copied, err
		}
	}
	rest := int64(math.MaxInt64)
	for n < 0 || copied < n {
		if n >= 0 {
			rest = n - copied
		}
		b, err := f.readPart(ctx, off+copied, rest)
		if err == io.EOF && n < 0 {
			return copied, nil
		}
		if err != nil {
			return copied, err
		}
		m, err := f.pass(ctx, w, b)
		copied += int64(m)
		if err != nil {
			return copied, err
		}
	}
	return copied, nil
}

// within is how many bytes are copied: n, except within one file. There two parts that overlap are refused, and a negative n is what
// is left of the file now, or the copy would go on after its own end.
func (f *File) within(to *File, off, n int64) (int64, error) {
	err := f.control("copy", func() error {
		from, err := f.io.OS.Stat()
		if err != nil {
			return err
		}
		at, err := to.io.OS.Stat()
		if err != nil || !os.SameFile(from, at) {
			return nil // writing tells what is wrong
		}
		if n < 0 {
			size, err := sizeOf(f.io.OS, from)
			if err != nil {
				return err
			}
			n = max(size-off, 0)
		}
		if n > max(off-to.cursor.off, to.cursor.off-off) {
			return fmt.Errorf("%d bytes at %d and at %d of the same file overlap: %w", n, off, to.cursor.off, fs.ErrInvalid)
		}
		return nil
	})
	return n, err
}

// readPart reads the next bytes at off, at most n. With Direct it reads from the block on that off lies in: a copy comes to the
// middle of one at the end of a file, and where the file system has left off.
func (f *File) readPart(ctx context.Context, off, n int64) (*mem.Buf, error) {
	piece := int64(min(copyPiece, f.rt.pool.MaxLen()))
	before := off % int64(f.Alignment())
	want := min(before+min(n, piece), piece, math.MaxInt64-(off-before))
	if want <= before {
		return nil, io.EOF // there are no offsets behind it
	}
	b, err := f.ReadBuf(ctx, off-before, int(f.rounded(want)))
	if err != nil {
		return nil, err
	}
	b.SetLen(min(b.Len(), int(want)))
	if before == 0 {
		return b, nil
	}
	defer b.Release()
	if int64(b.Len()) <= before {
		return nil, io.EOF
	}
	return b.Slice(int(before), b.Len()), nil
}

// pass gives a buffer to w, releases it, and returns how much w has taken.
func (f *File) pass(ctx context.Context, w io.Writer, b *mem.Buf) (n int, err error) {
	switch to := w.(type) {
	case *Conn:
		return to.pass(ctx, b)
	case *File:
		if to.rt == f.rt { // CopyTo has its cursor
			n, err := to.WriteBuf(ctx, to.cursor.off, b)
			to.cursor.off += int64(n)
			return n, err
		}
	}
	return writeOut(w, b)
}

// rounded is n, or with Direct the next length that may be asked for.
func (f *File) rounded(n int64) int64 {
	a := int64(f.Alignment())
	return (n + a - 1) / a * a
}
