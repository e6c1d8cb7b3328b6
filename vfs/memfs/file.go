package memfs

import (
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/unio-go/unio/internal/vfscheck"
	"github.com/unio-go/unio/vfs"
)

// handle is what every open file has, directories too.
type handle struct {
	fsys   *FS
	node   *inode
	name   string
	closed atomic.Bool
}

// Name is the name that the file was opened with.
func (h *handle) Name() string { return h.name }

// Stat describes the file.
func (h *handle) Stat() (fs.FileInfo, error) {
	if err := h.alive("stat"); err != nil {
		return nil, err
	}
	return h.node.info(h.name), nil
}

// Close ends the file.
func (h *handle) Close() error {
	if h.closed.Swap(true) {
		return h.error("close", fs.ErrClosed)
	}
	return nil
}

func (h *handle) alive(op string) error {
	if h.closed.Load() {
		return h.error(op, fs.ErrClosed)
	}
	return nil
}

func (h *handle) error(op string, err error) error { return vfscheck.Error(op, h.name, err) }

// File is an open file of an [FS], as [vfs.File] says.
type File struct {
	handle
	reads, writes bool

	mu  sync.Mutex // below it FS.mu
	pos int64
}

var _ interface {
	vfs.File
	vfs.Datasyncer
} = (*File)(nil)

func newFile(f *FS, n *inode, name string, flag int) *File {
	return &File{
		handle: handle{fsys: f, node: n, name: name},
		reads:  flag&os.O_WRONLY == 0,
		writes: vfscheck.Writes(flag),
	}
}

// begin is why a call cannot be done, as far as that is known without looking at the file.
func (f *File) begin(op string, may bool, off, n int64) error {
	if err := f.alive(op); err != nil {
		return err
	}
	if err := vfscheck.Range(op, f.name, off, n); err != nil {
		return err
	}
	if !may {
		return f.error(op, syscall.EBADF)
	}
	return nil
}

// Read reads at the position and moves it.
func (f *File) Read(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.ReadAt(p, f.pos)
	f.pos += int64(n)
	if n > 0 && err == io.EOF {
		err = nil
	}
	return n, err
}

// ReadAt reads as io.ReaderAt says.
func (f *File) ReadAt(p []byte, off int64) (int, error) {
	if err := f.begin("read", f.reads || len(p) == 0, off, int64(len(p))); err != nil || len(p) == 0 {
		return 0, err
	}
	f.node.mu.RLock()
	defer f.node.mu.RUnlock()
	n := f.node.data.read(p, off)
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// Write writes at the position and moves it.
func (f *File) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.WriteAt(p, f.pos)
	f.pos += int64(n)
	return n, err
}

// WriteAt writes as io.WriterAt says.
func (f *File) WriteAt(p []byte, off int64) (int, error) {
	if err := f.begin("write", f.writes || len(p) == 0, off, int64(len(p))); err != nil || len(p) == 0 {
		return 0, err
	}
	f.change(func(n *inode) { n.data.write(p, off) })
	return len(p), nil
}

// change changes the file, at one moment for whoever looks.
func (f *File) change(do func(*inode)) {
	f.fsys.mu.RLock()
	defer f.fsys.mu.RUnlock()
	f.node.mu.Lock()
	defer f.node.mu.Unlock()
	do(f.node)
	f.node.modified = time.Now()
}

// Seek sets the position of Read and Write.
func (f *File) Seek(offset int64, whence int) (int64, error) {
	if err := f.alive("seek"); err != nil {
		return 0, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	base := int64(0)
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		base = f.pos
	case io.SeekEnd:
		base = f.node.info(f.name).size
	default:
		return 0, f.error("seek", vfscheck.As(fs.ErrInvalid, errors.New("whence is io.SeekStart, io.SeekCurrent or io.SeekEnd")))
	}
	if offset > math.MaxInt64-base || base+offset < 0 {
		return 0, f.error("seek", vfscheck.As(fs.ErrInvalid, errors.New("there is no such position")))
	}
	f.pos = base + offset
	return f.pos, nil
}

// Truncate makes the file size bytes long.
func (f *File) Truncate(size int64) error {
	if err := f.begin("truncate", f.writes, 0, size); err != nil {
		return err
	}
	f.change(func(n *inode) { n.data.truncate(size) })
	return nil
}

// truncate is Truncate of a file, while FS.mu is held.
func (n *inode) truncate(size int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.data.truncate(size)
	n.modified = time.Now()
}

// touch sets the time of a directory.
func (n *inode) touch() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.modified = time.Now()
}

// Sync makes what was written durable, with the file's size.
func (f *File) Sync() error { return f.changeDurable((*data).sync) }

// Datasync is Sync: there is nothing else to a file here that could be left out.
func (f *File) Datasync() error { return f.changeDurable((*data).sync) }

// DatasyncRange is what a write with RWF_DSYNC does (pwritev2(2)): it makes n bytes at off durable, with the size.
func (f *File) DatasyncRange(off, n int64) error {
	if err := f.begin("sync", true, off, n); err != nil {
		return err
	}
	return f.changeDurable(func(d *data) { d.syncRange(off, n) })
}

// FailSync is a Sync that fails: what was written since the last one is on the device as far as the FS knows, and a later Sync
// does not write it (fsync(2), NOTES), although it may be lost. It is for those who inject failures.
func (f *File) FailSync() error { return f.changeDurable((*data).failSync) }

// changeDurable changes what of the file is durable, which those who read it cannot see.
func (f *File) changeDurable(do func(*data)) error {
	if err := f.alive("sync"); err != nil {
		return err
	}
	f.fsys.mu.RLock()
	defer f.fsys.mu.RUnlock()
	f.node.mu.Lock()
	defer f.node.mu.Unlock()
	do(&f.node.data)
	return nil
}
