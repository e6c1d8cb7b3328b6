package sys

import (
	"math"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// The events of epoll_ctl(2).
const (
	EpollIn    = unix.EPOLLIN
	EpollOut   = unix.EPOLLOUT
	EpollErr   = unix.EPOLLERR
	EpollHup   = unix.EPOLLHUP
	EpollRdhup = unix.EPOLLRDHUP
	EpollET    = uint32(unix.EPOLLET & math.MaxUint32)
)

// EpollEvent is struct epoll_event. Its 64 bits of data are used as an identity and a generation.
type EpollEvent unix.EpollEvent

// ID is the identity that EpollAdd was given.
func (e *EpollEvent) ID() uint32 { return uint32(e.Fd) }

// Gen is the generation that EpollAdd was given.
func (e *EpollEvent) Gen() uint32 { return uint32(e.Pad) }

// EpollCreate makes an epoll instance, close-on-exec.
func EpollCreate() (int, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	return fd, os.NewSyscallError("epoll_create1", err)
}

// EpollAdd registers fd for events. Every event of it carries id and gen.
func EpollAdd(ep, fd int, events, id, gen uint32) error {
	ev := unix.EpollEvent{Events: events, Fd: int32(id), Pad: int32(gen)}
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(ep, unix.EPOLL_CTL_ADD, fd, &ev))
}

// EpollDel takes fd out. It must come before close when the open file may have another descriptor (dup,
// fork): an epoll item belongs to the open file and outlives the number, epoll(7) Q6.
func EpollDel(ep, fd int) error {
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(ep, unix.EPOLL_CTL_DEL, fd, nil))
}

// noPwait2 is set once a kernel before 5.11 has refused epoll_pwait2.
var noPwait2 atomic.Bool

// EpollWaitInPlace is EpollWait without telling the Go scheduler. Where the kernel has no epoll_pwait2 it is EpollWait.
func EpollWaitInPlace(ep int, events []EpollEvent, d time.Duration) (int, syscall.Errno) {
	if noPwait2.Load() {
		return EpollWait(ep, events, d)
	}
	switch n, errno := epollPwait2(ep, events, d, true); errno {
	case syscall.EINTR:
		return 0, 0
	case syscall.ENOSYS, syscall.EPERM:
		return EpollWait(ep, events, d)
	default:
		return n, errno
	}
}

// EpollWait collects events and sleeps for at most d until there are some; a negative d means no limit.
// A signal ends it with no events. Kernels before 5.11 count in milliseconds: d is rounded up there, so
// that nobody wakes early and spins.
func EpollWait(ep int, events []EpollEvent, d time.Duration) (int, syscall.Errno) {
	if !noPwait2.Load() {
		n, errno := epollPwait2(ep, events, d, false)
		switch errno {
		case syscall.EINTR:
			return 0, 0
		case syscall.ENOSYS, syscall.EPERM: // EPERM: a seccomp profile older than the call
			noPwait2.Store(true)
		default:
			return n, errno
		}
	}
	n, errno := epollPwait(ep, events, waitMillis(d))
	if errno == syscall.EINTR {
		return 0, 0
	}
	return n, errno
}

// waitMillis is d as epoll_pwait wants it, rounded up.
func waitMillis(d time.Duration) int {
	if d < 0 {
		return -1
	}
	ms := int64(d) / int64(time.Millisecond)
	if d%time.Millisecond != 0 {
		ms++
	}
	return int(min(ms, math.MaxInt32))
}
