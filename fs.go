package unio

import (
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/unio-go/unio/internal/tree"
	"github.com/unio-go/unio/internal/vfscheck"
	"github.com/unio-go/unio/vfs"
)

// FS is a directory with all that is below it as a [vfs.FS], for storage engines that are written against package vfs. Its calls
// go where those of [Runtime.OpenFile] go: a task parks while a thread of a bounded set works, a goroutine blocks alone, and no
// loop is held. In a simulation the caller does everything at once.
//
// Each [vfs.File] that it gives is a *[File], so that what only that can do is one assertion away: f.(*unio.File).Append. Its
// name is that in the tree, also in errors.
//
// Symbolic links are followed where they stay below the directory. One that leads out, or is absolute, is refused with
// fs.ErrPermission, also when somebody exchanges directories for links meanwhile: the kernel resolves the names (openat2(2),
// RESOLVE_BENEATH), or where it cannot, os.Root.
//
// It ends with Close, or with its Runtime: later calls fail with fs.ErrClosed. What is open and locked stays so after Close,
// and ends with the Runtime.
type FS struct {
	rt   *Runtime
	tree *tree.Dir
	dir  string
}

var _ interface {
	vfs.FS
	vfs.Linker
	vfs.Locker
	vfs.Measurer
} = (*FS)(nil)

// FS is the tree below a directory, which must exist. It holds the directory, not its name: it goes with it when it is renamed.
func (rt *Runtime) FS(dir string) (*FS, error) {
	s := &FS{rt: rt, dir: dir}
	err := rt.usable()
	if err == nil {
		err = rt.block(func() (err error) {
			s.tree, err = tree.Open(dir)
			return err
		})
	}
	if err == nil {
		err = rt.files.addTree(s)
	}
	if err != nil {
		return nil, pathError("open", dir, err)
	}
	return s, nil
}

// Dir is the directory as [Runtime.FS] was given it.
func (s *FS) Dir() string { return s.dir }

// Close ends the FS. A second Close fails with fs.ErrClosed.
func (s *FS) Close() error {
	return pathError("close", ".", s.rt.block(func() error {
		s.rt.files.removeTree(s) // not before: a call that is refused leaves it to the Runtime
		return s.tree.Close()
	}))
}

// Open opens a file or a directory for reading.
func (s *FS) Open(name string) (fs.File, error) { return s.OpenFile(name, os.O_RDONLY, 0, nil) }

// OpenFile opens a file or a directory as [vfs.FS] says. What it gives is a *[File].
func (s *FS) OpenFile(name string, flag int, perm fs.FileMode, o *vfs.Options) (vfs.File, error) {
	if err := vfscheck.Open(name, flag, perm); err != nil {
		return nil, err
	}
	var opts FileOptions
	if o != nil {
		opts = FileOptions{Direct: o.Direct, Random: o.Random}
	}
	f, err := s.open(name, flag, perm, opts)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// open opens what a good name leads to.
func (s *FS) open(name string, flag int, perm fs.FileMode, o FileOptions) (*File, error) {
	f := &File{rt: s.rt, name: name, readOnly: !vfscheck.Writes(flag)}
	f.lstat = s.lstatIn(name)
	return f.open(o, func(flags int) (*os.File, error) { return s.tree.OpenFile(name, flag|flags, perm) })
}

// lstatIn describes the entries of a directory.
func (s *FS) lstatIn(dir string) func(entry string) (fs.FileInfo, error) {
	return func(entry string) (fs.FileInfo, error) {
		name := path.Join(dir, entry)
		info, err := s.tree.Lstat(name)
		return info, pathError("stat", name, err)
	}
}

// Stat describes what a name leads to.
func (s *FS) Stat(name string) (info fs.FileInfo, err error) {
	err = s.call("stat", name, func() (err error) {
		info, err = s.tree.Stat(name)
		return err
	})
	return info, err
}

// ReadDir gives what a directory holds, sorted by name. An entry's Info asks for it when it is called, and fails with
// fs.ErrClosed when the FS has ended.
func (s *FS) ReadDir(name string) (all []fs.DirEntry, err error) {
	err = s.call("readdir", name, func() error {
		dir, err := s.tree.OpenFile(name, os.O_RDONLY, 0)
		if err != nil {
			return err
		}
		defer dir.Close()
		found, err := tree.NewList(dir).Next(-1)
		slices.SortFunc(found, func(a, b tree.Entry) int { return strings.Compare(a.Name, b.Name) })
		all = dirEntries(s.rt, found, s.lstatIn(name))
		return err
	})
	return all, err
}

// call does what takes one name and may block.
func (s *FS) call(op, name string, fn func() error) error {
	if err := vfscheck.Name(op, name); err != nil {
		return err
	}
	return pathError(op, name, s.rt.block(fn))
}

// Mkdir makes one directory.
func (s *FS) Mkdir(name string, perm fs.FileMode) error {
	if err := vfscheck.Mkdir(name, perm); err != nil {
		return err
	}
	return s.call("mkdir", name, func() error { return s.tree.Mkdir(name, perm) })
}

// Remove removes a file or an empty directory, and of a symbolic link the link.
func (s *FS) Remove(name string) error {
	if err := vfscheck.Entry("remove", name); err != nil {
		return err
	}
	return s.call("remove", name, func() error { return s.tree.Remove(name) })
}

// Rename gives a file or a directory another name, as [vfs.FS] says. Only on Linux does it replace a directory that is empty.
func (s *FS) Rename(oldname, newname string) error {
	return s.two("rename", oldname, newname, s.tree.Rename)
}

// Link gives a file one more name.
func (s *FS) Link(oldname, newname string) error {
	return s.two("link", oldname, newname, s.tree.Link)
}

// two does what takes two names.
func (s *FS) two(op, oldname, newname string, fn func(oldname, newname string) error) error {
	if err := vfscheck.Entries(op, oldname, newname); err != nil {
		return err
	}
	err := s.rt.block(func() error { return fn(oldname, newname) })
	return vfscheck.LinkError(op, oldname, newname, err)
}

// Lock locks a file, which it creates if there is none, as [vfs.Locker] says (flock(2)). It ends with the Runtime as well.
// Where the system has no such call the error is errors.ErrUnsupported.
func (s *FS) Lock(name string) (io.Closer, error) {
	if err := vfscheck.Name("lock", name); err != nil {
		return nil, err
	}
	f, err := s.open(name, os.O_RDWR|os.O_CREATE, 0o666, FileOptions{})
	if err != nil {
		return nil, pathError("lock", name, err)
	}
	if err := f.control("lock", func() error { return tryLock(f.io.OS) }); err != nil {
		f.Close()
		return nil, err
	}
	return fileLock{f}, nil
}

// fileLock is a file that is locked, and does not tell that it is one.
type fileLock struct{ f *File }

func (l fileLock) Close() error { return l.f.Close() }

// Usage is how large the device is that the directory lies on (fstatfs(2)). It is for Linux; elsewhere the error is
// errors.ErrUnsupported.
func (s *FS) Usage() (u vfs.Usage, err error) {
	err = s.call("usage", ".", func() error {
		total, free, avail, err := s.tree.Usage()
		u = vfs.Usage{Total: total, Used: total - free, Avail: avail}
		return err
	})
	return u, err
}
