//go:build linux

package sys

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// rawBytesMax is how much a raw system call may copy: a goroutine in one cannot be preempted, and its thread is not
// replaced. 64 KiB are some 5 us.
const rawBytesMax = 64 << 10

// ReadCached is preadv2(2) with RWF_NOWAIT: it gives what is in the page cache, and EAGAIN where a device would have to be
// waited for, EOPNOTSUPP where the file system cannot tell. p must not be empty.
func ReadCached(fd int, p []byte, off int64) (int, syscall.Errno) {
	iov := unix.Iovec{Base: unsafe.SliceData(p)}
	iov.SetLen(len(p))
	lo, hi := offsetWords(off)
	call := syscall.RawSyscall6
	if len(p) > rawBytesMax {
		call = syscall.Syscall6
	}
	n, _, errno := call(unix.SYS_PREADV2, uintptr(fd), uintptr(unsafe.Pointer(&iov)), 1, lo, hi, unix.RWF_NOWAIT)
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}

// offsetWords is an offset as the two words of preadv2's kernel interface; of 64 bits the first has all.
func offsetWords(off int64) (lo, hi uintptr) {
	if unsafe.Sizeof(lo) == 8 {
		return uintptr(off), 0
	}
	return uintptr(off & 0xffffffff), uintptr(off >> 32)
}
