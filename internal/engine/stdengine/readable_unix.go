//go:build unix

package stdengine

import (
	"io"
	"syscall"
)

// waitReadable waits until a read of a stream socket would give something. It looks without taking; an
// error or the end that it meets is the result, as a socket tells an error only once.
func waitReadable(raw syscall.RawConn) error {
	var result error
	var one [1]byte
	err := raw.Read(func(fd uintptr) bool {
		for {
			n, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK)
			switch {
			case err == syscall.EINTR:
				continue
			case err == syscall.EAGAIN:
				return false
			case err != nil:
				result = err
			case n == 0:
				result = io.EOF
			}
			return true
		}
	})
	if err != nil {
		return err
	}
	return result
}

// takesNothing reports whether sending fails for good. It sends no bytes, and does not wait.
func takesNothing(raw syscall.RawConn) bool {
	var err error
	if raw.Control(func(fd uintptr) { _, err = syscall.SendmsgN(int(fd), nil, nil, nil, 0) }) != nil {
		return false
	}
	return err == syscall.EPIPE || err == syscall.ECONNRESET
}
