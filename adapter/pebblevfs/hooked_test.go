package pebblevfs_test

import (
	"io"
	"io/fs"
	"os"
	"sync/atomic"

	"github.com/unio-go/unio/vfs"
)

// hooked is a file system that tells of each change before it makes it, and syncs as it is told to.
type hooked struct {
	vfs.FS
	changing func()
	sync     func(*hookedFile) error // nil: as it should be
}

func (h *hooked) Open(name string) (fs.File, error) { return h.OpenFile(name, os.O_RDONLY, 0, nil) }

func (h *hooked) OpenFile(name string, flag int, perm fs.FileMode, o *vfs.Options) (vfs.File, error) {
	if flag&os.O_CREATE != 0 {
		h.changing()
	}
	f, err := h.FS.OpenFile(name, flag, perm, o)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return &hookedFile{File: f, of: h, dir: info.IsDir()}, nil
}

func (h *hooked) Mkdir(name string, perm fs.FileMode) error {
	h.changing()
	return h.FS.Mkdir(name, perm)
}

func (h *hooked) Remove(name string) error {
	h.changing()
	return h.FS.Remove(name)
}

func (h *hooked) Rename(oldname, newname string) error {
	h.changing()
	return h.FS.Rename(oldname, newname)
}

func (h *hooked) Link(oldname, newname string) error {
	h.changing()
	return vfs.Link(h.FS, oldname, newname)
}

func (h *hooked) Lock(name string) (io.Closer, error) {
	h.changing()
	return vfs.Lock(h.FS, name)
}

// hookedFile is one of its files.
type hookedFile struct {
	vfs.File
	of   *hooked
	dir  bool
	late atomic.Bool // a sync was acknowledged and has not happened
}

func (f *hookedFile) Write(p []byte) (int, error) {
	f.of.changing()
	if err := f.catchUp(); err != nil {
		return 0, err
	}
	return f.File.Write(p)
}

func (f *hookedFile) WriteAt(p []byte, off int64) (int, error) {
	f.of.changing()
	if err := f.catchUp(); err != nil {
		return 0, err
	}
	return f.File.WriteAt(p, off)
}

func (f *hookedFile) Truncate(size int64) error {
	f.of.changing()
	return f.File.Truncate(size)
}

func (f *hookedFile) Sync() error {
	f.of.changing()
	if f.of.sync != nil {
		return f.of.sync(f)
	}
	return f.File.Sync()
}

func (f *hookedFile) Datasync() error { return f.Sync() }

func (f *hookedFile) Close() error {
	if err := f.catchUp(); err != nil {
		return err
	}
	return f.File.Close()
}

// catchUp does the sync that was acknowledged.
func (f *hookedFile) catchUp() error {
	if f.late.Swap(false) {
		return f.File.Sync()
	}
	return nil
}

// The defects that the crashes have to find.
var planted = map[string]func(*hookedFile) error{
	"the sync of files left out": func(f *hookedFile) error {
		if f.dir {
			return f.File.Sync()
		}
		return nil
	},
	"the sync of directories left out": func(f *hookedFile) error {
		if f.dir {
			return nil
		}
		return f.File.Sync()
	},
	"a sync acknowledged before it has happened": func(f *hookedFile) error {
		if f.dir {
			return f.File.Sync()
		}
		f.late.Store(true)
		return nil
	},
}
