package mem

import (
	"os"
	"syscall"
)

// reserveMemory is a range of n bytes that cannot be touched yet, and that counts against nothing but a limit of the
// address space (mmap(2)); nil if there is none.
func reserveMemory(n int) []byte {
	m, err := syscall.Mmap(-1, 0, n, syscall.PROT_NONE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return nil
	}
	return m
}

// commitMemory makes a part of a range usable. It is zeroed, and pages cost nothing until touched.
func commitMemory(m []byte) error {
	return os.NewSyscallError("mprotect", syscall.Mprotect(m, syscall.PROT_READ|syscall.PROT_WRITE))
}

// decommitMemory frees the pages of a part of a range.
func decommitMemory(m []byte) error {
	if err := syscall.Madvise(m, syscall.MADV_DONTNEED); err != nil {
		return os.NewSyscallError("madvise", err)
	}
	return os.NewSyscallError("mprotect", syscall.Mprotect(m, syscall.PROT_NONE))
}
