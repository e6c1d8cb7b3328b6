package osfs

import (
	"errors"
	"os"
	"syscall"

	"github.com/unio-go/unio/internal/sys"
	"github.com/unio-go/unio/internal/vfscheck"
	"github.com/unio-go/unio/vfs"
)

var _ interface {
	vfs.Datasyncer
	vfs.Allocator
	vfs.Prefetcher
	vfs.Aligner
} = (*regular)(nil)

// Datasync makes what was written durable, without the file's times (fdatasync(2)).
func (f *regular) Datasync() error { return f.error("sync", f.withFD(sys.Datasync)) }

// Allocate reserves room (fallocate(2), FALLOC_FL_KEEP_SIZE).
func (f *regular) Allocate(off, n int64) error {
	if err := f.check("allocate", off, n); err != nil {
		return err
	}
	return f.error("allocate", f.withFD(func(fd int) error { return sys.Allocate(fd, off, n) }))
}

// Prefetch begins to read into the page cache (posix_fadvise(2), POSIX_FADV_WILLNEED).
func (f *regular) Prefetch(off, n int64) error {
	if err := f.check("prefetch", off, n); err != nil || n == 0 { // to posix_fadvise none would mean everything from off on
		return err
	}
	return f.error("prefetch", f.withFD(func(fd int) error { return sys.Advise(fd, off, n, sys.AdviceWillNeed) }))
}

// optionFlag is what the options add to the flags of open(2).
func optionFlag(o vfs.Options) (int, error) {
	if o.Direct {
		return syscall.O_DIRECT, nil
	}
	return 0, nil
}

// explainOpen adds what an EINVAL for O_DIRECT means.
func explainOpen(err error, o vfs.Options) error {
	if o.Direct && errors.Is(err, syscall.EINVAL) {
		return vfscheck.Unsupported("its file system has no direct access (O_DIRECT, open(2)): leave Options.Direct out")
	}
	return err
}

// setOptions makes the options hold for a file that has just been opened.
func (f *regular) setOptions(o vfs.Options) error {
	if o.Random {
		// A file system that reads nothing ahead takes no advice, and needs none.
		_ = f.withFD(func(fd int) error { return sys.Advise(fd, 0, 0, sys.AdviceRandom) })
	}
	if o.Direct {
		f.direct = true
		return f.withFD(f.setAlignment)
	}
	return nil
}

// setAlignment asks what direct access needs (statx(2), STATX_DIOALIGN). A file system that does not say so takes what every
// device takes that is in use, a page.
func (f *regular) setAlignment(fd int) error {
	memory, offset, err := sys.DirectAlignment(fd)
	switch {
	case err == sys.ErrNoAlignment:
		f.align = os.Getpagesize()
	case err != nil:
		return err
	case offset == 0:
		return vfscheck.Unsupported("its file system has no direct access for it (statx(2), STATX_DIOALIGN): leave Options.Direct out")
	default:
		f.align = max(memory, offset)
	}
	return nil
}
