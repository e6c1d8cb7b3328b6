//go:build linux

package sys

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Incore is mincore(2): it sets the last bit of an element of vec for each page of m that is in memory. m begins at a page,
// and vec has an element for each. It takes the lock of the address space, so it is not raw.
func Incore(m, vec []byte) syscall.Errno {
	_, _, errno := syscall.Syscall(unix.SYS_MINCORE, uintptr(unsafe.Pointer(unsafe.SliceData(m))), uintptr(len(m)),
		uintptr(unsafe.Pointer(unsafe.SliceData(vec))))
	return errno
}

// Populates reports whether the kernel has MADV_POPULATE_READ: it refuses an advice that it does not know before it finds
// that there is nothing to do (mm/madvise.c).
func Populates(m []byte) bool {
	_, _, errno := syscall.Syscall(unix.SYS_MADVISE, uintptr(unsafe.Pointer(unsafe.SliceData(m))), 0, unix.MADV_POPULATE_READ)
	return errno == 0
}
