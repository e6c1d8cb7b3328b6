package mem

import "syscall"

// adviseMemory asks for small pages. Where huge pages are always on (transparent_hugepage=always), one
// received byte would else cost 2 MiB of memory. The kernel refuses where it has no huge pages, which is as
// good.
func adviseMemory(m []byte) { _ = syscall.Madvise(m, syscall.MADV_NOHUGEPAGE) }
