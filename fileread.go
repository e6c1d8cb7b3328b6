package unio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"syscall"

	"github.com/unio-go/unio/internal/fileio"
	"github.com/unio-go/unio/internal/vfscheck"
	"github.com/unio-go/unio/mem"
)

// pieceBytesMax is the most that one operation moves; Linux takes at most 2 GiB less a page.
const pieceBytesMax = 1 << 30

// ReadAt reads len(p) bytes at off, as io.ReaderAt says: fewer than that come with an error, which is io.EOF at the end of
// the file. It returns when the kernel is done with p, so it takes no context; [File.ReadBuf] does.
//
// p may be any memory. Buffers of the runtime's pool are the cheapest, and with Direct they are aligned as it must be.
func (f *File) ReadAt(p []byte, off int64) (n int, err error) {
	if err := f.check("read", p, off); err != nil {
		return 0, err
	}
	if err := f.begin("read"); err != nil {
		return 0, err
	}
	defer f.end()
	return f.readAt(p, off)
}

// readAt is ReadAt within a call that Close waits for.
func (f *File) readAt(p []byte, off int64) (n int, err error) {
	for n < len(p) {
		m, err := f.readOnce(p[n:], off+int64(n))
		n += m
		if err != nil {
			return n, f.readError(err)
		}
		if m == 0 || f.ended(n, len(p)) {
			return n, io.EOF
		}
	}
	return n, nil
}

// ended reports whether a read that gave n of want bytes has met the end: with Direct the rest could not be asked for.
func (f *File) ended(n, want int) bool { return n < want && f.align > 1 && n%f.align != 0 }

// readOnce reads what comes at once, or what one operation gives.
func (f *File) readOnce(p []byte, off int64) (int, error) {
	if n, err, done := f.readCached(p, off); done {
		return n, err
	}
	return f.transfer(fileio.Read, p[:min(len(p), pieceBytesMax)], off, f.reader())
}

// reader is the executor for reads that have to wait.
func (f *File) reader() fileio.Executor {
	if f.mode == modeBlocking {
		return f.rt.files.pool
	}
	return f.rt.files.ring()
}

// readError dresses the error of a read.
func (f *File) readError(err error) error {
	if err == io.EOF {
		return err
	}
	return f.pathError("read", err)
}

// check refuses what no file can be asked for.
func (f *File) check(op string, p []byte, off int64) error {
	err := f.wrong(len(p), off)
	if err == nil && f.mode == modeDirect {
		err = f.misplaced(p)
	}
	if err != nil {
		return f.refuse(op, err)
	}
	return nil
}

// refuse is the error of a call that cannot be made, which of a closed file is that.
func (f *File) refuse(op string, why error) error {
	if err := f.begin(op); err != nil {
		return err
	}
	f.end()
	return f.pathError(op, why)
}

// wrong is what is wrong with n bytes at off.
func (f *File) wrong(n int, off int64) error {
	switch {
	case off < 0:
		return fmt.Errorf("negative offset %d: %w", off, fs.ErrInvalid)
	case int64(n) > math.MaxInt64-off:
		return fmt.Errorf("%d bytes at offset %d end behind the largest offset: %w", n, off, fs.ErrInvalid)
	}
	switch f.mode {
	case modeDirectory:
		return syscall.EISDIR
	case modeDirect:
		return f.misaligned(n, off)
	}
	return nil
}

// misaligned says what is wrong with a call that O_DIRECT would refuse with EINVAL alone.
func (f *File) misaligned(n int, off int64) error {
	switch a := f.align; {
	case n == 0 && off%int64(a) != 0:
		return notDirect("offset %d must be a multiple of %d", off, a)
	case off%int64(a) != 0, n%a != 0:
		return notDirect("offset %d and length %d must be multiples of %d", off, n, a)
	}
	return nil
}

// misplaced is misaligned of memory.
func (f *File) misplaced(p []byte) error {
	if len(p) > 0 && addressOf(p)%uintptr(f.memAlign) != 0 {
		return notDirect("memory at %#x must lie at a multiple of %d, as buffers of Runtime.Alloc do,", addressOf(p), f.memAlign)
	}
	return nil
}

func notDirect(format string, args ...any) error {
	what := fmt.Sprintf(format, args...)
	return vfscheck.As(fs.ErrInvalid, fmt.Errorf("%s on a file that is open with Direct: %w", what, syscall.EINVAL))
}

