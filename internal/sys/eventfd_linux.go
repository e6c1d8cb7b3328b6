package sys

import (
	"os"

	"golang.org/x/sys/unix"
)

var eventfdOne = [8]byte{1}

// Eventfd makes an eventfd(2), non-blocking and close-on-exec.
func Eventfd() (int, error) {
	fd, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	return fd, os.NewSyscallError("eventfd2", err)
}

// EventfdSignal makes a new edge on an eventfd that an epoll watches edge-triggered; nobody has to read
// it. Each signal adds something to the counter. A counter that would overflow, after 2^56 signals at
// least, refuses (EAGAIN); it is drained then and the signal repeated.
func EventfdSignal(fd int) error {
	for {
		_, err := unix.Write(fd, eventfdOne[:])
		switch err {
		case unix.EINTR:
		case unix.EAGAIN:
			var b [8]byte
			unix.Read(fd, b[:])
		default:
			return os.NewSyscallError("write", err)
		}
	}
}
