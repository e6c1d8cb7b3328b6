package vfscheck

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// Error dresses what a call below has returned as an *fs.PathError of this call: whatever names another operation or another
// name around the cause is taken off. io.EOF stays as it is.
func Error(op, name string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return &fs.PathError{Op: op, Path: name, Err: Cause(err)}
}

// LinkError is Error of Rename and Link.
func LinkError(op, oldname, newname string, err error) error {
	if err == nil {
		return nil
	}
	return &os.LinkError{Op: op, Old: oldname, New: newname, Err: Cause(err)}
}

// Cause is the error below those that name an operation, of the kind that the contract says.
func Cause(err error) error {
	for {
		switch e := err.(type) {
		case *fs.PathError:
			err = e.Err
		case *os.LinkError:
			err = e.Err
		case *os.SyscallError:
			err = e.Err
		case syscall.Errno:
			return ofKind(e)
		default:
			return err
		}
	}
}

// ofKind gives an errno the kind that it has in the contract and not in package syscall.
func ofKind(errno syscall.Errno) error {
	switch errno {
	case syscall.EINVAL, syscall.ENOTDIR, syscall.EISDIR, syscall.ELOOP, syscall.ENAMETOOLONG:
		return As(fs.ErrInvalid, errno)
	case syscall.EBADF, syscall.EROFS:
		return As(fs.ErrPermission, errno)
	}
	return errno
}

// As is err, and of another kind for errors.Is.
func As(kind, err error) error { return &kindError{err, kind} }

type kindError struct {
	error
	kind error
}

func (e *kindError) Unwrap() error { return e.error }

func (e *kindError) Is(target error) bool { return target == e.kind }

// Unsupported is a refusal that says what lacks, and perhaps the cure.
func Unsupported(what string) error { return As(errors.ErrUnsupported, errors.New(what)) }
