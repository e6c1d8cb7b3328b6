//go:build race

package main

// bulkDefault is less where the race detector makes everything slow.
const bulkDefault = 32

// raced says that the race detector watches, which takes memory of its own.
const raced = true
