package tree

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/unio-go/unio/internal/sys"
	"github.com/unio-go/unio/internal/vfscheck"
)

// Dir is a directory that names begin at. Any number of goroutines may use it. It ends with Close; calls afterwards fail with
// fs.ErrClosed, and those that are under way end as if it were open.
type Dir struct {
	rooted
	at *os.File // the same directory, for system calls
	fd syscall.RawConn

	// without is set when openat2 has turned out to be missing or forbidden, which may also begin later.
	without atomic.Bool
}

// Open opens a directory. Its own name is the caller's, and may lead anywhere.
func Open(name string) (*Dir, error) {
	r, err := openRoot(name)
	if err != nil {
		return nil, err
	}
	d := &Dir{rooted: r}
	if d.at, err = r.root.Open("."); err != nil {
		r.root.Close()
		return nil, vfscheck.Cause(err)
	}
	if d.fd, err = d.at.SyscallConn(); err != nil {
		d.Close()
		return nil, vfscheck.Cause(err)
	}
	return d, nil
}

// Close closes the directory. What was opened in it stays open.
func (d *Dir) Close() error {
	err := d.root.Close()
	if e := d.at.Close(); e != nil {
		err = e
	}
	return vfscheck.Cause(err)
}

// use calls fn with the directory's descriptor, which stays open meanwhile.
func (d *Dir) use(fn func(fd int) error) (err error) {
	if d.fd.Control(func(fd uintptr) { err = fn(int(fd)) }) != nil {
		return fs.ErrClosed
	}
	return err
}

// ask asks the kernel, and os.Root where the kernel cannot be asked.
func ask[T any](d *Dir, kernel func(fd int) (T, error), root func() (T, error)) (v T, err error) {
	if !d.without.Load() {
		err := d.use(func(fd int) (err error) {
			v, err = kernel(fd)
			return err
		})
		if !d.askRoot(err) {
			return v, err
		}
	}
	v, err = root()
	return v, d.cause(err)
}

// open opens what a name leads to.
func (d *Dir) open(name string, flag int, perm fs.FileMode) (*os.File, error) {
	return ask(d, func(fd int) (*os.File, error) { return beneath(fd, name, flag, perm) }, func() (*os.File, error) {
		f, err := d.root.OpenFile(name, flag, perm)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return again(f, name)
	})
}

// askRoot reports whether os.Root is to try what openat2 has failed to do.
func (d *Dir) askRoot(err error) bool {
	switch err {
	case unix.EAGAIN:
		return true // the names changed all the time, which os.Root does not mind
	case unix.ENOSYS, unix.EPERM:
		// EPERM may be about the file, too: an immutable one, say.
		probe := d.use(func(fd int) error {
			f, err := beneath(fd, ".", unix.O_PATH, 0)
			if err == nil {
				f.Close()
			}
			return err
		})
		if probe == err {
			d.without.Store(true)
			return true
		}
	}
	return false
}

// again gives a descriptor of its own to what os.Root has opened, so that its name is that in the tree.
func again(rooted *os.File, name string) (*os.File, error) {
	fd, err := unix.FcntlInt(rooted.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}

// triesMax bounds how often a name is resolved again because something was renamed meanwhile: enough for every tree but one
// in which somebody does nothing else.
const triesMax = 128

var errLeadsOut = vfscheck.As(fs.ErrPermission, fmt.Errorf("a symbolic link leads out of the directory: %w", unix.EXDEV))

// beneath opens what a name leads to below a directory (openat2(2)). Links of procfs that are no names are refused by
// themselves, since the manual page says that RESOLVE_BENEATH may let them pass one day.
func beneath(dir int, name string, flag int, perm fs.FileMode) (*os.File, error) {
	how := unix.OpenHow{
		Flags:   uint64(flag | unix.O_CLOEXEC),
		Mode:    uint64(perm.Perm()),
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_MAGICLINKS,
	}
	if flag&unix.O_CREAT == 0 {
		how.Mode = 0 // anything else is EINVAL
	}
	for tries := 0; ; {
		fd, err := unix.Openat2(dir, name, &how)
		switch {
		case err == nil:
			return os.NewFile(uintptr(fd), name), nil
		case err == unix.EINTR:
		case err == unix.EAGAIN && tries < triesMax:
			tries++
		case err == unix.EXDEV:
			return nil, errLeadsOut
		default:
			return nil, err
		}
	}
}

// parent calls fn with the directory that holds the last element of a name, and that.
func (d *Dir) parent(name string, fn func(dir int, last string) error) error {
	above, last := path.Split(name)
	if above == "" {
		return d.use(func(fd int) error { return sys.Retry(func() error { return fn(fd, last) }) })
	}
	dir, err := d.open(path.Clean(above), unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	defer dir.Close()
	return sys.Retry(func() error { return fn(int(dir.Fd()), last) })
}

// OpenFile opens a file or a directory with the flags of os.OpenFile. It does not wait for the other side of a pipe.
func (d *Dir) OpenFile(name string, flag int, perm fs.FileMode) (*os.File, error) {
	return sys.Open(func(further int) (*os.File, error) { return d.open(name, flag|further, perm) })
}

// Stat describes what a name leads to.
func (d *Dir) Stat(name string) (fs.FileInfo, error) {
	return ask(d, func(fd int) (fs.FileInfo, error) { return stat(fd, name, unix.O_PATH) },
		func() (fs.FileInfo, error) { return d.root.Stat(name) })
}

// Lstat describes what has the name: of a symbolic link, the link.
func (d *Dir) Lstat(name string) (fs.FileInfo, error) {
	return ask(d, func(fd int) (fs.FileInfo, error) { return stat(fd, name, unix.O_PATH|unix.O_NOFOLLOW) },
		func() (fs.FileInfo, error) { return d.root.Lstat(name) })
}

func stat(dir int, name string, flag int) (fs.FileInfo, error) {
	f, err := beneath(dir, name, flag, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Stat()
}

// Mkdir makes one directory.
func (d *Dir) Mkdir(name string, perm fs.FileMode) error {
	return d.parent(name, func(dir int, last string) error { return unix.Mkdirat(dir, last, uint32(perm.Perm())) })
}

// Remove removes what has the name, which may be a directory that is empty.
func (d *Dir) Remove(name string) error {
	return d.parent(name, func(dir int, last string) error {
		file := unix.Unlinkat(dir, last, 0)
		if file == nil {
			return nil
		}
		switch err := unix.Unlinkat(dir, last, unix.AT_REMOVEDIR); err {
		case unix.ENOTDIR: // what is no directory could not be removed
			return file
		default:
			return err
		}
	})
}

// Rename gives what has the old name the new one, instead of what had that: a file, or a directory that is empty.
func (d *Dir) Rename(oldname, newname string) error {
	return d.parent(oldname, func(from int, old string) error {
		return d.parent(newname, func(to int, new string) error { return unix.Renameat(from, old, to, new) })
	})
}

// Link gives what has the old name the new one as well.
func (d *Dir) Link(oldname, newname string) error {
	return d.parent(oldname, func(from int, old string) error {
		return d.parent(newname, func(to int, new string) error { return unix.Linkat(from, old, to, new, 0) })
	})
}

// Usage is how many bytes the device has, how many nobody uses, and how many of those a process without privileges gets
// (statfs(2)).
func (d *Dir) Usage() (total, free, avail uint64, err error) {
	err = d.use(func(fd int) error {
		total, free, avail, err = sys.Usage(fd)
		return err
	})
	return total, free, avail, err
}
