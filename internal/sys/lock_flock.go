//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package sys

import "golang.org/x/sys/unix"

// TryLock locks an open file for itself (flock(2)), also against other open files of this process, until it is closed. It does
// not wait: EWOULDBLOCK says that somebody has the lock.
func TryLock(fd int) error {
	return Retry(func() error { return unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) })
}
