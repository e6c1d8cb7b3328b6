// Package filering performs operations on files for ordinary goroutines through io_uring, on a handful of threads whatever
// the number of goroutines. A caller puts its operation on a stack; whoever finds the submission side of the ring free
// hands over what all have put there, and whoever finds the completion side free tells all whose operations have
// completed. So most goroutines neither enter the kernel nor are woken by a thread of their own. See flow.go for the
// algorithm, and watch.go for the goroutine that looks at what completes while nobody enters; while others compute on all
// Ps, one goroutine does all that (pump.go). Many operations at once go to a ring of the caller's thread, with one system call
// for all: see batch.go.
//
// A loop of the runtime has a ring already and performs its tasks' operations there.
package filering
