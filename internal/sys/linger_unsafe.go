//go:build linux

package sys

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// lingerSeconds is the time of SO_LINGER, 0 when it is off, raw.
func lingerSeconds(fd int) int {
	var l unix.Linger
	n := uint32(unsafe.Sizeof(l))
	_, _, errno := syscall.RawSyscall6(syscall.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_LINGER,
		uintptr(unsafe.Pointer(&l)), uintptr(unsafe.Pointer(&n)), 0)
	if errno != 0 || l.Onoff == 0 {
		return 0
	}
	return int(l.Linger)
}
