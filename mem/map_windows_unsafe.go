//go:build windows

package mem

import (
	"os"
	"syscall"
	"unsafe"
)

var (
	kernel32     = syscall.NewLazyDLL("kernel32.dll")
	virtualAlloc = kernel32.NewProc("VirtualAlloc")
	virtualFree  = kernel32.NewProc("VirtualFree")
)

// From memoryapi.h and winnt.h.
const (
	memCommit     = 0x1000
	memReserve    = 0x2000
	memRelease    = 0x8000
	pageReadWrite = 0x04
)

// mapMemory is n bytes of zeroed memory outside the Go heap, aligned to pages. Pages cost nothing until
// touched.
func mapMemory(n int) ([]byte, error) {
	addr, _, err := virtualAlloc.Call(0, uintptr(n), memReserve|memCommit, pageReadWrite)
	if addr == 0 {
		return nil, os.NewSyscallError("VirtualAlloc", err)
	}
	// The address is not one of Go's, so reading it as a pointer is no conversion that the collector could
	// invalidate.
	return unsafe.Slice(*(**byte)(unsafe.Pointer(&addr)), n), nil
}

func unmapMemory(m []byte) error {
	ok, _, err := virtualFree.Call(uintptr(unsafe.Pointer(unsafe.SliceData(m))), 0, memRelease)
	if ok == 0 {
		return os.NewSyscallError("VirtualFree", err)
	}
	return nil
}
