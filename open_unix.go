//go:build unix

package unio

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// openFile is os.OpenFile without the wait for the other side of a pipe, which is refused once it is known to be one. Who has a
// lease on a file is waited for all the same (fcntl(2)), since with O_NONBLOCK that is an error; and a block device is opened
// anew, since a drive is then not asked whether there is anything in it.
func openFile(name string, flag int, perm fs.FileMode) (*os.File, error) {
	f, err := os.OpenFile(name, flag|syscall.O_NONBLOCK, perm)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return os.OpenFile(name, flag, perm)
	}
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	switch {
	case err == nil && info.Mode().Type() == fs.ModeDevice:
		f.Close()
		return os.OpenFile(name, flag, perm)
	case err == nil:
		err = syscall.SetNonblock(int(f.Fd()), false)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
