//go:build !linux

package main

// addUring has nothing to probe: io_uring is Linux's.
func (f *findings) addUring() {
	f.Uring.InTheWay = []obstacle{{"system", "io_uring is a part of Linux", "run on Linux"}}
}
