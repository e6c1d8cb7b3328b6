//go:build !linux

package tree

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/unio-go/unio/internal/sys"
	"github.com/unio-go/unio/internal/vfscheck"
)

// Dir is a directory that names begin at. Any number of goroutines may use it. It ends with Close; calls afterwards fail with
// fs.ErrClosed, and those that are under way end as if it were open.
type Dir struct{ rooted }

// Open opens a directory. Its own name is the caller's, and may lead anywhere.
func Open(name string) (*Dir, error) {
	r, err := openRoot(name)
	if err != nil {
		return nil, err
	}
	return &Dir{r}, nil
}

// Close closes the directory. What was opened in it stays open.
func (d *Dir) Close() error {
	if _, err := d.root.Stat("."); errors.Is(err, fs.ErrClosed) {
		return fs.ErrClosed
	}
	return d.cause(d.root.Close())
}

// local is a name as this system writes it.
func local(name string) (string, error) {
	spelled, err := filepath.Localize(name)
	if err != nil {
		return "", vfscheck.As(fs.ErrInvalid, fmt.Errorf("this system has no such name: %w", err))
	}
	return spelled, nil
}

// one calls fn with a name as this system writes it.
func one[T any](d *Dir, name string, fn func(name string) (T, error)) (v T, err error) {
	if name, err = local(name); err == nil {
		v, err = fn(name)
	}
	return v, d.cause(err)
}

// two calls fn with two names as this system writes them.
func (d *Dir) two(oldname, newname string, fn func(oldname, newname string) error) error {
	oldname, err := local(oldname)
	if err == nil {
		newname, err = local(newname)
	}
	if err == nil {
		err = fn(oldname, newname)
	}
	return d.cause(err)
}

// none makes fn a function that gives nothing but its error.
func none(fn func(name string) error) func(name string) (struct{}, error) {
	return func(name string) (struct{}, error) { return struct{}{}, fn(name) }
}

// OpenFile opens a file or a directory with the flags of os.OpenFile. It does not wait for the other side of a pipe.
func (d *Dir) OpenFile(name string, flag int, perm fs.FileMode) (*os.File, error) {
	return one(d, name, func(name string) (*os.File, error) {
		return sys.Open(func(further int) (*os.File, error) { return d.root.OpenFile(name, flag|further, perm) })
	})
}

// Stat describes what a name leads to.
func (d *Dir) Stat(name string) (fs.FileInfo, error) { return one(d, name, d.root.Stat) }

// Lstat describes what has the name: of a symbolic link, the link.
func (d *Dir) Lstat(name string) (fs.FileInfo, error) { return one(d, name, d.root.Lstat) }

// Mkdir makes one directory.
func (d *Dir) Mkdir(name string, perm fs.FileMode) error {
	_, err := one(d, name, none(func(name string) error { return d.root.Mkdir(name, perm) }))
	return err
}

// Remove removes what has the name, which may be a directory that is empty.
func (d *Dir) Remove(name string) error {
	_, err := one(d, name, none(d.root.Remove))
	return err
}

// Rename gives what has the old name the new one, instead of a file that had that.
func (d *Dir) Rename(oldname, newname string) error { return d.two(oldname, newname, d.root.Rename) }

// Link gives what has the old name the new one as well.
func (d *Dir) Link(oldname, newname string) error { return d.two(oldname, newname, d.root.Link) }

// Usage is not known here.
func (d *Dir) Usage() (total, free, avail uint64, err error) { return 0, 0, 0, errors.ErrUnsupported }
