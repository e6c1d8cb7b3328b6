package unio

import "unsafe"

// addressOf is where memory begins, to look at.
func addressOf(p []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(p))) }
