//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package osfs

import (
	"io"
	"os"
	"syscall"

	"github.com/unio-go/unio/internal/sys"
	"github.com/unio-go/unio/internal/vfscheck"
	"github.com/unio-go/unio/vfs"
)

var _ vfs.Locker = (*FS)(nil)

// Lock locks a file, which it creates if there is none (flock(2)): other processes, and other callers in this one, get
// vfs.ErrLocked until the Closer is closed. The file stays when the lock is gone.
func (f *FS) Lock(name string) (io.Closer, error) {
	local, err := f.local("lock", name)
	if err != nil {
		return nil, err
	}
	file, err := f.root.OpenFile(local, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, f.error("lock", name, err)
	}
	l := &lock{handle{file, name}}
	if err := l.withFD(flock); err != nil {
		file.Close()
		return nil, f.error("lock", name, err)
	}
	return l, nil
}

// lock is a file that is locked. The lock belongs to the open file (flock(2)) and ends with it.
type lock struct{ handle }

func flock(fd int) error {
	err := sys.TryLock(fd)
	if err == syscall.EWOULDBLOCK {
		return vfscheck.As(err, vfs.ErrLocked)
	}
	return err
}
