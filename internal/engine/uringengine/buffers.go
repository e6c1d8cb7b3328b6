//go:build linux && !unio_nouring

package uringengine

import (
	"github.com/unio-go/unio/mem"
	"github.com/unio-go/unio/uring"
)

// blocks is the buffer ring: blocks of the pool that the kernel fills. An incremental ring fills a block piece by
// piece, with what any descriptors receive; then a piece is a handle on a part of the block, and the block goes back to
// the pool when the kernel and all who hold pieces of it are done.
type blocks struct {
	of         *uring.Ring
	ring       *uring.BufRing
	places     uint32
	ringFlags  uint16
	gone       bool // the kernel has forgotten the ring; completions that name blocks may be left
	pool       *mem.Pool
	blockBytes int
	all        []block
	empty      []uint16 // ids without a block
	offered    int      // ids with one
	demand     demand   // how many should have one
	// short says that refill has something to do.
	short bool
	// used says that somebody has received: an engine without receives holds no blocks.
	used bool
	// scarce says that small pieces are copied out of their blocks.
	scarce bool

	sharing sharing
	copied  uint64
}

// block is what stands under one id.
type block struct {
	buf *mem.Buf
	at  int // where the kernel's next piece begins
}

// openBlocks registers a buffer ring, incremental where the kernel has that. It takes no blocks yet: an engine on which
// nobody receives holds none.
func openBlocks(r *uring.Ring, g geometry, pool *mem.Pool, incremental bool, wake func()) (*blocks, error) {
	b := &blocks{of: r, pool: pool, blockBytes: g.blockBytes, short: true, places: uint32(g.blocks)}
	if incremental {
		b.ringFlags = uring.PbufRingInc
	}
	if err := b.register(); err != nil {
		return nil, err
	}
	n := g.blocks
	share := int(min(pool.Stats().LimitBytes/poolShareDiv, int64(n*b.blockBytes)))
	for b.blockBytes > blockBytesMin && (b.blockBytes*n > share || b.blockBytes > pool.MaxLen()) {
		b.blockBytes /= 2
	}
	n = min(n, max(share/b.blockBytes, 1))
	b.all = make([]block, n)
	b.demand = demand{most: n, want: min(n, offeredMin)}
	for id := n - 1; id >= 0; id-- {
		b.empty = append(b.empty, uint16(id))
	}
	b.sharing.open(pool, wake)
	return b, nil
}

// plain says that the kernel uses a block for one receive.
func (b *blocks) plain() bool { return b.ringFlags&uring.PbufRingInc == 0 }

// take gives the n bytes that a completion with these flags has put into a block, and nil when n is 0.
func (b *blocks) take(cqe uint32, n int) *mem.Buf {
	id := uint16(cqe >> uring.CqeBufferShift)
	blk := &b.all[id]
	b.sharing.stuck = false
	from := blk.at
	blk.at += n
	more := cqe&uring.CqeFBufMore != 0
	var p *mem.Buf
	switch {
	case n == 0:
	case b.scarce && n <= copyBytesMax && blk.buf.Cap() > blockBytesMin:
		p = b.copyOut(blk, from, n)
	case !more && from == 0:
		// The kernel had the block for this piece alone: the ring's handle becomes the piece's.
		p, blk.buf = blk.buf, nil
		p.SetLen(n)
	default:
		p = blk.buf.Slice(from, from+n)
	}
	if !more {
		if blk.buf != nil {
			blk.buf.Release()
			blk.buf = nil
		}
		b.offered--
		b.demand.spent++
		b.empty = append(b.empty, id)
		b.short = true
	}
	return p
}

// copyOut gives a piece in a buffer of its own, or a handle on the block when there is none.
func (b *blocks) copyOut(blk *block, from, n int) *mem.Buf {
	p, ok := b.pool.TryGet(n)
	if !ok {
		return blk.buf.Slice(from, from+n)
	}
	copy(p.Bytes(), blk.buf.Bytes()[from:from+n])
	b.copied++
	return p
}

// compact gives b in a buffer of its own when it is small and blocks are scarce, and else b itself.
func (b *blocks) compact(p *mem.Buf) *mem.Buf {
	small := b.pool.Compact(p)
	if small != p {
		b.copied++
	}
	return small
}

