//go:build unix

package enginetest

import (
	"os"
	"syscall"
)

// signalSelf sends the signal that Go pre-empts with.
func signalSelf() { syscall.Kill(os.Getpid(), syscall.SIGURG) }
