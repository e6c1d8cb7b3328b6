//go:build !linux

package sys

import "runtime"

// KernelRelease names the operating system where its version plays no part.
func KernelRelease() string { return runtime.GOOS }
