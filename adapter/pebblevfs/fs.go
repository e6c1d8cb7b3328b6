package pebblevfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

	pebble "github.com/cockroachdb/pebble/v2/vfs"

	"github.com/unio-go/unio/vfs"
)

// filePerm is of the files that Pebble creates, less the umask, as with Pebble's own file system.
const filePerm fs.FileMode = 0o666

// New gives Pebble a file system. It holds nothing by itself and needs no end: fsys must stay usable for as long as a DB is
// open on it.
func New(fsys vfs.FS) pebble.FS { return &tree{fsys} }

// tree is a vfs.FS as Pebble's.
type tree struct{ fsys vfs.FS }

// clean is a name of Pebble's as one of the vfs.FS.
func clean(name string) string {
	if name = path.Clean("/" + filepath.ToSlash(name)); name == "/" {
		return "."
	}
	return name[1:]
}

// Create makes a file anew. Whoever has the old one open, or another name for it, keeps it as it is.
func (t *tree) Create(name string, _ pebble.DiskWriteCategory) (pebble.File, error) {
	for {
		f, err := t.open(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, nil)
		if !errors.Is(err, fs.ErrExist) {
			return f, err
		}
		if err := t.fsys.Remove(clean(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
}

// Link gives a file another name.
func (t *tree) Link(oldname, newname string) error {
	return vfs.Link(t.fsys, clean(oldname), clean(newname))
}

// Open opens a file, or a directory, for reading.
func (t *tree) Open(name string, opts ...pebble.OpenOption) (pebble.File, error) {
	return t.open(name, os.O_RDONLY, opts)
}

// OpenReadWrite opens a file, which it makes if there is none.
func (t *tree) OpenReadWrite(name string, _ pebble.DiskWriteCategory, opts ...pebble.OpenOption) (pebble.File, error) {
	return t.open(name, os.O_RDWR|os.O_CREATE, opts)
}

// OpenDir opens a directory, to sync it.
func (t *tree) OpenDir(name string) (pebble.File, error) {
	f, err := t.fsys.OpenFile(clean(name), os.O_RDONLY, 0, nil)
	if err != nil {
		return nil, err
	}
	return &dir{file{File: f, name: base(name)}}, nil
}

// open opens a file as Pebble wants it. That reads come in no order is advice, which not every file system can take.
func (t *tree) open(name string, flag int, opts []pebble.OpenOption) (pebble.File, error) {
	var o *vfs.Options
	if slices.Contains(opts, pebble.RandomReadsOption) {
		o = &vfs.Options{Random: true}
	}
	f, err := t.fsys.OpenFile(clean(name), flag, filePerm, o)
	if o != nil && errors.Is(err, errors.ErrUnsupported) {
		f, err = t.fsys.OpenFile(clean(name), flag, filePerm, nil)
	}
	if err != nil {
		return nil, err
	}
	p := newFile(f, base(name))
	for _, opt := range opts {
		if opt != pebble.RandomReadsOption {
			opt.Apply(p)
		}
	}
	return p, nil
}

// Remove removes a file or an empty directory.
func (t *tree) Remove(name string) error { return t.fsys.Remove(clean(name)) }

// RemoveAll removes what it can of a file or a directory with all that is in it, and returns the first error. It does not
// follow symbolic links. That there is nothing of the name is no error.
func (t *tree) RemoveAll(name string) error { return vfs.RemoveAll(t.fsys, clean(name)) }

// Rename gives a file another name, in one step.
func (t *tree) Rename(oldname, newname string) error {
	return t.fsys.Rename(clean(oldname), clean(newname))
}

// ReuseForWrite gives a file another name and opens it as it is, so that writing over it has to find no room.
func (t *tree) ReuseForWrite(oldname, newname string, category pebble.DiskWriteCategory) (pebble.File, error) {
	if err := t.Rename(oldname, newname); err != nil {
		return nil, err
	}
	return t.OpenReadWrite(newname, category)
}

// MkdirAll makes a directory, with those above it that there are not. perm may say that it is one, as with os.MkdirAll.
func (t *tree) MkdirAll(name string, perm os.FileMode) error {
	return vfs.MkdirAll(t.fsys, clean(name), perm&^fs.ModeDir)
}

// Lock locks a file until the Closer is closed, or the process has ended.
func (t *tree) Lock(name string) (io.Closer, error) { return vfs.Lock(t.fsys, clean(name)) }

// List gives the names in a directory.
func (t *tree) List(name string) ([]string, error) {
	entries, err := t.fsys.ReadDir(clean(name))
	if err != nil {
		return nil, err
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, nil
}

// Stat describes a file.
func (t *tree) Stat(name string) (pebble.FileInfo, error) {
	info, err := t.fsys.Stat(clean(name))
	if err != nil {
		return nil, err
	}
	return fileInfo{info, base(name)}, nil
}

// PathBase is the last element of a name.
func (t *tree) PathBase(name string) string { return base(name) }

// PathJoin joins names by slashes.
func (t *tree) PathJoin(elem ...string) string {
	slashed := make([]string, len(elem))
	for i, e := range elem {
		slashed[i] = filepath.ToSlash(e)
	}
	return path.Join(slashed...)
}

// PathDir is what is in front of the last element of a name.
func (t *tree) PathDir(name string) string { return path.Dir(filepath.ToSlash(name)) }

func base(name string) string { return path.Base(filepath.ToSlash(name)) }

// GetDiskUsage tells how full the device is, whatever the name. Where that is not known the error is Pebble's
// vfs.ErrUnsupported.
func (t *tree) GetDiskUsage(string) (pebble.DiskUsage, error) {
	u, err := vfs.Measure(t.fsys)
	if errors.Is(err, errors.ErrUnsupported) {
		err = fmt.Errorf("%w: %w", pebble.ErrUnsupported, err)
	}
	if err != nil {
		return pebble.DiskUsage{}, err
	}
	return pebble.DiskUsage{AvailBytes: u.Avail, TotalBytes: u.Total, UsedBytes: u.Used}, nil
}

// Unwrap gives nil: there is no file system of Pebble's below.
func (t *tree) Unwrap() pebble.FS { return nil }
