package faultfs

import (
	"io/fs"

	"github.com/unio-go/unio/internal/vfscheck"
	"github.com/unio-go/unio/vfs"
)

// file is an open file without powers.
type file struct {
	below  vfs.File
	faulty *faulty
	name   string
}

// dress gives a file the powers of the one below: of a directory that is ReadDir. The method alone makes no directory, because
// a type may have it for all its files.
func dress(f *file) vfs.File {
	if d, ok := f.below.(fs.ReadDirFile); ok && isDirectory(f.below) {
		return struct {
			*file
			listing
		}{f, listing{f, d}}
	}
	d, datasyncer := f.below.(vfs.Datasyncer)
	a, allocator := f.below.(vfs.Allocator)
	p, prefetcher := f.below.(vfs.Prefetcher)
	sync, room, ahead := datasyncing{f, d}, allocating{f, a}, prefetching{f, p}
	if _, ok := f.below.(vfs.Aligner); ok {
		return dressAligned(aligned{f}, sync, room, ahead, datasyncer, allocator, prefetcher)
	}
	switch [3]bool{datasyncer, allocator, prefetcher} {
	case [3]bool{true, true, true}:
		return struct {
			*file
			datasyncing
			allocating
			prefetching
		}{f, sync, room, ahead}
	case [3]bool{true, true, false}:
		return struct {
			*file
			datasyncing
			allocating
		}{f, sync, room}
	case [3]bool{true, false, true}:
		return struct {
			*file
			datasyncing
			prefetching
		}{f, sync, ahead}
	case [3]bool{false, true, true}:
		return struct {
			*file
			allocating
			prefetching
		}{f, room, ahead}
	case [3]bool{true, false, false}:
		return struct {
			*file
			datasyncing
		}{f, sync}
	case [3]bool{false, true, false}:
		return struct {
			*file
			allocating
		}{f, room}
	case [3]bool{false, false, true}:
		return struct {
			*file
			prefetching
		}{f, ahead}
	}
	return f
}

// isDirectory asks the file below, which is no call that the plan knows.
func isDirectory(below vfs.File) bool {
	info, err := below.Stat()
	return err == nil && info.IsDir()
}

// dressAligned is dress of a file that knows its alignment.
func dressAligned(f aligned, sync datasyncing, room allocating, ahead prefetching, datasyncer, allocator, prefetcher bool) vfs.File {
	switch [3]bool{datasyncer, allocator, prefetcher} {
	case [3]bool{true, true, true}:
		return struct {
			aligned
			datasyncing
			allocating
			prefetching
		}{f, sync, room, ahead}
	case [3]bool{true, true, false}:
		return struct {
			aligned
			datasyncing
			allocating
		}{f, sync, room}
	case [3]bool{true, false, true}:
		return struct {
			aligned
			datasyncing
			prefetching
		}{f, sync, ahead}
	case [3]bool{false, true, true}:
		return struct {
			aligned
			allocating
			prefetching
		}{f, room, ahead}
	case [3]bool{true, false, false}:
		return struct {
			aligned
			datasyncing
		}{f, sync}
	case [3]bool{false, true, false}:
		return struct {
			aligned
			allocating
		}{f, room}
	case [3]bool{false, false, true}:
		return struct {
			aligned
			prefetching
		}{f, ahead}
	}
	return f
}

// Name is the name that the file was opened with.
func (f *file) Name() string { return f.name }

func (f *file) call(op string, do func() error) error { return f.faulty.call(op, f.name, do) }

// read does what gives bytes. A call that failed after it was done gives none.
func (f *file) read(do func() (int, error)) (n int, err error) {
	err, injected := f.faulty.plan.call(func() (err error) {
		n, err = do()
		return err
	}, "read", f.name)
	if injected {
		return 0, vfscheck.Error("read", f.name, err)
	}
	return n, err
}

func (f *file) Read(p []byte) (int, error) {
	return f.read(func() (int, error) { return f.below.Read(p) })
}

func (f *file) ReadAt(p []byte, off int64) (int, error) {
	return f.read(func() (int, error) { return f.below.ReadAt(p, off) })
}

// write does what takes bytes: all, a part, or none. It tells how many it took.
func (f *file) write(p []byte, do func(p []byte) (int, error)) (n int, err error) {
	plan := f.faulty.plan
	hit := plan.decide("write", f.name)
	if hit == nil {
		return do(p)
	}
	switch {
	case hit.Torn:
		n, err = do(p[:plan.part(len(p))])
	case hit.After:
		n, err = do(p)
	}
	if err == nil {
		err = vfscheck.Error("write", f.name, plan.record(hit))
	}
	return n, err
}

func (f *file) Write(p []byte) (int, error) { return f.write(p, f.below.Write) }

func (f *file) WriteAt(p []byte, off int64) (int, error) {
	return f.write(p, func(p []byte) (int, error) { return f.below.WriteAt(p, off) })
}

func (f *file) Seek(offset int64, whence int) (off int64, err error) {
	err = f.call("seek", func() (err error) {
		off, err = f.below.Seek(offset, whence)
		return err
	})
	return off, err
}

func (f *file) Truncate(size int64) error {
	return f.call("truncate", func() error { return f.below.Truncate(size) })
}

func (f *file) Sync() error { return f.sync(f.below.Sync) }

// sync makes durable what was written, or tells the file below that this has failed.
func (f *file) sync(do func() error) error {
	done := false
	err := f.call("sync", func() error {
		done = true
		return do()
	})
	if !done {
		_ = f.FailSync() // of a closed file, which has nothing to lose
	}
	return err
}

// FailSync is for the file at the bottom, where that wants to know of a sync that failed (memfs.File): what it leaves then is not
// what no sync leaves (fsync(2), NOTES).
func (f *file) FailSync() error {
	if loser, ok := f.below.(interface{ FailSync() error }); ok {
		return loser.FailSync()
	}
	return nil
}

func (f *file) Stat() (info fs.FileInfo, err error) {
	err = f.call("stat", func() (err error) {
		info, err = f.below.Stat()
		return err
	})
	if err != nil {
		return nil, err
	}
	return info, nil
}

// Close closes the file below in any case, as close(2) does: a plan opens no leak.
func (f *file) Close() error {
	hit := f.faulty.plan.decide("close", f.name)
	err := f.below.Close()
	if err == nil && hit != nil {
		err = vfscheck.Error("close", f.name, f.faulty.plan.record(hit))
	}
	return err
}

// listing is what a directory has that is open.
type listing struct {
	f     *file
	below fs.ReadDirFile
}

func (l listing) ReadDir(n int) ([]fs.DirEntry, error) {
	return l.f.faulty.list(l.f.name, func() ([]fs.DirEntry, error) { return l.below.ReadDir(n) })
}

// The powers of a file.

type aligned struct{ *file }

func (f aligned) Alignment() int { return vfs.Alignment(f.below) }

type datasyncing struct {
	f     *file
	below vfs.Datasyncer
}

func (d datasyncing) Datasync() error { return d.f.sync(d.below.Datasync) }

type allocating struct {
	f     *file
	below vfs.Allocator
}

func (a allocating) Allocate(off, n int64) error {
	return a.f.call("allocate", func() error { return a.below.Allocate(off, n) })
}

type prefetching struct {
	f     *file
	below vfs.Prefetcher
}

func (p prefetching) Prefetch(off, n int64) error {
	return p.f.call("prefetch", func() error { return p.below.Prefetch(off, n) })
}
