//go:build linux && !unio_nouring

package filering

import "unsafe"

// offsetIn is where p begins in memory, if it lies there as a whole.
func offsetIn(memory, p []byte) (int, bool) {
	at := uintptr(unsafe.Pointer(unsafe.SliceData(p))) - uintptr(unsafe.Pointer(unsafe.SliceData(memory)))
	return int(at), len(p) > 0 && at < uintptr(len(memory)) && uintptr(len(p)) <= uintptr(len(memory))-at
}
