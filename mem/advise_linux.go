package mem

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// adviseMemory asks for huge pages, or for small ones: where huge pages are always on (transparent_hugepage=always), one
// received byte would else cost 2 MiB of memory. The kernel refuses small pages where it has no huge ones, which is as
// good.
func adviseMemory(m []byte, huge bool) error {
	if !huge {
		_ = syscall.Madvise(m, syscall.MADV_NOHUGEPAGE)
		return nil
	}
	err := syscall.Madvise(m, syscall.MADV_HUGEPAGE)
	if err == syscall.EINVAL {
		return fmt.Errorf("the kernel has no huge pages (CONFIG_TRANSPARENT_HUGEPAGE): %w", errors.ErrUnsupported)
	}
	return os.NewSyscallError("madvise", err)
}
