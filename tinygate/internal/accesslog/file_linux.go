package accesslog

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// uncachedMin is from how many bytes on a write is to leave nothing in the page cache: a log under load. The disk begins with
// such a write at once, which would be a write a second for a log that grows by a few lines.
const uncachedMin = 64 << 10

// file is what lines are appended to. A log grows for as long as the traffic lasts and is hardly ever read, so it should not
// take the page cache from what is. Also, 256 KiB cost a fifth to a tenth of the CPU when they go into pages that the log
// itself has just left, and not each time into others (380 bytes: 0.07 instead of 0.45 to 0.70 us, ext4, Linux 6.18).
type file struct {
	*os.File
	cached bool // this kernel, file system or kind of file knows nothing else
}

// Write appends b. What cannot be written in that way is written in the other, whose error then tells what is wrong.
func (f *file) Write(b []byte) (n int, err error) {
	for !f.cached && len(b)-n >= uncachedMin {
		m, errno := f.writeUncached(b[n:])
		n += m
		if m == 0 {
			f.cached = isUnknown(errno)
			break
		}
	}
	if n == len(b) {
		return n, nil
	}
	m, err := f.File.Write(b[n:])
	return n + m, err
}

// isUnknown recognises that RWF_DONTCACHE is not there: it is of Linux 6.14 and of some file systems, and a sandbox may
// refuse the call.
func isUnknown(err error) bool {
	return errors.Is(err, syscall.EOPNOTSUPP) || errors.Is(err, syscall.ENOSYS) || errors.Is(err, syscall.EPERM)
}

// writeUncached is one pwritev2(2) with RWF_DONTCACHE at the end of the file.
func (f *file) writeUncached(b []byte) (n int, err error) {
	c, err := f.SyscallConn()
	if err != nil {
		return 0, err
	}
	closed := c.Control(func(fd uintptr) { n, err = unix.Pwritev2(int(fd), [][]byte{b}, -1, unix.RWF_DONTCACHE) })
	return max(n, 0), errors.Join(err, closed)
}
