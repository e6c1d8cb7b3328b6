//go:build race && linux && !unio_nouring

package filering

// raced: the race detector makes each step ten times as long.
const raced = true
