// Package vfscheck is what every implementation of package vfs needs once: it refuses the names, flags and modes that the
// contract refuses, and dresses errors as the contract says.
package vfscheck

import (
	"fmt"
	"io/fs"
	"math"
	"os"
	"strings"
)

// openFlags are the flags that OpenFile knows.
const openFlags = os.O_WRONLY | os.O_RDWR | os.O_CREATE | os.O_EXCL | os.O_TRUNC

// Writes reports whether the flags of OpenFile ask for writing.
func Writes(flag int) bool { return flag&(os.O_WRONLY|os.O_RDWR) != 0 }

// Name refuses what is no name.
func Name(op, name string) error {
	if err := validName(name); err != nil {
		return &fs.PathError{Op: op, Path: name, Err: err}
	}
	return nil
}

// Entry refuses what is no name, and the root, which is no directory's entry: it cannot be removed.
func Entry(op, name string) error {
	if err := validEntry(name); err != nil {
		return &fs.PathError{Op: op, Path: name, Err: err}
	}
	return nil
}

// Entries is Entry of the names of Rename and Link.
func Entries(op, oldname, newname string) error {
	for _, name := range []string{oldname, newname} {
		if err := validEntry(name); err != nil {
			return &os.LinkError{Op: op, Old: oldname, New: newname, Err: err}
		}
	}
	return nil
}

// Open refuses the arguments that OpenFile refuses.
func Open(name string, flag int, perm fs.FileMode) error {
	err := validName(name)
	if err == nil {
		err = validFlag(flag)
	}
	if err == nil {
		err = validPerm(perm)
	}
	if err != nil {
		return &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return nil
}

// Mkdir refuses the arguments that Mkdir refuses.
func Mkdir(name string, perm fs.FileMode) error {
	err := validName(name)
	if err == nil {
		err = validPerm(perm)
	}
	if err != nil {
		return &fs.PathError{Op: "mkdir", Path: name, Err: err}
	}
	return nil
}

// Range refuses a negative offset or length, and what ends behind the largest offset.
func Range(op, name string, off, n int64) error {
	if off < 0 || n < 0 || n > math.MaxInt64-off {
		return &fs.PathError{Op: op, Path: name, Err: fmt.Errorf("%d bytes at %d: %w", n, off, fs.ErrInvalid)}
	}
	return nil
}

func validName(name string) error {
	switch {
	case !fs.ValidPath(name):
		return fmt.Errorf(`a name is separated by slashes and relative to the root, ".", without "." and ".." in it: %w`, fs.ErrInvalid)
	case strings.Contains(name, "\x00"): // which ends a name for the operating system
		return fmt.Errorf("a name has no zero byte: %w", fs.ErrInvalid)
	}
	return nil
}

func validEntry(name string) error {
	if name == "." {
		return fmt.Errorf("the root has no other name and stays: %w", fs.ErrInvalid)
	}
	return validName(name)
}

func validFlag(flag int) error {
	switch {
	case flag&^openFlags != 0:
		return fmt.Errorf("flag %#x: there are os.O_RDONLY, os.O_WRONLY, os.O_RDWR, os.O_CREATE, os.O_EXCL and os.O_TRUNC: %w",
			flag&^openFlags, fs.ErrInvalid)
	case flag&os.O_WRONLY != 0 && flag&os.O_RDWR != 0:
		return fmt.Errorf("os.O_WRONLY and os.O_RDWR exclude each other: %w", fs.ErrInvalid)
	case flag&os.O_EXCL != 0 && flag&os.O_CREATE == 0:
		return fmt.Errorf("os.O_EXCL goes with os.O_CREATE: %w", fs.ErrInvalid)
	case flag&os.O_TRUNC != 0 && !Writes(flag):
		return fmt.Errorf("os.O_TRUNC goes with os.O_WRONLY or os.O_RDWR: %w", fs.ErrInvalid)
	}
	return nil
}

func validPerm(perm fs.FileMode) error {
	if perm&^fs.ModePerm != 0 {
		return fmt.Errorf("mode %v has more than permissions: %w", perm, fs.ErrInvalid)
	}
	return nil
}
