package vfstest

import (
	"io"
	"io/fs"

	"github.com/unio-go/unio/vfs"
	"github.com/unio-go/unio/vfs/osfs"
)

// brokenFS is an FS of package osfs whose methods can be replaced one by one.
type brokenFS struct {
	*osfs.FS
	open     func(name string) (fs.File, error)
	openFile func(name string, flag int, perm fs.FileMode, o *vfs.Options) (vfs.File, error)
	stat     func(name string) (fs.FileInfo, error)
	readDir  func(name string) ([]fs.DirEntry, error)
	mkdir    func(name string, perm fs.FileMode) error
	remove   func(name string) error
	rename   func(oldname, newname string) error
	link     func(oldname, newname string) error
	lock     func(name string) (io.Closer, error)
	usage    func() (vfs.Usage, error)
	file     func(f *brokenFile) // breaks each file that is opened
	dir      func(d *brokenDir)  // and each directory
}

// breakable is an FS in which nothing is broken yet.
func breakable(fsys *osfs.FS) *brokenFS {
	b := &brokenFS{
		FS: fsys, openFile: fsys.OpenFile, stat: fsys.Stat, readDir: fsys.ReadDir, mkdir: fsys.Mkdir, remove: fsys.Remove,
		rename: fsys.Rename, link: fsys.Link,
		lock:  func(name string) (io.Closer, error) { return vfs.Lock(fsys, name) },
		usage: func() (vfs.Usage, error) { return vfs.Measure(fsys) },
	}
	b.open = func(name string) (fs.File, error) { return b.OpenFile(name, 0, 0, nil) }
	return b
}

func (b *brokenFS) Open(name string) (fs.File, error)          { return b.open(name) }
func (b *brokenFS) Stat(name string) (fs.FileInfo, error)      { return b.stat(name) }
func (b *brokenFS) ReadDir(name string) ([]fs.DirEntry, error) { return b.readDir(name) }
func (b *brokenFS) Mkdir(name string, perm fs.FileMode) error  { return b.mkdir(name, perm) }
func (b *brokenFS) Remove(name string) error                   { return b.remove(name) }
func (b *brokenFS) Rename(oldname, newname string) error       { return b.rename(oldname, newname) }
func (b *brokenFS) Link(oldname, newname string) error         { return b.link(oldname, newname) }
func (b *brokenFS) Lock(name string) (io.Closer, error)        { return b.lock(name) }
func (b *brokenFS) Usage() (vfs.Usage, error)                  { return b.usage() }

func (b *brokenFS) OpenFile(name string, flag int, perm fs.FileMode, o *vfs.Options) (vfs.File, error) {
	f, err := b.openFile(name, flag, perm, o)
	if err != nil {
		return nil, err
	}
	if d, ok := f.(fs.ReadDirFile); ok {
		broken := &brokenDir{File: f, readDir: d.ReadDir, seek: f.Seek, sync: f.Sync}
		if b.dir != nil {
			b.dir(broken)
		}
		return broken, nil
	}
	broken := &brokenFile{
		File: f, name: name, read: f.Read, readAt: f.ReadAt, write: f.Write, writeAt: f.WriteAt, seek: f.Seek, truncate: f.Truncate,
		stat: f.Stat, sync: f.Sync, close: f.Close, datasync: func() error { return vfs.Datasync(f) },
		allocate:  func(off, n int64) error { return vfs.Allocate(f, off, n) },
		prefetch:  func(off, n int64) error { return vfs.Prefetch(f, off, n) },
		alignment: func() int { return vfs.Alignment(f) },
		fd:        func() uintptr { return vfs.Fd(f) },
	}
	if b.file != nil {
		b.file(broken)
	}
	return broken, nil
}

// brokenFile is a file whose methods can be replaced.
type brokenFile struct {
	vfs.File           // the sound one
	name               string
	read, write        func(p []byte) (int, error)
	readAt, writeAt    func(p []byte, off int64) (int, error)
	seek               func(off int64, whence int) (int64, error)
	truncate           func(size int64) error
	stat               func() (fs.FileInfo, error)
	sync, datasync     func() error
	close              func() error
	allocate, prefetch func(off, n int64) error
	alignment          func() int
	fd                 func() uintptr
}

func (f *brokenFile) Read(p []byte) (int, error)                { return f.read(p) }
func (f *brokenFile) ReadAt(p []byte, off int64) (int, error)   { return f.readAt(p, off) }
func (f *brokenFile) Write(p []byte) (int, error)               { return f.write(p) }
func (f *brokenFile) WriteAt(p []byte, off int64) (int, error)  { return f.writeAt(p, off) }
func (f *brokenFile) Seek(off int64, whence int) (int64, error) { return f.seek(off, whence) }
func (f *brokenFile) Truncate(size int64) error                 { return f.truncate(size) }
func (f *brokenFile) Stat() (fs.FileInfo, error)                { return f.stat() }
func (f *brokenFile) Sync() error                               { return f.sync() }
func (f *brokenFile) Datasync() error                           { return f.datasync() }
func (f *brokenFile) Close() error                              { return f.close() }
func (f *brokenFile) Allocate(off, n int64) error               { return f.allocate(off, n) }
func (f *brokenFile) Prefetch(off, n int64) error               { return f.prefetch(off, n) }
func (f *brokenFile) Alignment() int                            { return f.alignment() }
func (f *brokenFile) Fd() uintptr                               { return f.fd() }

// brokenDir is a directory whose methods can be replaced.
type brokenDir struct {
	vfs.File
	readDir func(n int) ([]fs.DirEntry, error)
	seek    func(off int64, whence int) (int64, error)
	sync    func() error
}

func (d *brokenDir) ReadDir(n int) ([]fs.DirEntry, error)      { return d.readDir(n) }
func (d *brokenDir) Seek(off int64, whence int) (int64, error) { return d.seek(off, whence) }
func (d *brokenDir) Sync() error                               { return d.sync() }
