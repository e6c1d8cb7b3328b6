//go:build !linux

package mem

// reserveMemory gives no range: no other system registers memory for its I/O, and package syscall cannot commit parts of a
// range on all of them.
func reserveMemory(int) []byte { return nil }

func commitMemory([]byte) error   { return nil }
func decommitMemory([]byte) error { return nil }
