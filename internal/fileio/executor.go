package fileio

// Executor performs operations for goroutines. All methods may be called by any goroutine that may block; tasks use only
// Start and StartAll.
type Executor interface {
	// Do performs an operation and returns when it has completed.
	Do(*Op)
	// DoAll performs operations, in any order and beside each other, and returns when all have completed. It changes
	// the order of the slice.
	DoAll([]*Op)
	// Start begins an operation whose Done is set, and returns without waiting for it.
	Start(*Op)
	// StartAll begins operations whose Done is set.
	StartAll([]*Op)
	// Forget takes back what the executor keeps for a file, such as its registration with a ring. No operation on
	// it may be pending or be begun afterwards.
	Forget(*File)
	// Counters may be read by anybody.
	Counters() *Counters
	// Close waits for what is pending, and frees everything. Nothing may be begun afterwards.
	Close() error
}
