//go:build !linux

package mem

// adviseMemory does nothing: no other system hands out huge pages unasked.
func adviseMemory([]byte) {}
