// Package filepool performs operations on files with system calls that block, on a bounded number of threads: an operation
// waits for its turn instead of for one more thread of the process.
package filepool
