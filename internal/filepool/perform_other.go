//go:build !linux

package filepool

import (
	"errors"
	"io"
	"syscall"

	"github.com/unio-go/unio/internal/fileio"
)

// Perform does an operation on the caller's thread, as package os does it.
func Perform(op *fileio.Op) {
	op.N, op.Err = call(op)
	var errno syscall.Errno
	if errors.As(op.Err, &errno) {
		op.Err = errno
	}
}

func call(op *fileio.Op) (n int, err error) {
	switch op.Code {
	case fileio.Nop:
		return 0, nil
	case fileio.Read:
		n, err = op.File.OS.ReadAt(op.Data, op.Off)
		if n > 0 || err == io.EOF {
			err = nil // what is wrong behind these bytes comes again
		}
		return n, err
	case fileio.Write:
		for i := -1; i < len(op.More); i++ {
			p := op.Data
			if i >= 0 {
				p = op.More[i]
			}
			m, err := op.File.OS.WriteAt(p, op.Off+int64(n))
			if n += m; err != nil {
				return n, err
			}
		}
		if op.Dsync {
			err = op.File.OS.Sync()
		}
		return n, err
	}
	return 0, syscall.ENOSYS
}

// Datasync makes what was written to a file durable.
func Datasync(f *fileio.File) error { return f.OS.Sync() }
