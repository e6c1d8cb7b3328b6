//go:build !race

package main

// bulkDefault is enough for memory that grows with a body to show.
const bulkDefault = 256
