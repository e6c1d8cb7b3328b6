//go:build unix

package sys

import (
	"os"

	"golang.org/x/sys/unix"
)

// Map maps the first n bytes of a file, to be read, and gives a descriptor of its own for the same open file.
func Map(f *os.File, n int) (m []byte, own *os.File, err error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return nil, nil, err
	}
	fd := -1
	control := conn.Control(func(from uintptr) {
		if fd, err = unix.FcntlInt(from, unix.F_DUPFD_CLOEXEC, 0); err != nil || n == 0 {
			return // a mapping of nothing is refused (mmap(2), EINVAL)
		}
		if m, err = unix.Mmap(fd, 0, n, unix.PROT_READ, unix.MAP_SHARED); err != nil {
			unix.Close(fd)
		}
	})
	if control != nil {
		err = control
	}
	if err != nil {
		return nil, nil, err
	}
	return m, os.NewFile(uintptr(fd), f.Name()), nil
}

// Unmap ends a mapping. With keep nobody can read there any more, but the addresses are not given to anybody else, so that
// who does finds out at once; they, and the file, then stay taken as long as the process lives.
func Unmap(m []byte, keep bool) error {
	switch {
	case m == nil:
		return nil
	case keep:
		return unix.Mprotect(m, unix.PROT_NONE)
	}
	return unix.Munmap(m)
}
