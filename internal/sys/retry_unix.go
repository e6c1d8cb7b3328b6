//go:build unix

package sys

import "syscall"

// Retry calls fn again for as long as a signal interrupts it (EINTR).
func Retry(fn func() error) error {
	for {
		if err := fn(); err != syscall.EINTR {
			return err
		}
	}
}
