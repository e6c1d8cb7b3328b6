package load

import (
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The calls below tell the Go scheduler nothing: the thread keeps its P, which saves the hand-over and is
// right for a thread that does nothing else. b is never empty.

func rawRecv(fd int, b []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, uintptr(fd),
		uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), syscall.MSG_DONTWAIT, 0, 0)
	return int(n), errno
}

func rawSend(fd int, b []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall6(syscall.SYS_SENDTO, uintptr(fd),
		uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), syscall.MSG_DONTWAIT|syscall.MSG_NOSIGNAL, 0, 0)
	return int(n), errno
}

// rawEpollWait waits no longer than it is told. Whole milliseconds every kernel can wait, others are for epoll_pwait2
// (epoll_wait(2), Linux 5.11). epoll_pwait is the one of the rest that exists on every architecture.
func rawEpollWait(epfd int, events []syscall.EpollEvent, wait time.Duration) (int, syscall.Errno) {
	if wait%time.Millisecond == 0 {
		n, _, errno := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, uintptr(epfd),
			uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), uintptr(wait/time.Millisecond), 0, 0)
		return int(n), errno
	}
	limit := unix.NsecToTimespec(int64(wait))
	n, _, errno := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT2, uintptr(epfd),
		uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), uintptr(unsafe.Pointer(&limit)), 0, 0)
	return int(n), errno
}
