// Package mem holds memory that belongs to the runtime and not to Go's garbage collector.
//
// A [Buf] is a counted handle on a piece of such memory: aligned to pages, never moved, and unmapped only
// when no handle is left. It may be received into, sliced, forwarded and released by any goroutine; the
// memory returns to its [Pool] when the last handle goes. That makes it memory that a kernel may write to at
// any time until its operation is over, which Go's heap is not.
//
// Handles are released once each. In a build with -race or -tags uniodebug memory is overwritten when its
// last handle goes, a method of a released handle panics with the stack of the release and of the misuse, and
// Close reports the stack that took each buffer that is still out.
package mem