// ReadBuf reads up to n bytes at off into a buffer of the runtime's pool, which is the caller's to release. n is from 1 to
// [mem.Pool.MaxLen], 1 MiB unless [Options].BufBytes is less; others are fs.ErrInvalid. The buffer is shorter where the file
// ends, and io.EOF means that there is nothing. On any error there is nothing to release.
//
// When ctx is done it returns ctx's error at once; the kernel finishes in its own time, and the buffer is freed then.
func (f *File) ReadBuf(ctx context.Context, off int64, n int) (*mem.Buf, error) {
	b, err := f.bufFor(ctx, off, n)
	if err != nil {
		return nil, err
	}
	if err := f.begin("read"); err != nil {
		b.Release()
		return nil, err
	}
	defer f.end()
	got, err := f.fill(ctx, b, off)
	switch {
	case err != nil:
		return nil, f.readError(err)
	case got == 0:
		b.Release()
		return nil, io.EOF
	}
	b.SetLen(got)
	return b, nil
}

// bufFor takes a buffer for a read, which may wait for memory: so what will fail is refused first.
func (f *File) bufFor(ctx context.Context, off int64, n int) (*mem.Buf, error) {
	err := f.wrong(n, off)
	if most := f.rt.pool.MaxLen(); n <= 0 || n > most {
		err = fmt.Errorf("%d bytes: a buffer has from 1 to %d: %w", n, most, fs.ErrInvalid)
	}
	if err == nil {
		err = contextErr(ctx)
	}
	if err != nil || f.users.Load()&closedBit != 0 {
		return nil, f.refuse("read", err)
	}
	b, err := f.rt.Alloc(ctx, n)
	return b, f.pathError("read", err)
}

// fill reads into b as far as the file goes. On an error b is gone.
func (f *File) fill(ctx context.Context, b *mem.Buf, off int64) (n int, err error) {
	for p := b.Bytes(); n < len(p); {
		m, err, done := f.readCached(p[n:], off+int64(n))
		switch {
		case done && err != nil:
			b.Release()
		case done:
		case ctx.Done() != nil:
			m, err = f.readLeavable(ctx, b, n, off+int64(n))
		default:
			if m, err = f.transfer(fileio.Read, p[n:], off+int64(n), f.reader()); err != nil {
				releaseAfter(err, b)
			}
		}
		if err != nil {
			return 0, err
		}
		if n += m; m == 0 || f.ended(n, len(p)) {
			break
		}
	}
	return n, nil
}

// readLeavable is one operation that reads behind the first n bytes of b.
func (f *File) readLeavable(ctx context.Context, b *mem.Buf, n int, off int64) (int, error) {
	c := &fileCall{bufs: []*mem.Buf{b}}
	c.io.Code, c.io.Data, c.io.Off = fileio.Read, b.Bytes()[n:], off
	if err := f.runLeavable(ctx, c, f.reader()); err != nil {
		return 0, err
	}
	return c.io.N, nil
}

// cursor is the position of Read, Write and Seek.
type cursor struct {
	f   *File
	mu  Mutex
	off int64
}

func (c *cursor) lock(op string) error {
	return c.f.pathError(op, errors.Unwrap(c.mu.Lock(context.Background())))
}

// atEnd reports whether the file ends at the position or before it: a file that is open with Direct may end where no call may
// begin.
func (c *cursor) atEnd() bool {
	size, err := c.f.currentSize()
	return err == nil && c.off >= size
}

// currentSize is where the file ends now.
func (f *File) currentSize() (size int64, err error) {
	err = f.control("seek", func() error {
		info, err := f.io.OS.Stat()
		if err == nil {
			size, err = sizeOf(f.io.OS, info)
		}
		return err
	})
	return size, err
}

// Read reads at the position of Seek and moves it. Calls beside each other take turns.
func (f *File) Read(p []byte) (int, error) {
	c := &f.cursor
	if err := c.lock("read"); err != nil {
		return 0, err
	}
	defer c.mu.Unlock()
	if f.align > 1 && c.off%int64(f.align) != 0 && c.atEnd() {
		return 0, io.EOF
	}
	n, err := f.ReadAt(p, c.off)
	c.off += int64(n)
	if err == io.EOF && n > 0 {
		err = nil
	}
	return n, err
}

// Seek sets the position of Read and Write, which starts at 0.
func (f *File) Seek(offset int64, whence int) (int64, error) {
	if f.list != nil {
		return 0, f.refuse("seek", syscall.EISDIR)
	}
	if err := f.begin("seek"); err != nil {
		return 0, err
	}
	defer f.end()
	c := &f.cursor
	if err := c.lock("seek"); err != nil {
		return 0, err
	}
	defer c.mu.Unlock()
	base := int64(0)
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		base = c.off
	case io.SeekEnd:
		size, err := f.currentSize()
		if err != nil {
			return 0, err
		}
		base = size
	default:
		return 0, f.pathError("seek", fmt.Errorf("whence %d: %w", whence, os.ErrInvalid))
	}
	if base+offset < 0 {
		return 0, f.pathError("seek", fmt.Errorf("position %d: %w", base+offset, os.ErrInvalid))
	}
	c.off = base + offset
	return c.off, nil
}
