package osfs

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/unio-go/unio/internal/vfscheck"
	"github.com/unio-go/unio/vfs"
)

// handle is what every open file has, directories too.
type handle struct {
	os   *os.File
	name string
}

// Name is the name that the file was opened with.
func (h *handle) Name() string { return h.name }

// Stat describes the file.
func (h *handle) Stat() (fs.FileInfo, error) {
	info, err := h.os.Stat()
	return info, h.error("stat", err)
}

// Sync makes what was written durable, or what was created, removed and renamed in a directory.
func (h *handle) Sync() error { return h.error("sync", h.os.Sync()) }

// Close ends the file.
func (h *handle) Close() error { return h.error("close", h.os.Close()) }

func (h *handle) error(op string, err error) error { return vfscheck.Error(op, h.name, err) }

// withFD runs fn on the descriptor, which stays open meanwhile, or says that it is closed.
func (h *handle) withFD(fn func(fd int) error) error {
	conn, err := h.os.SyscallConn()
	if err != nil {
		return err
	}
	var result error
	if conn.Control(func(fd uintptr) { result = fn(int(fd)) }) != nil {
		return fs.ErrClosed // package os has another error for it here
	}
	return result
}

// alive is nil until the file is closed, for calls of no bytes, with which package os does not look.
func (h *handle) alive(op string) error {
	return h.error(op, h.withFD(func(int) error { return nil }))
}

// regular is an open file.
type regular struct {
	handle
	writes bool // it was opened for it
	direct bool
	align  int // of offsets, lengths and memory
}

var _ interface {
	vfs.File
	vfs.Descriptor
} = (*regular)(nil)

// Fd is the descriptor, or vfs.NoFd after Close.
func (f *regular) Fd() uintptr { return f.os.Fd() }

// Alignment is what offsets, lengths and memory must be multiples of.
func (f *regular) Alignment() int { return f.align }

// Read reads at the position and moves it.
func (f *regular) Read(p []byte) (int, error) {
	n, err := f.os.Read(p)
	if f.direct && errors.Is(err, syscall.EINVAL) {
		if off, e := f.os.Seek(0, io.SeekCurrent); e == nil && f.ended(off) {
			return n, io.EOF
		}
	}
	return n, f.transferError("read", err)
}

// ReadAt reads as io.ReaderAt says.
func (f *regular) ReadAt(p []byte, off int64) (int, error) {
	if err := f.check("read", off, int64(len(p))); err != nil || len(p) == 0 {
		return 0, err
	}
	n, err := f.os.ReadAt(p, off)
	if f.direct && n > 0 && errors.Is(err, syscall.EINVAL) && f.ended(off+int64(n)) {
		err = io.EOF
	}
	return n, f.transferError("read", err)
}

// ended reports whether off is behind the end. Direct reads that go on there, at an offset that is no multiple of the
// alignment, fail with EINVAL on some file systems.
func (f *regular) ended(off int64) bool {
	info, err := f.os.Stat()
	return err == nil && off >= info.Size()
}

// Write writes at the position and moves it.
func (f *regular) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, f.alive("write") // the system would ask what the file was opened for
	}
	n, err := f.os.Write(p)
	return n, f.transferError("write", err)
}

// WriteAt writes as io.WriterAt says.
func (f *regular) WriteAt(p []byte, off int64) (int, error) {
	if err := f.check("write", off, int64(len(p))); err != nil || len(p) == 0 {
		return 0, err
	}
	n, err := f.os.WriteAt(p, off)
	return n, f.transferError("write", err)
}

// check refuses offsets that there are not. Of what the system will not be asked it says whether the file is closed.
func (f *regular) check(op string, off, n int64) error {
	err := vfscheck.Range(op, f.name, off, n)
	if err != nil || n == 0 {
		err = cmp.Or(f.alive(op), err)
	}
	return err
}

// transferError adds what EINVAL means where offsets, lengths and memory are bound.
func (f *regular) transferError(op string, err error) error {
	if f.direct && errors.Is(err, syscall.EINVAL) {
		err = vfscheck.As(fs.ErrInvalid, fmt.Errorf("offset, length and memory must be multiples of %d on a file that is open with "+
			"Direct: %w", f.align, syscall.EINVAL))
	}
	return f.error(op, err)
}

// Seek sets the position of Read and Write.
func (f *regular) Seek(offset int64, whence int) (int64, error) {
	if whence < io.SeekStart || whence > io.SeekEnd { // the system may know more, such as SEEK_DATA (lseek(2))
		return 0, cmp.Or(f.alive("seek"), f.error("seek", fmt.Errorf("whence %d: %w", whence, fs.ErrInvalid)))
	}
	off, err := f.os.Seek(offset, whence)
	return off, f.error("seek", err)
}

// Truncate makes the file size bytes long.
func (f *regular) Truncate(size int64) error {
	err := f.os.Truncate(size)
	if size >= 0 && !f.writes && errors.Is(err, syscall.EINVAL) {
		err = syscall.EBADF // ftruncate(2) tells the two apart on some systems alone
	}
	return f.error("truncate", err)
}

// directory is an open directory.
type directory struct{ handle }

var _ interface {
	vfs.File
	fs.ReadDirFile
} = (*directory)(nil)

// ReadDir gives the next n entries, or all that are left, in the order of the directory.
func (d *directory) ReadDir(n int) ([]fs.DirEntry, error) {
	entries, err := d.os.ReadDir(n)
	if err != nil && err != io.EOF && d.alive("readdir") != nil {
		err = fs.ErrClosed
	}
	return entries, d.error("readdir", err)
}

// What a directory does not know.

func (d *directory) Read([]byte) (int, error)           { return 0, d.refuse("read") }
func (d *directory) ReadAt([]byte, int64) (int, error)  { return 0, d.refuse("read") }
func (d *directory) Write([]byte) (int, error)          { return 0, d.refuse("write") }
func (d *directory) WriteAt([]byte, int64) (int, error) { return 0, d.refuse("write") }
func (d *directory) Seek(int64, int) (int64, error)     { return 0, d.refuse("seek") }
func (d *directory) Truncate(int64) error               { return d.refuse("truncate") }

// refuse is the error of a call that is for files.
func (d *directory) refuse(op string) error {
	if err := d.alive(op); err != nil {
		return err
	}
	return d.error(op, syscall.EISDIR)
}
