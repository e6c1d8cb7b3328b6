//go:build race

package main

// bulkDefault is less where the race detector makes everything slow.
const bulkDefault = 32
