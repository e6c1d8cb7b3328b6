package memfs

import (
	"io"
	"io/fs"
	"sync/atomic"
	"syscall"

	"github.com/unio-go/unio/internal/vfscheck"
	"github.com/unio-go/unio/vfs"
)

// Lock locks a file, which it creates if there is none, until the Closer is closed. No lock survives a crash.
func (f *FS) Lock(name string) (io.Closer, error) {
	if err := vfscheck.Name("lock", name); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.find(name)
	switch {
	case err != nil:
	case n == nil:
		n = f.create(name, 0o666)
	case n.dir != nil:
		err = syscall.EISDIR
	case f.locks[n]:
		err = vfs.ErrLocked
	}
	if err != nil {
		return nil, vfscheck.Error("lock", name, err)
	}
	f.locks[n] = true
	return &lock{fsys: f, node: n, name: name}, nil
}

// lock is a file that is locked.
type lock struct {
	fsys   *FS
	node   *inode
	name   string
	closed atomic.Bool
}

// Close unlocks the file.
func (l *lock) Close() error {
	if l.closed.Swap(true) {
		return vfscheck.Error("close", l.name, fs.ErrClosed)
	}
	l.fsys.mu.Lock()
	defer l.fsys.mu.Unlock()
	delete(l.fsys.locks, l.node)
	return nil
}
