package vfs

import (
	"errors"
	"io"

	"github.com/unio-go/unio/internal/vfscheck"
)

// Datasyncer is a File that can make its bytes durable without what only describes it, such as its times (fdatasync(2)).
type Datasyncer interface{ Datasync() error }

// Datasync makes what was written to f durable, and what is needed to read it back. Where f is no [Datasyncer] it is Sync.
func Datasync(f File) error {
	if d, ok := f.(Datasyncer); ok {
		return d.Datasync()
	}
	return f.Sync()
}

// Allocator is a File that can reserve room without changing its size (fallocate(2) with FALLOC_FL_KEEP_SIZE).
type Allocator interface{ Allocate(off, n int64) error }

// Allocate reserves room for n bytes at off, at least one, so that writing there cannot fail for want of it.
func Allocate(f File, off, n int64) error {
	if a, ok := f.(Allocator); ok {
		return a.Allocate(off, n)
	}
	return fileUnsupported("allocate", f)
}

// Prefetcher is a File that can begin to read into the page cache (posix_fadvise(2) with POSIX_FADV_WILLNEED).
type Prefetcher interface{ Prefetch(off, n int64) error }

// Prefetch begins to read n bytes at off into the page cache, and does not wait for them. There may be fewer.
func Prefetch(f File, off, n int64) error {
	if p, ok := f.(Prefetcher); ok {
		return p.Prefetch(off, n)
	}
	return fileUnsupported("prefetch", f)
}

// Aligner is a File that knows what offsets, lengths and memory must be multiples of.
type Aligner interface{ Alignment() int }

// Alignment is what offsets, lengths and memory must be multiples of for f, in bytes: 1 where it does not matter.
func Alignment(f File) int {
	if a, ok := f.(Aligner); ok {
		return a.Alignment()
	}
	return 1
}

// Descriptor is a File that has a descriptor of the operating system.
type Descriptor interface {
	// Fd is the descriptor, which is the File's and ends with it: for what package vfs has no call for, such as fcntl(2). It
	// is NoFd where there is none, and after Close.
	Fd() uintptr
}

// NoFd is no descriptor; package os says the same by it.
const NoFd = ^uintptr(0)

// Fd is the descriptor of f, or NoFd.
func Fd(f File) uintptr {
	if d, ok := f.(Descriptor); ok {
		return d.Fd()
	}
	return NoFd
}

// Linker is an FS whose files can have several names.
type Linker interface {
	// Link gives the file oldname the name newname as well. It is an error if there is something of that name, and if the
	// file is a directory (fs.ErrPermission).
	Link(oldname, newname string) error
}

// Link gives the file oldname the name newname as well.
func Link(fsys FS, oldname, newname string) error {
	if l, ok := fsys.(Linker); ok {
		return l.Link(oldname, newname)
	}
	return vfscheck.LinkError("link", oldname, newname, errUnsupported)
}

// Locker is an FS that can keep other processes, and other callers in this one, from the same tree.
type Locker interface {
	// Lock creates the file, if there is none, and locks it until the Closer is closed or the process has ended. It does not
	// wait: a file that is locked already, by this process too, is ErrLocked. The file stays when the lock is gone.
	Lock(name string) (io.Closer, error)
}

// ErrLocked is the cause of a Lock that somebody else has.
var ErrLocked = errors.New("somebody has locked it")

// Lock locks the file of that name as [Locker] says.
func Lock(fsys FS, name string) (io.Closer, error) {
	if l, ok := fsys.(Locker); ok {
		return l.Lock(name)
	}
	return nil, unsupported("lock", name)
}

// Measurer is an FS that knows how large its device is.
type Measurer interface{ Usage() (Usage, error) }

// Usage is how large the device under an FS is, in bytes.
type Usage struct {
	Total uint64
	Used  uint64
	Avail uint64 // what is left for a process without privileges
}

// Measure asks how large the device under fsys is.
func Measure(fsys FS) (Usage, error) {
	if m, ok := fsys.(Measurer); ok {
		return m.Usage()
	}
	return Usage{}, unsupported("usage", ".")
}

// Unwrapper is an FS that stands on another.
type Unwrapper interface{ Unwrap() FS }

// fileUnsupported is the error of a File without a power. The name as it was given is the File's to tell, by a method Name as
// that of os.File; of others the base is known.
func fileUnsupported(op string, f File) error {
	info, err := f.Stat()
	if err != nil {
		return vfscheck.Error(op, nameOf(f, "."), err)
	}
	return unsupported(op, nameOf(f, info.Name()))
}

func nameOf(f File, otherwise string) string {
	if named, ok := f.(interface{ Name() string }); ok {
		return named.Name()
	}
	return otherwise
}

func unsupported(op, name string) error { return vfscheck.Error(op, name, errUnsupported) }

var errUnsupported = vfscheck.Unsupported("this file system cannot")
