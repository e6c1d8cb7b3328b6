package filepool

import (
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/unio-go/unio/internal/fileio"
	"github.com/unio-go/unio/internal/sys"
)

// Perform does an operation by one system call on the caller's thread, again if a signal came first.
func Perform(op *fileio.Op) {
	for {
		op.N, op.Err = call(op)
		if op.Err != syscall.EINTR {
			op.N = max(op.N, 0)
			return
		}
	}
}

func call(op *fileio.Op) (int, error) {
	switch op.Code {
	case fileio.Nop:
		return 0, nil
	case fileio.Read:
		return syscall.Pread(op.File.FD, op.Data, op.Off)
	case fileio.Write:
		if len(op.More) == 0 && !op.Dsync {
			return syscall.Pwrite(op.File.FD, op.Data, op.Off)
		}
		flags := 0
		if op.Dsync {
			flags = unix.RWF_DSYNC
		}
		return unix.Pwritev2(op.File.FD, pieces(op), op.Off, flags)
	}
	return 0, syscall.ENOSYS
}

// Datasync makes what was written to a file durable, without what only describes it (fdatasync(2)).
func Datasync(f *fileio.File) error { return sys.Datasync(f.FD) }

// pieces is the memory of a write, as far as one call takes it.
func pieces(op *fileio.Op) [][]byte {
	all := append(make([][]byte, 0, 1+len(op.More)), op.Data)
	all = append(all, op.More...)
	return all[:min(len(all), fileio.PiecesMax)]
}
