package unio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/fileio"
	"github.com/unio-go/unio/internal/loop"
	"github.com/unio-go/unio/internal/sys"
	"github.com/unio-go/unio/internal/tree"
	"github.com/unio-go/unio/internal/vfscheck"
	"github.com/unio-go/unio/vfs"
)

// FileOptions are the settings of a [File]. nil is good.
type FileOptions struct {
	// Direct bypasses the page cache (O_DIRECT, open(2)). Offsets and lengths are then multiples of what [File.Alignment]
	// says, and memory too, which buffers of the runtime's pool fit. It is an error where the file system has no such
	// access.
	Direct bool

	// Random says that reads come in no order, so that the kernel reads nothing ahead (POSIX_FADV_RANDOM, posix_fadvise(2)).
	// Without it one cold read of 4 KiB may bring in megabytes.
	Random bool
}

// File is an open file, for tasks and for goroutines, of which any number may use it at once. No call holds a loop, and
// none costs a thread of its own: a task parks while its loop's engine or a thread of a bounded set does the work, a
// goroutine blocks alone. What is in the page cache is read at once by the caller.
//
// A File ends with Close, or with its Runtime; one that is merely dropped is never collected, unlike package os's. Calls
// afterwards fail with an *fs.PathError around fs.ErrClosed. It is a [vfs.File], and its errors are those of package vfs.
type File struct {
	// These, which each read looks at, lie together: who reads from hundreds of files finds none of them in the CPU's cache.
	rt    *Runtime
	users atomic.Int64 // calls under way, and closedBit
	mode  fileMode
	io    fileio.File
	cache cacheGuess

	name     string
	readOnly bool // what it was opened for
	random   bool // FileOptions.Random
	// align is what offsets and lengths, and memAlign what memory, are multiples of where Direct is set.
	align, memAlign int
	size            atomic.Int64 // the end of the file as far as this File has seen it
	writing         sync.Mutex   // one buffered write of a goroutine at a time: more would spin on the inode's lock
	log             appender
	cursor          cursor
	listing

	last   sync.Once
	unused chan struct{}
	ends   func() error // of a mapping: called before the descriptor is closed
}

// fileMode is how a file is read.
type fileMode uint8

const (
	// modeBlocking: the file system cannot say whether it would wait, so a thread does.
	modeBlocking fileMode = iota
	// modeMemory: the file system is memory, and its reads are copies.
	modeMemory
	// modeCached: the page cache is asked first.
	modeCached
	// modeDirect: the device, always.
	modeDirect
	// modeDirectory: not at all.
	modeDirectory
)

const closedBit = 1 << 62

var _ interface {
	vfs.File
	vfs.Datasyncer
	vfs.Allocator
	vfs.Prefetcher
	vfs.Aligner
	vfs.Descriptor
	fs.ReadDirFile
} = (*File)(nil)

// OpenFile opens a regular file, a block device or a directory as os.OpenFile does, with the same flags. os.O_APPEND is
// refused, because with it Linux writes at the end whatever the offset says (pwrite(2)): [File.Append] appends. A directory
// knows Stat, Sync, Datasync, ReadDir and Close; other calls on it fail with fs.ErrInvalid, and options are refused with
// errors.ErrUnsupported. What else a name may lead to is refused with fs.ErrInvalid, at once: nobody waits for the other side of
// a pipe.
func (rt *Runtime) OpenFile(name string, flag int, perm fs.FileMode, o *FileOptions) (*File, error) {
	var opts FileOptions
	if o != nil {
		opts = *o
	}
	if flag&os.O_APPEND != 0 {
		return nil, pathError("open", name, vfscheck.As(fs.ErrInvalid, errors.New("os.O_APPEND does not go with positioned writes: "+
			"leave it out and use File.Append")))
	}
	f := &File{rt: rt, name: name, readOnly: !vfscheck.Writes(flag)}
	f.lstat = func(entry string) (fs.FileInfo, error) { return os.Lstat(filepath.Join(name, entry)) }
	return f.open(opts, func(flags int) (*os.File, error) {
		return sys.Open(func(further int) (*os.File, error) { return os.OpenFile(name, flag|flags|further, perm) })
	})
}

// open makes f, which has the runtime and a name, the file that open opens with the flags that the options add.
func (f *File) open(o FileOptions, open func(flags int) (*os.File, error)) (*File, error) {
	rt := f.rt
	f.unused = make(chan struct{})
	f.cursor.f, f.log.f = f, f
	err := rt.usable()
	if err == nil {
		err = rt.openRing()
	}
	if err == nil {
		err = rt.block(func() error { return f.openNow(o, open) })
	}
	if err == nil {
		err = rt.files.add(f)
	}
	if err != nil {
		return nil, f.pathError("open", err)
	}
	return f, nil
}

