package unio

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"syscall"

	"github.com/unio-go/unio/internal/loop"
	"github.com/unio-go/unio/internal/vfscheck"
)

// Sync makes everything that was written to the file durable, with its size and times (fsync(2)). When it fails, or Datasync or the
// sync of an Append does, every later one of this File fails too, whoever calls it: the kernel tells once what it has lost.
func (f *File) Sync() error { return f.sync((*File).syncNow) }

// Datasync makes everything that was written to the file durable, and of what describes it only what is needed to read that
// (fdatasync(2)).
func (f *File) Datasync() error { return f.sync((*File).datasyncNow) }

// sync is control of what is called once for each commit: it makes nothing for a goroutine.
func (f *File) sync(now func(*File) error) error {
	if err := f.begin("sync"); err != nil {
		return err
	}
	defer f.end()
	t, err := loop.Caller()
	switch {
	case err != nil:
	case t == nil || f.rt.files.inline:
		err = now(f)
	default:
		err = f.syncInTask(now)
	}
	return f.pathError("sync", err)
}

// syncInTask is sync for a task.
func (f *File) syncInTask(now func(*File) error) (err error) {
	Offload(func() { err = now(f) })
	return err
}

func (f *File) syncNow() error {
	f.log.beginSync()
	return f.log.endSync(f.rt.files.pool.Call(f.io.OS.Sync))
}

func (f *File) datasyncNow() error {
	f.log.beginSync()
	return f.log.endSync(f.rt.files.pool.Datasync(&f.io))
}

// Truncate makes the file size bytes long: it is cut, or extended by zeros that take no room.
func (f *File) Truncate(size int64) error {
	return f.control("truncate", func() error {
		err := f.io.OS.Truncate(size)
		switch {
		case err == nil:
			f.size.Store(size)
		case f.readOnly && f.list == nil && size >= 0 && errors.Is(err, syscall.EINVAL):
			err = syscall.EBADF // ftruncate(2) tells the two apart on some systems alone
		}
		return err
	})
}

// Allocate reserves room on the device for n bytes at off without changing the size of the file (fallocate(2) with
// FALLOC_FL_KEEP_SIZE), so that writing there cannot fail for want of it and is not slowed down by finding it. Where the
// system has no such call the error is errors.ErrUnsupported.
func (f *File) Allocate(off, n int64) error {
	if off < 0 || n <= 0 || n > math.MaxInt64-off {
		return f.refuse("allocate", fmt.Errorf("%d bytes at %d: %w", n, off, fs.ErrInvalid))
	}
	return f.controlPart("allocate", func() error { return allocate(f.io.OS, off, n) })
}

// Stat describes the file as os.File.Stat does.
func (f *File) Stat() (info fs.FileInfo, err error) {
	err = f.control("stat", func() (err error) {
		info, err = f.io.OS.Stat()
		return err
	})
	return info, err
}

// Advice tells the kernel how a part of a file will be used (posix_fadvise(2)).
type Advice uint8

// The kinds of advice.
const (
	AdviceNormal     Advice = iota // nothing special; takes Random and Sequential back
	AdviceRandom                   // in no order: nothing is read ahead
	AdviceSequential               // in order: much is read ahead
	AdviceWillNeed                 // soon: reading it into the page cache begins
	AdviceDontNeed                 // not soon: what of it is not dirty leaves the page cache
	adviceCount
)

// Advise gives advice about n bytes at off, or about everything from off on if n is 0. Random, Sequential and Normal always
// concern the whole file. Where the system has no such call the error is errors.ErrUnsupported.
func (f *File) Advise(off, n int64, a Advice) error {
	if off < 0 || n < 0 || a >= adviceCount {
		return f.refuse("advise", fmt.Errorf("advice %d for %d bytes at %d: %w", a, n, off, fs.ErrInvalid))
	}
	return f.controlPart("advise", func() error { return advise(f.io.OS, off, n, a) })
}

// Prefetch begins to read n bytes at off into the page cache, as [vfs.Prefetcher] says. Where the system has no such call the
// error is errors.ErrUnsupported.
func (f *File) Prefetch(off, n int64) error {
	if err := vfscheck.Range("prefetch", f.name, off, n); err != nil {
		return f.refuse("prefetch", err)
	}
	return f.controlPart("prefetch", func() error {
		if n == 0 {
			return nil // to posix_fadvise(2) it would mean everything from off on
		}
		return advise(f.io.OS, off, n, AdviceWillNeed)
	})
}

// controlPart is control of what concerns a part of a file, of which a directory has none.
func (f *File) controlPart(op string, fn func() error) error {
	if f.list != nil {
		return f.refuse(op, syscall.EISDIR)
	}
	return f.control(op, fn)
}

// control runs what may block, while the file stays open.
func (f *File) control(op string, fn func() error) error {
	if err := f.begin(op); err != nil {
		return err
	}
	defer f.end()
	return f.pathError(op, f.rt.block(fn))
}
