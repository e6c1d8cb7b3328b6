// Package osfs is a directory of the operating system as a [vfs.FS], by package os: the reference for what the contract means.
//
// It needs no loop and no ring. A call blocks its goroutine and, while the device works, a thread.
//
// Symbolic links are followed where they stay in the directory (os.Root); one that leads out, or is absolute, is refused with
// fs.ErrPermission. Files can be linked everywhere, locked where there is flock(2), and on Linux synced without their times,
// allocated, prefetched and opened with each of the options. Elsewhere these are refused with errors.ErrUnsupported. On Windows
// Rename replaces no directory, not even an empty one.
package osfs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/unio-go/unio/internal/vfscheck"
	"github.com/unio-go/unio/vfs"
)

// FS is a directory. It ends with Close: later calls fail with fs.ErrClosed, and so does a second Close. Files that are open
// then, and locks, stay until they are closed themselves.
type FS struct {
	root    *os.Root
	dir     string
	escapes error // what package os says of a name that leads out
	closed  atomic.Bool
}

var _ interface {
	vfs.FS
	vfs.Linker
} = (*FS)(nil)

// New is the FS of a directory, which must exist. It holds a descriptor of it, and goes with the directory when that is
// renamed.
func New(dir string) (*FS, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		if info, e := os.Stat(dir); e == nil && !info.IsDir() {
			err = syscall.ENOTDIR // package os says so in words alone
		}
		return nil, vfscheck.Error("open", dir, err)
	}
	_, err = root.Lstat("..")
	return &FS{root: root, dir: dir, escapes: vfscheck.Cause(err)}, nil
}

// Dir is the directory, as New was given it.
func (f *FS) Dir() string { return f.dir }

// Close ends the FS.
func (f *FS) Close() error {
	if f.closed.Swap(true) {
		return vfscheck.Error("close", ".", fs.ErrClosed)
	}
	return vfscheck.Error("close", ".", f.root.Close())
}

// Open opens a file or a directory for reading.
func (f *FS) Open(name string) (fs.File, error) { return f.OpenFile(name, os.O_RDONLY, 0, nil) }

// OpenFile opens a file as vfs.FS says.
func (f *FS) OpenFile(name string, flag int, perm fs.FileMode, o *vfs.Options) (vfs.File, error) {
	if err := vfscheck.Open(name, flag, perm); err != nil {
		return nil, err
	}
	var opts vfs.Options
	if o != nil {
		opts = *o
	}
	file, err := f.open(name, flag, perm, opts)
	if err != nil {
		return nil, f.error("open", name, err)
	}
	return file, nil
}

// open opens a file whose name and flags are good. Its errors are undressed.
func (f *FS) open(name string, flag int, perm fs.FileMode, o vfs.Options) (vfs.File, error) {
	local, err := localize(name)
	if err != nil {
		return nil, err
	}
	options, err := optionFlag(o)
	if err != nil {
		return nil, err
	}
	file, err := f.root.OpenFile(local, flag|options, perm)
	if err != nil {
		return nil, explainOpen(vfscheck.Cause(err), o)
	}
	opened, err := dress(file, name, flag, o)
	if err != nil {
		file.Close()
		return nil, err
	}
	return opened, nil
}

// dress is the File of what was opened.
func dress(file *os.File, name string, flag int, o vfs.Options) (vfs.File, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		if o != (vfs.Options{}) {
			return nil, vfscheck.Unsupported("options are for files, and it is a directory")
		}
		return &directory{handle{file, name}}, nil
	}
	opened := &regular{handle: handle{file, name}, writes: vfscheck.Writes(flag), align: 1}
	return opened, opened.setOptions(o)
}

// Stat describes a file or directory.
func (f *FS) Stat(name string) (fs.FileInfo, error) {
	local, err := f.local("stat", name)
	if err != nil {
		return nil, err
	}
	info, err := f.root.Stat(local)
	return info, f.error("stat", name, err)
}

// ReadDir gives what a directory holds, sorted by name.
func (f *FS) ReadDir(name string) ([]fs.DirEntry, error) {
	local, err := f.local("readdir", name)
	if err != nil {
		return nil, err
	}
	dir, err := f.root.Open(local)
	if err != nil {
		return nil, f.error("readdir", name, err)
	}
	defer dir.Close()
	entries, err := dir.ReadDir(-1)
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, f.error("readdir", name, err)
}

// Mkdir makes one directory.
func (f *FS) Mkdir(name string, perm fs.FileMode) error {
	if err := vfscheck.Mkdir(name, perm); err != nil {
		return err
	}
	local, err := localize(name)
	if err == nil {
		err = f.root.Mkdir(local, perm)
	}
	return f.error("mkdir", name, err)
}

// Remove removes a file or an empty directory.
func (f *FS) Remove(name string) error {
	if err := vfscheck.Entry("remove", name); err != nil {
		return err
	}
	local, err := localize(name)
	if err == nil {
		err = f.root.Remove(local)
	}
	return f.error("remove", name, err)
}

// Rename gives a file or a directory another name.
func (f *FS) Rename(oldname, newname string) error {
	return f.link("rename", oldname, newname, f.rename)
}

// Link gives a file one more name.
func (f *FS) Link(oldname, newname string) error {
	return f.link("link", oldname, newname, f.root.Link)
}

// link does what takes two names.
func (f *FS) link(op, oldname, newname string, do func(oldname, newname string) error) error {
	if err := vfscheck.Entries(op, oldname, newname); err != nil {
		return err
	}
	oldlocal, err := localize(oldname)
	if err != nil {
		return vfscheck.LinkError(op, oldname, newname, err)
	}
	newlocal, err := localize(newname)
	if err == nil {
		err = do(oldlocal, newlocal)
	}
	return vfscheck.LinkError(op, oldname, newname, f.cause(err))
}

// local is the system's spelling of a name.
func (f *FS) local(op, name string) (string, error) {
	if err := vfscheck.Name(op, name); err != nil {
		return "", err
	}
	local, err := localize(name)
	return local, f.error(op, name, err)
}

// localize is the system's spelling of a valid name. What the system cannot spell is invalid: on Windows a backslash, a drive or a
// device.
func localize(name string) (string, error) {
	local, err := filepath.Localize(name)
	if err != nil {
		return "", vfscheck.As(fs.ErrInvalid, errors.New("the system cannot spell this name"))
	}
	return local, nil
}

// error dresses an error of package os.
func (f *FS) error(op, name string, err error) error { return vfscheck.Error(op, name, f.cause(err)) }

// cause is the error below what package os has put around it.
func (f *FS) cause(err error) error {
	if err == nil {
		return nil
	}
	if err = vfscheck.Cause(err); err == f.escapes {
		return vfscheck.As(fs.ErrPermission, err)
	}
	return err
}
