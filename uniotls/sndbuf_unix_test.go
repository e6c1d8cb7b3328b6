//go:build unix

package uniotls_test

import "syscall"

// smallSendBuffer makes what the kernel takes from a connection small, socket(7). Accepted connections inherit it.
func smallSendBuffer(_, _ string, c syscall.RawConn) error {
	var err error
	if e := c.Control(func(fd uintptr) {
		err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_SNDBUF, 16<<10)
	}); e != nil {
		return e
	}
	return err
}
