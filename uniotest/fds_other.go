//go:build !linux

package uniotest

// takeFDs is empty where the system does not list a process's descriptors in a folder.
func takeFDs() snapshot { return snapshot{} }
