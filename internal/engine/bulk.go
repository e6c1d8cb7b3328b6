package engine

import "github.com/unio-go/unio/mem"

// How much a receive offers the kernel. A socket that is read in large pieces tells its peer of the room less often, and each time
// that wakes somebody: a body of 1 MiB in pieces of 256 KiB costs half of what it costs in pieces of 64 KiB, and larger ones gain
// nothing more.
const (
	// RecvBytes is enough for what a message usually is. The buffer costs nothing while nobody uses it.
	RecvBytes = 64 << 10
	// BulkBytes is for a stream that has more than that to give, and a reader that takes all of it (RecvWhole).
	BulkBytes = 256 << 10
	// LargeBytes is from how many bytes on a copy in user space costs more than a system call.
	LargeBytes = 16 << 10

	// smallPoolDiv leaves a pool of 1 MiB and more as it is: a quarter of the largest buffer is BulkBytes.
	smallPoolDiv = 4
)

// Bulk remembers of a stream how much it gives at once, or is given. The zero value says little.
type Bulk struct{ much, large patience }

// patience is how many further receives of less a stream is still held for what it was. The head of a message and the end of its
// body are little too.
type patience uint8

const patienceMax = 4

func (p *patience) note(yes bool) {
	switch {
	case yes:
		*p = patienceMax
	case *p > 0:
		*p--
	}
}

// Got notes a receive of n bytes. more says that it brought all that it could and there was more.
func (b *Bulk) Got(n int, more bool) {
	b.much.note(more || n >= RecvBytes)
	b.large.note(more || n >= LargeBytes)
}

// Filled is Got where it is known how much the receive had room for: one that was filled has left more, unless it asked for little.
func (b *Bulk) Filled(n, room int) { b.Got(n, n == room && n >= LargeBytes) }

// Much reports whether RecvBytes are expected at once.
func (b Bulk) Much() bool { return b.much > 0 }

// Large reports whether LargeBytes are expected at once.
func (b Bulk) Large() bool { return b.large > 0 }

// Offer is how large a buffer a Recv offers. While many buffers are in use nobody gets a large one: slow readers would hold too
// much.
func (b Bulk) Offer(pool *mem.Pool, op *Op) int {
	n := RecvBytes
	if b.Much() && op.How == RecvWhole && pool.Ample() {
		n = BulkBytes
	}
	return min(n, recvMost(pool))
}

// RecvUsual is what a Recv offers where little is known, and what one waits for that found no buffer.
func RecvUsual(pool *mem.Pool) int { return min(RecvBytes, recvMost(pool)) }

// recvMost is a quarter of a small pool. All of it would be gone with one receive, of which its reader may take a part and then
// wait for memory to write that to somebody: for itself.
func recvMost(pool *mem.Pool) int { return max(pool.MaxLen()/smallPoolDiv, mem.PageBytes) }
