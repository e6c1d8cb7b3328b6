//go:build !linux && !windows && !darwin

package sys

// Gettid is the identity of the calling thread, 0 where it is not known. It means something only to a
// goroutine that is locked to its thread.
func Gettid() int { return 0 }
