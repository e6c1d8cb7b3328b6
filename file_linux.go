package unio

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/unio-go/unio/internal/sys"
	"github.com/unio-go/unio/internal/vfscheck"
)

// optionFlag is what the options add to the flags of open(2).
func optionFlag(o FileOptions) (int, error) {
	if o.Direct {
		return syscall.O_DIRECT, nil
	}
	return 0, nil
}

// explainOpen adds what an EINVAL for O_DIRECT means, and an ENXIO for what has no other side (open(2)).
func explainOpen(err error, o FileOptions) error {
	switch {
	case o.Direct && errors.Is(err, syscall.EINVAL):
		return errNotDirect
	case errors.Is(err, syscall.ENXIO):
		return errNoOtherSide
	}
	return err
}

var errNoOtherSide = vfscheck.As(fs.ErrInvalid, fmt.Errorf("it is a pipe that nobody reads from, a socket, or a device that is not there, "+
	"and package os reads and writes what has no positions: %w", syscall.ENXIO))

var errNotDirect = vfscheck.As(errors.ErrUnsupported, fmt.Errorf("its file system has no direct access for it (O_DIRECT, open(2)): "+
	"leave Direct out: %w", syscall.EINVAL))

// probe finds out how the file can be read, by trying, and gives the advice.
func (f *File) probe(o FileOptions) error {
	f.io.FD = int(f.io.OS.Fd())
	if o.Random {
		// A file system without read-ahead takes no advice, and needs none.
		_ = advise(f.io.OS, 0, 0, AdviceRandom)
	}
	if o.Direct {
		f.mode = modeDirect
		return f.probeAlignment()
	}
	memory, err := sys.InMemory(f.io.FD)
	if err != nil {
		return fmt.Errorf("statfs(2): %w", err)
	}
	if memory {
		f.mode = modeMemory
		return nil
	}
	// Asked for what lies behind the end the kernel says whether it takes the flag, and begins to read nothing: of what is
	// there it would read ahead at once.
	var p [1]byte
	switch _, errno := sys.ReadCached(f.io.FD, p[:], f.size.Load()); errno {
	case 0, syscall.EAGAIN:
		f.mode = modeCached
	default: // EOPNOTSUPP, or what a file that is not open for reading says
		f.mode = modeBlocking
	}
	return nil
}

// probeAlignment asks what direct access needs (statx(2), STATX_DIOALIGN). A file system that does not say so takes what
// every device takes that is in use, a page.
func (f *File) probeAlignment() error {
	memory, offset, err := sys.DirectAlignment(f.io.FD)
	switch {
	case err == sys.ErrNoAlignment:
		f.align, f.memAlign = os.Getpagesize(), os.Getpagesize()
	case err != nil:
		return fmt.Errorf("statx(2): %w", err)
	case offset == 0:
		return errNotDirect
	default:
		f.align, f.memAlign = offset, memory
	}
	return nil
}

// readCached reads what is there without waiting. done is false when the rest has to be waited for.
func (f *File) readCached(p []byte, off int64) (n int, err error, done bool) {
	switch f.mode {
	case modeMemory:
		for {
			if n, err = syscall.Pread(f.io.FD, p[:min(len(p), pieceBytesMax)], off); err != syscall.EINTR {
				f.rt.breathe()
				return max(n, 0), err, true
			}
		}
	case modeCached:
		if !f.cache.worthTrying() {
			return 0, nil, false
		}
		n, errno := sys.ReadCached(f.io.FD, p[:min(len(p), pieceBytesMax)], off)
		switch {
		case errno != 0:
			f.cache.miss()
			return 0, nil, false // what is wrong is told to whoever waits
		case n == 0 && !f.endsBy(off):
			return 0, nil, false // Linux 5.9 and 5.10 say 0 of what is not cached (preadv2(2), BUGS)
		}
		f.cache.hit()
		f.rt.breathe()
		return n, nil, true
	}
	return 0, nil, false
}

// endsBy reports whether there is surely nothing from off on.
func (f *File) endsBy(off int64) bool {
	size, errno := sys.Size(f.io.FD)
	return errno == 0 && size <= off
}

func allocate(f *os.File, off, n int64) error { return sys.Allocate(int(f.Fd()), off, n) }

var advices = [adviceCount]int{
	sys.AdviceNormal, sys.AdviceRandom, sys.AdviceSequential, sys.AdviceWillNeed, sys.AdviceDontNeed,
}

func advise(f *os.File, off, n int64, a Advice) error {
	return sys.Advise(int(f.Fd()), off, n, advices[a])
}
