//go:build !windows && (!unix || aix || solaris || illumos)

package mem

// mapMemory is memory of the Go heap, on systems where package syscall cannot map any. The pool's chunks are
// powers of two of at least a page, which the allocator aligns to pages, and Go does not move heap memory. It
// stays allocated for as long as the pool refers to it.
func mapMemory(n int) ([]byte, error) { return make([]byte, n), nil }

func unmapMemory([]byte) error { return nil }
