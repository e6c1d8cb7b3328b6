//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package unio

import (
	"os"
	"syscall"

	"github.com/unio-go/unio/internal/sys"
	"github.com/unio-go/unio/internal/vfscheck"
	"github.com/unio-go/unio/vfs"
)

// tryLock locks a file until it is closed.
func tryLock(f *os.File) error {
	err := sys.TryLock(int(f.Fd()))
	if err == syscall.EWOULDBLOCK {
		return vfscheck.As(err, vfs.ErrLocked)
	}
	return err
}