// demand decides how many blocks the kernel is offered: what the turns of late have used up, twice. The kernel fills them in
// turn, so that with few of them the memory that it writes to stays in the caches.
type demand struct {
	most, want int
	spent      int // blocks used up since the last refill
	peak       int // the most of them at one refill of this window
	refills    int // of this window
}

// update looks at what was used up. missed says that a receive found no block.
func (d *demand) update(missed bool) {
	d.peak, d.spent = max(d.peak, d.spent), 0
	need := max(2*d.peak+2, offeredMin)
	if missed {
		need = max(need, 2*d.want)
	}
	if d.refills++; d.refills == demandWindow {
		d.refills, d.peak = 0, 0
		d.want = 0
	}
	d.want = min(max(d.want, need), d.most)
}

// due reports whether refill has something to do. wanted says that a receive waits. Where none does, nothing is taken while others
// wait, and nothing of what was given back for them.
func (b *blocks) due(wanted bool) bool {
	s := &b.sharing
	came := s.came.Load()
	if came || b.scarce != b.pool.Scarce() {
		b.short = true
	}
	return b.short && b.used && !b.gone && (wanted || came || !s.back && !b.pool.Wanted())
}

// refill offers the kernel as many blocks as are in demand and the pool has. wanted says that a receive waits; then the pool
// is asked to give one when it has some again.
func (b *blocks) refill(wanted bool) {
	b.short = false
	b.demand.update(wanted)
	given := b.sharing.take()
	for b.offered < b.demand.want {
		buf := b.next(&given)
		if buf == nil {
			break
		}
		buf.SetLen(buf.Cap())
		id := b.empty[len(b.empty)-1]
		b.empty = b.empty[:len(b.empty)-1]
		b.all[id] = block{buf: buf}
		b.ring.Add(addrOf(buf.Bytes()), uint32(buf.Len()), id)
		b.offered++
	}
	for _, buf := range given {
		buf.Release()
	}
	b.ring.Advance()
	b.scarce = b.offered*offeredScarceDiv < b.demand.want || b.pool.Scarce()
	switch {
	case b.offered > 0:
		b.sharing.stopWaiting()
		b.sharing.back = false
		b.sharing.holding.Store(true)
	case wanted:
		b.sharing.await(b.blockBytes)
	}
}

// next is a block that the pool has given because it was our turn, and else one that it has. In a small pool a loop that waits, or
// that has given blocks back, takes none out of turn: those for whom it gave them back come a little later.
func (b *blocks) next(given *[]*mem.Buf) *mem.Buf {
	if n := len(*given); n > 0 {
		buf := (*given)[n-1]
		*given = (*given)[:n-1]
		return buf
	}
	if b.pool.Wanted() && b.sharing.waiting || b.sharing.back {
		return nil
	}
	return b.get()
}

// get is a block, a small one when large ones are scarce, and any rather than none when the kernel has no other.
func (b *blocks) get() *mem.Buf {
	buf, ok := b.pool.TryGetUpTo(b.blockBytes)
	for n := b.blockBytes / 2; !ok && n > blockBytesMin && b.offered == 0; n /= 2 {
		buf, ok = b.pool.TryGet(n)
	}
	return buf
}

// register gives the kernel an empty ring.
func (b *blocks) register() error {
	ring, err := b.of.NewBufRing(bufferGroup, b.places, b.ringFlags)
	if err == nil {
		b.ring, b.gone = ring, false
	}
	return err
}

// unregister has the kernel forget the ring. Receives that find none end with ENOBUFS.
func (b *blocks) unregister() error {
	if b.gone {
		return nil
	}
	err := b.ring.Unregister()
	b.gone = err == nil
	return err
}

// drop gives the blocks back. The group is unregistered or the ring closed, and no receive is left.
func (b *blocks) drop() error {
	b.sharing.close()
	b.release()
	return b.ring.Free()
}

// release gives all blocks back. The kernel has none of them any more.
func (b *blocks) release() {
	for id := range b.all {
		if buf := b.all[id].buf; buf != nil {
			buf.Release()
			b.all[id].buf = nil
			b.empty = append(b.empty, uint16(id))
		}
	}
	b.offered = 0
}

// HeldBytes is how much of the pool the buffer ring may hold, however many descriptors there are: a block for each of
// its places, and one with which the kernel is done while somebody has a piece of it.
func (e *Engine) HeldBytes() int64 { return int64((len(e.blocks.all) + 1) * e.blocks.blockBytes) }
