//go:build unix && !aix && !solaris && !illumos

package mem

import (
	"os"
	"syscall"
)

// mapMemory is n bytes of zeroed memory outside the Go heap, aligned to pages. Pages cost nothing until
// touched.
func mapMemory(n int) ([]byte, error) {
	const prot, flags = syscall.PROT_READ | syscall.PROT_WRITE, syscall.MAP_ANON | syscall.MAP_PRIVATE
	m, err := syscall.Mmap(-1, 0, n, prot, flags)
	if err != nil {
		return nil, os.NewSyscallError("mmap", err)
	}
	return m, nil
}

func unmapMemory(m []byte) error { return os.NewSyscallError("munmap", syscall.Munmap(m)) }
