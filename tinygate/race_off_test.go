//go:build !race

package main

// bulkDefault is enough for memory that grows with a body to show.
const bulkDefault = 256

// raced says that the race detector watches, which takes memory of its own.
const raced = false
