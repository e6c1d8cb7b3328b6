package randread

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// incore says of each block of a file whether it is in the page cache.
func (l *Layout) incore(i int) ([]byte, error) {
	f, err := os.Open(l.File(i))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	m, err := unix.Mmap(int(f.Fd()), 0, int(l.FileBlocks*blockBytes), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, &os.PathError{Op: "mmap", Path: f.Name(), Err: err}
	}
	defer unix.Munmap(m) // what it mapped is only looked at
	page := os.Getpagesize()
	vec := make([]byte, (len(m)+page-1)/page)
	_, _, errno := unix.Syscall(unix.SYS_MINCORE, uintptr(unsafe.Pointer(&m[0])), uintptr(len(m)),
		uintptr(unsafe.Pointer(&vec[0])))
	if errno != 0 {
		return nil, os.NewSyscallError("mincore", errno)
	}
	blocks := make([]byte, l.FileBlocks)
	for b := range blocks {
		blocks[b] = vec[b*blockBytes/page]
	}
	return blocks, nil
}
