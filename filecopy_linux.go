package unio

import (
	"context"
	"math"

	"github.com/unio-go/unio/internal/sys"
)

// copyRange copies to the position of another file, whose cursor is locked, as far as the file system does that.
func (f *File) copyRange(ctx context.Context, to *File, off, n int64) (copied int64, err error) {
	if n < 0 {
		n = math.MaxInt64 - off
	}
	for copied < n && ctx.Err() == nil {
		m, err := f.copyPart(to, off+copied, int(min(n-copied, copyRangeMax)))
		if err != nil || m == 0 {
			return copied, nil // it ends here, or buffers go on and meet the error that counts
		}
		copied += int64(m)
		to.grown(to.cursor.off, m)
		to.cursor.off += int64(m)
	}
	return copied, ctx.Err()
}

func (f *File) copyPart(to *File, off int64, n int) (copied int, err error) {
	if err := to.begin("copy"); err != nil {
		return 0, err
	}
	defer to.end()
	err = f.control("copy", func() (err error) {
		copied, err = sys.CopyRange(f.io.FD, off, to.io.FD, to.cursor.off, n)
		return err
	})
	return copied, err
}
