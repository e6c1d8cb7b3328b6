package vfstest

import "unsafe"

// alignedMemory is n bytes at a multiple of align.
func alignedMemory(n, align int) []byte {
	p := make([]byte, n+align)
	skip := -uintptr(unsafe.Pointer(&p[0])) & uintptr(align-1)
	return p[skip : int(skip)+n : int(skip)+n]
}
