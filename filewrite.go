package unio

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"github.com/unio-go/unio/internal/fileio"
	"github.com/unio-go/unio/mem"
)

// WriteAt writes p at off, as io.WriterAt says: if it returns fewer than len(p) bytes, the error tells why. It returns when
// the page cache has them, or with Direct the device; [File.Datasync] makes them durable.
func (f *File) WriteAt(p []byte, off int64) (n int, err error) {
	if err := f.check("write", p, off); err != nil {
		return 0, err
	}
	if err := f.begin("write"); err != nil {
		return 0, err
	}
	defer f.end()
	return f.writeAt(p, off)
}

// writeAt is WriteAt within a call that Close waits for.
func (f *File) writeAt(p []byte, off int64) (n int, err error) {
	for n < len(p) {
		m, err := f.writeOnce(p[n:min(len(p), n+pieceBytesMax)], off+int64(n))
		n += m
		if err == nil && m == 0 {
			err = io.ErrUnexpectedEOF // a device that takes nothing and does not say why
		}
		if err != nil {
			return n, f.pathError("write", err)
		}
	}
	return n, nil
}

// writeOnce performs one write and notes how long the file has become.
func (f *File) writeOnce(p []byte, off int64) (int, error) {
	n, err := f.transfer(fileio.Write, p, off, f.writer(off+int64(len(p))))
	f.grown(off, n)
	return n, err
}

// writer is the executor for a write that ends at end. Buffered writes and those that make a file longer would be done by
// kernel workers if a ring had them, at twice the CPU of a thread of ours.
func (f *File) writer(end int64) fileio.Executor {
	if f.io.Direct && end <= f.size.Load() {
		return f.rt.files.ring()
	}
	return f.rt.files.pool
}

// grown notes that the file is long enough for n bytes that were written at off. None make it no longer, wherever that is.
func (f *File) grown(off int64, n int) {
	for {
		size, end := f.size.Load(), off+int64(n)
		if n == 0 || end <= size || f.size.CompareAndSwap(size, end) {
			return
		}
	}
}

// WriteBuf writes buffers one behind the other at off, without copying them. It takes them over always, also when it
// fails. n counts the bytes that were written.
//
// When ctx is done it returns ctx's error at once, and it is not known what has been written; the kernel finishes in its own
// time, and the buffers are freed then.
func (f *File) WriteBuf(ctx context.Context, off int64, bufs ...*mem.Buf) (n int, err error) {
	if err := f.checkBufs("write", off, bufs); err != nil {
		releaseOnce(bufs)
		return 0, err
	}
	bufs = renewAll(bufs)
	if err := f.begin("write"); err != nil {
		release(bufs)
		return 0, err
	}
	defer f.end()
	for {
		c := &fileCall{bufs: bufs}
		c.io.Code, c.io.Off = fileio.Write, off+int64(n)
		c.setPieces(bufs, n)
		left := c.io.Bytes()
		if left == 0 {
			release(bufs)
			return n, nil
		}
		err := f.runLeavable(ctx, c, f.writer(c.io.Off+int64(left)))
		if err == nil && c.io.N == 0 {
			err = io.ErrUnexpectedEOF
			release(bufs)
		}
		if err != nil {
			return n, f.pathError("write", err)
		}
		f.grown(c.io.Off, c.io.N)
		n += c.io.N
	}
}

// checkBufs is check for each of some buffers.
func (f *File) checkBufs(op string, off int64, bufs []*mem.Buf) error {
	if err := f.check(op, nil, off); err != nil {
		return err
	}
	if err := checkHandles(bufs); err != nil {
		return f.refuse(op, err)
	}
	for _, b := range bufs {
		if err := f.check(op, b.Bytes(), off); err != nil {
			return err
		}
		off += int64(b.Len())
	}
	return nil
}

// fewHandles is how many are compared with one another: of more each is looked up.
const fewHandles = 32

// checkHandles refuses a nil handle, and one that is there twice: its second release would panic in the middle of the call, while
// others wait for the rest of it.
func checkHandles(bufs []*mem.Buf) error {
	if slices.Contains(bufs, nil) {
		return fmt.Errorf("a buffer is nil: %w", fs.ErrInvalid)
	}
	twice := false
	if len(bufs) <= fewHandles {
		for i, b := range bufs {
			twice = twice || slices.Contains(bufs[:i], b)
		}
	} else {
		twice = len(handleSet(bufs)) < len(bufs)
	}
	if twice {
		return fmt.Errorf("a buffer is there twice: Ref makes a second handle of it: %w", fs.ErrInvalid)
	}
	return nil
}

func handleSet(bufs []*mem.Buf) map[*mem.Buf]struct{} {
	all := make(map[*mem.Buf]struct{}, len(bufs))
	for _, b := range bufs {
		all[b] = struct{}{}
	}
	return all
}

// releaseOnce is release of buffers that may be refused for what checkHandles looks for.
func releaseOnce(bufs []*mem.Buf) {
	for b := range handleSet(bufs) {
		if b != nil {
			b.Release()
		}
	}
}

// setPieces makes the memory of buffers, without their first skip bytes, the operation's.
func (c *fileCall) setPieces(bufs []*mem.Buf, skip int) {
	c.io.Data, c.io.More = nil, nil
	for _, b := range bufs {
		p := b.Bytes()
		cut := min(skip, len(p))
		if p, skip = p[cut:], skip-cut; len(p) == 0 {
			continue
		}
		if c.io.Data == nil {
			c.io.Data = p
		} else {
			c.io.More = append(c.io.More, p)
		}
	}
}

// Write writes at the position of Seek and moves it. Calls beside each other take turns.
func (f *File) Write(p []byte) (int, error) {
	c := &f.cursor
	if err := c.lock("write"); err != nil {
		return 0, err
	}
	defer c.mu.Unlock()
	n, err := f.WriteAt(p, c.off)
	c.off += int64(n)
	return n, err
}
