//go:build unix

package sys

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// Open opens a file by open, which is given a further flag, without the wait for the other side of a pipe. Who has a lease on
// the file is waited for all the same (fcntl(2)), since with O_NONBLOCK that is an error; and a block device is opened
// anew, since a drive is then not asked whether there is anything in it.
func Open(open func(flag int) (*os.File, error)) (*os.File, error) {
	f, err := open(syscall.O_NONBLOCK)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return open(0)
	}
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	switch {
	case err == nil && info.Mode().Type() == fs.ModeDevice:
		f.Close()
		return open(0)
	case err == nil:
		err = syscall.SetNonblock(int(f.Fd()), false)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
