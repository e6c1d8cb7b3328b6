//go:build linux

package uring

import (
	"sync/atomic"
	"unsafe"
)

// Addr is the address of b's memory, for the Prep methods; 0 for an empty capacity. It keeps b off the
// stack; the caller keeps b reachable until the terminal completion.
func Addr(b []byte) uintptr {
	if cap(b) == 0 {
		return 0
	}
	return AddrOf(unsafe.SliceData(b))
}

// AddrOf is the address of *p, for the Prep methods. It keeps *p off the stack; the caller keeps it reachable
// until the kernel is done with it: see "Memory" in the package's documentation.
func AddrOf[T any](p *T) uintptr {
	if escapeAlways {
		escapeSink.Store(p)
	}
	return uintptr(unsafe.Pointer(p))
}

// The compiler does not know that escapeAlways stays false, so what is assigned to escapeSink is never on a
// stack.
var (
	escapeAlways bool
	escapeSink   atomic.Value
)