// openNow opens and looks at what was opened.
func (f *File) openNow(o FileOptions, open func(flags int) (*os.File, error)) error {
	flags, err := optionFlag(o)
	if err != nil {
		return err
	}
	f.io.OS, err = open(flags)
	if err != nil {
		return explainOpen(vfscheck.Cause(err), o)
	}
	if err := f.examine(o); err != nil {
		f.io.OS.Close()
		return err
	}
	return nil
}

// examine finds out what the file is and what its file system can do.
func (f *File) examine(o FileOptions) error {
	info, err := f.io.OS.Stat()
	if err != nil {
		return err
	}
	switch kind := info.Mode().Type(); {
	case kind.IsDir():
		if o != (FileOptions{}) {
			return vfscheck.Unsupported("options are for files, and it is a directory")
		}
		f.list = tree.NewList(f.io.OS)
	case kind.IsRegular(), kind&fs.ModeDevice != 0 && kind&fs.ModeCharDevice == 0:
	default:
		return vfscheck.As(fs.ErrInvalid, fmt.Errorf("it is not a regular file, a block device or a directory, but %v: "+
			"package os reads what has no positions", kind))
	}
	size, err := sizeOf(f.io.OS, info)
	if err != nil {
		return err
	}
	f.size.Store(size)
	f.io.Direct, f.random = o.Direct, o.Random
	err = f.probe(o)
	if f.list != nil {
		f.mode = modeDirectory
	}
	return err
}

// sizeOf is where an open file ends that info is about. Of a block device only lseek(2) knows it; it may set the descriptor's own
// position, which nothing here uses.
func sizeOf(f *os.File, info fs.FileInfo) (int64, error) {
	if info.Mode()&fs.ModeDevice == 0 {
		return info.Size(), nil
	}
	return f.Seek(0, io.SeekEnd)
}

// Name is the name that the file was opened with.
func (f *File) Name() string { return f.name }

// String is the name, so that a File can be printed while others use it.
func (f *File) String() string { return f.name }

// Fd is the descriptor of the operating system, for what File has no call for, such as fcntl(2) and sync_file_range(2). It is the
// File's and ends with it: after Close it is vfs.NoFd. What is done with it blocks the caller's thread, and with that a task's loop.
func (f *File) Fd() uintptr { return f.io.OS.Fd() }

// Alignment is what offsets and lengths must be multiples of, in bytes: 1 unless [FileOptions].Direct is set.
func (f *File) Alignment() int { return max(f.align, 1) }

// begin counts a call in, so that Close waits for it.
func (f *File) begin(op string) error {
	if f.users.Add(1)&closedBit != 0 {
		f.end()
		return f.pathError(op, fs.ErrClosed)
	}
	return nil
}

// end counts it out.
func (f *File) end() {
	if f.users.Add(-1) == closedBit {
		f.last.Do(func() { close(f.unused) }) // a call that comes too late passes here as well
	}
}

// contextErr is why nothing is begun for ctx.
func contextErr(ctx context.Context) error {
	if ctx == nil {
		return fmt.Errorf("the context is nil: %w", fs.ErrInvalid)
	}
	return ctx.Err()
}

// Close waits for the calls that are under way, cancelled ones included, and closes the file. Calls that come while it
// waits fail already. A second Close fails with fs.ErrClosed.
func (f *File) Close() error {
	t, err := loop.Caller()
	if err != nil {
		return f.pathError("close", err)
	}
	for {
		n := f.users.Load()
		if n&closedBit != 0 {
			return f.pathError("close", fs.ErrClosed)
		}
		if f.users.CompareAndSwap(n, (n+1)|closedBit) {
			break
		}
	}
	f.end()
	if t == nil || f.rt.files.inline {
		return f.finish()
	}
	Offload(func() { err = f.finish() })
	return err
}

// finish ends a file that takes no new calls.
func (f *File) finish() error {
	<-f.unused
	defer f.rt.files.remove(f) // last, because the Runtime waits for that
	f.rt.forgetFile(&f.io)
	if f.ends != nil {
		return errors.Join(f.ends(), f.pathError("close", f.io.OS.Close()))
	}
	return f.pathError("close", f.io.OS.Close())
}

// pathError dresses an error as package vfs says.
func (f *File) pathError(op string, err error) error { return pathError(op, f.name, err) }

func pathError(op, name string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, engine.ErrCanceled) || errors.Is(err, net.ErrClosed) {
		err = fs.ErrClosed // the loop ends
	}
	return vfscheck.Error(op, name, err)
}
