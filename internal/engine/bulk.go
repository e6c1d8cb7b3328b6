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
)

// Bulk remembers of a Desc whether its stream gives much at once. The zero value does not.
type Bulk uint8

// bulkPatience is after how many receives of little a stream is one of messages again. The head of a message and the end of its
// body are little too.
const bulkPatience = 4

// Much notes a receive that brought RecvBytes, or all that it could and there was more.
func (b *Bulk) Much() { *b = bulkPatience }

// Little notes one that brought less.
func (b *Bulk) Little() {
	if *b > 0 {
		*b--
	}
}

// Got notes one of n bytes, where nothing is known of what there is more.
func (b *Bulk) Got(n int) {
	if n >= RecvBytes {
		b.Much()
	} else {
		b.Little()
	}
}

// Offer is how large a buffer a Recv offers. While many buffers are in use nobody gets a large one: slow readers would hold too
// much.
func (b Bulk) Offer(pool *mem.Pool, op *Op) int {
	n := RecvBytes
	if b > 0 && op.How == RecvWhole && pool.Ample() {
		n = BulkBytes
	}
	return min(n, pool.MaxLen())
}
