//go:build amd64 || arm64

package coro

// ID identifies the calling goroutine: the address of its descriptor in the runtime, as an opaque number. It is unique
// among the goroutines that exist and is used again after one has ended, so it proves only that the caller is a goroutine
// known to be alive.
func ID() uintptr
