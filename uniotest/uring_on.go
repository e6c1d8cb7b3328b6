//go:build linux && !unio_nouring

package uniotest

// hasUring says that the engine uring is in this build.
const hasUring = true
