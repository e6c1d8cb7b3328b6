//go:build linux

package sys

import (
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// timespec64 is struct __kernel_timespec, which epoll_pwait2 takes on every architecture.
type timespec64 struct{ sec, nsec int64 }

// EpollPoll collects events without sleeping, raw.
func EpollPoll(ep int, events []EpollEvent) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(ep),
		uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), 0, 0, 0)
	if errno == syscall.EINTR {
		return 0, 0
	}
	return countOf(n, errno)
}

// epollPwait2 sleeps for at most d, or without limit when d is negative. raw keeps it from the Go scheduler.
func epollPwait2(ep int, events []EpollEvent, d time.Duration, raw bool) (int, syscall.Errno) {
	var limit timespec64
	var p unsafe.Pointer
	if d >= 0 {
		limit = timespec64{int64(d / time.Second), int64(d % time.Second)}
		p = unsafe.Pointer(&limit)
	}
	if raw {
		n, _, errno := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT2, uintptr(ep), uintptr(unsafe.Pointer(&events[0])),
			uintptr(len(events)), uintptr(p), 0, 0)
		return countOf(n, errno)
	}
	n, _, errno := syscall.Syscall6(unix.SYS_EPOLL_PWAIT2, uintptr(ep), uintptr(unsafe.Pointer(&events[0])),
		uintptr(len(events)), uintptr(p), 0, 0)
	return countOf(n, errno)
}

// epollPwait sleeps for at most ms milliseconds, or without limit when ms is negative.
func epollPwait(ep int, events []EpollEvent, ms int) (int, syscall.Errno) {
	n, _, errno := syscall.Syscall6(unix.SYS_EPOLL_PWAIT, uintptr(ep), uintptr(unsafe.Pointer(&events[0])),
		uintptr(len(events)), uintptr(ms), 0, 0)
	return countOf(n, errno)
}

func countOf(n uintptr, errno syscall.Errno) (int, syscall.Errno) {
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}
