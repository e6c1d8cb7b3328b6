//go:build linux

package sys

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Linger is SO_LINGER as SetLinger has it, raw: negative is off, with zero close(2) resets, and a positive number is the seconds
// for which it may block.
func Linger(fd int) int {
	var l unix.Linger
	n := uint32(unsafe.Sizeof(l))
	_, _, errno := syscall.RawSyscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_LINGER,
		uintptr(unsafe.Pointer(&l)), uintptr(unsafe.Pointer(&n)), 0)
	if errno != 0 || l.Onoff == 0 {
		return -1
	}
	return int(l.Linger)
}
