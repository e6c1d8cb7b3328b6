package memfs

import (
	"io"
	"io/fs"
	"sync"
	"syscall"

	"github.com/unio-go/unio/vfs"
)

// directory is an open directory.
type directory struct {
	handle

	mu   sync.Mutex // below it FS.mu
	read bool
	rest []fs.DirEntry
}

var _ interface {
	vfs.File
	fs.ReadDirFile
} = (*directory)(nil)

// ReadDir gives the next n entries, or all that are left, of those that there were at the first call.
func (d *directory) ReadDir(n int) ([]fs.DirEntry, error) {
	if err := d.alive("readdir"); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.read {
		d.fsys.mu.RLock()
		d.read, d.rest = true, d.node.entries()
		d.fsys.mu.RUnlock()
	}
	if n <= 0 {
		n = len(d.rest)
	} else if len(d.rest) == 0 {
		return nil, io.EOF
	}
	n = min(n, len(d.rest))
	entries := d.rest[:n:n]
	d.rest = d.rest[n:]
	return entries, nil
}

// Sync makes durable what was created, removed and renamed in the directory.
func (d *directory) Sync() error {
	if err := d.alive("sync"); err != nil {
		return err
	}
	d.fsys.mu.Lock()
	defer d.fsys.mu.Unlock()
	d.fsys.syncDir(d.node)
	return nil
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
