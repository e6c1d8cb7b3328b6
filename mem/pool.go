package mem

import (
	"errors"
	"fmt"
	"math/bits"
	"strings"
	"sync"
	"sync/atomic"
)

const (
	// PageBytes is the size of the smallest buffer, and what all memory is aligned to.
	PageBytes = 1 << pageShift
	// MaxBytes is the size of the largest buffer.
	MaxBytes = 1 << 20

	pageShift  = 12
	classCount = 9 // 4 KiB, 8 KiB, ... 1 MiB

	// limitDefaultBytes is 64 KiB, the most that a connection may hold unread, for four thousand connections.
	limitDefaultBytes = 256 << 20
	// limitMaxBytes keeps a block's number within 32 bits, with room.
	limitMaxBytes = 1 << 40

	// keeperBytes is how much of a pool there must be for each of those who keep buffers (OnWait), so that there is enough for
	// all: the four pages that each keeps are a quarter of it.
	keeperBytes = 64 << 10

	cacheLineBytes = 64
)

// ErrClosed is the error of Get on a pool that is closed.
var ErrClosed = errors.New("mem: pool is closed")

// PoolOptions are the options of NewPool.
type PoolOptions struct {
	// LimitBytes is the most memory that the pool maps, from 4096 to 1 TiB. 0 means 256 MiB.
	//
	// Memory is mapped in chunks of 1 MiB, and a chunk serves one size of buffer while there are others. At the limit
	// one is divided among sizes: buffers are cut out of larger free ones and put together from smaller free ones that
	// are neighbours, so that who waits is served as soon as so much memory is free in one piece, at a multiple of its
	// size. A smaller pool gives no buffer larger than its largest chunk, which is the largest power of two within the
	// limit.
	LimitBytes int64

	// HugePages has the kernel back the memory by huge pages, madvise(2) MADV_HUGEPAGE, where it gives them; without it the pages are
	// small, also where huge ones are always on. NewPool fails with errors.ErrUnsupported where there are none: on other systems, and
	// on a kernel that was built without.
	HugePages bool
}

// Pool hands out buffers of 1 byte to 1 MiB. Every method may be called by any goroutine at any time.
//
// Sizes are rounded up to a power of two of at least a page. Free blocks of each size form a stack without
// locks, so that what was used last, and is still in the caches, is used next. A mutex is taken only to map
// memory, to cut it for another size, and while somebody waits.
type Pool struct {
	limit    int64
	maxClass int
	chunks   []*chunk // as many as the limit can hold; each is set once, before a stack names its blocks
	arena    arena
	dbg      poolDebug

	stacks [classCount]stack
	inUse  atomic.Int64 // bytes handed out
	_      [cacheLineBytes]byte

	waiting atomic.Int64 // waiters, plus closedBias: what sends a release the slow way
	gets    atomic.Uint64
	fails   atomic.Uint64

	mu        sync.Mutex
	closed    bool
	mapped    int64
	large     int64 // bytes of the blocks of more than a page
	chunkLen  int   // chunks in use
	queues    [classCount]queue
	tickets   uint64      // waiters so far
	listeners []*listener // a new slice for each change
	small     atomic.Bool // for what the listeners keep
	passed    int         // releases that did not serve the oldest waiter
	drain     drain
	watches   uint64           // how often drain.watch was set
	barren    [classCount]bool // search has found nothing since somebody waits, and no release has changed that
	promises  [classCount]promise
	deferred  atomic.Bool // a region was not reclaimed because of a promise, or somebody waits behind one
}

// closedBias stands in Pool.waiting once the pool is closed.
const closedBias = 1 << 40

// stack is the head of a stack of free blocks: the number of the top block, plus one, in the low half, and in
// the high half a count of pops, so that a compare-and-swap fails when the top is the same block again with
// another successor: to get one, it must have been popped.
type stack struct {
	head atomic.Uint64
	_    [cacheLineBytes - 8]byte
}

// NewPool makes a pool and maps its first chunk. Nil options are good.
func NewPool(o *PoolOptions) (*Pool, error) {
	if o == nil {
		o = &PoolOptions{}
	}
	p := &Pool{limit: o.LimitBytes}
	if p.limit == 0 {
		p.limit = limitDefaultBytes
	}
	if p.limit < PageBytes || p.limit > limitMaxBytes {
		return nil, fmt.Errorf("mem: LimitBytes is %d, want %d to %d",
			p.limit, int64(PageBytes), int64(limitMaxBytes))
	}
	p.limit -= p.limit % PageBytes
	if err := p.open(o.HugePages, reserveMemory); err != nil {
		return nil, err
	}
	return p, nil
}

// open maps the first chunk of a pool that has its limit.
func (p *Pool) open(huge bool, reserve func(int) []byte) (err error) {
	p.chunks = make([]*chunk, chunkCount(p.limit))
	p.maxClass = classOf(int(p.chunkBytes()))
	if p.arena, err = newArena(len(p.chunks), huge, reserve); err == nil {
		err = p.mapChunk()
	}
	if err != nil {
		return errors.Join(fmt.Errorf("mem: %w", err), p.arena.release())
	}
	return nil
}

// classOf is the class of a size between 1 and MaxBytes.
func classOf(n int) int { return bits.Len(uint(n-1) >> pageShift) }

func classBytes(class int) int { return PageBytes << class }

// MaxLen is the largest buffer that the pool can give: MaxBytes, or less when its limit is.
func (p *Pool) MaxLen() int { return classBytes(p.maxClass) }

// TryGet gives a buffer of n bytes with whatever is in it. Its capacity is n rounded up to the pool's sizes.
// It never blocks; false says that the limit is reached, that the pool is closed, or that n is not between 1
// and MaxLen. It does not put smaller buffers together, as is done for those who wait.
func (p *Pool) TryGet(n int) (*Buf, bool) {
	if uint(n-1) >= uint(p.MaxLen()) {
		p.fails.Add(1)
		return nil, false
	}
	class := classOf(n)
	blk := p.pop(class)
	if blk == nil {
		if blk = p.getSlow(class); blk == nil {
			p.fails.Add(1)
			return nil, false
		}
	}
	p.inUse.Add(int64(len(blk.mem)))
	if p.waiting.Load() != 0 && p.deferred.Load() {
		p.kept()
	}
	return blk.first(n), true
}

// getSlow is TryGet when the stack of the class is empty.
func (p *Pool) getSlow(class int) *block {
	var woken queue
	p.mu.Lock()
	blk := p.obtain(class, false, &woken)
	p.mu.Unlock()
	woken.call()
	return blk
}

// TryGetUpTo is for those who can do with less, as a receive can: it gives a buffer of n bytes while a quarter of the limit is
// left for pages, then one of a page, and one of n bytes again when there is no page. So large buffers that are kept for long
// slow others down and do not stop them. It never blocks; false says what it says of TryGet.
func (p *Pool) TryGetUpTo(n int) (*Buf, bool) {
	if n <= PageBytes {
		return p.TryGet(n)
	}
	if uint(n-1) < uint(p.MaxLen()) && !p.Scarce() && p.hasLarge(classOf(n)) {
		if b, ok := p.TryGet(n); ok {
			return b, true
		}
	}
	if b, ok := p.TryGet(PageBytes); ok {
		return b, true
	}
	return p.TryGet(n)
}

// hasLarge reports whether a class has a free block, or may have a chunk that leaves enough of them to pages, or a part of what is
// no pages already. Others may be faster, so that now and then there is a chunk less for pages.
func (p *Pool) hasLarge(class int) bool {
	if uint32(p.stacks[class].head.Load()) != 0 {
		return true
	}
	var woken queue
	p.mu.Lock()
	has := p.large+int64(classBytes(p.maxClass)) <= p.limit-p.limit/4 || p.reshape(class, &woken)
	p.mu.Unlock()
	woken.call()
	return has
}

// reshape makes blocks of a class of larger ones, or of a chunk that has no pages and no block out.
func (p *Pool) reshape(class int, woken *queue) bool {
	if p.closed {
		return false
	}
	for _, ch := range p.chunks[:p.chunkLen] {
		r := ch.region()
		if ch.small == 0 && ch.blocks[0] != nil && r.class() >= class && ch.vacant() && p.reclaim(r) {
			p.distribute(p.divide(ch, class, woken), class, woken)
			return true
		}
	}
	r, ok := p.larger(class)
	if ok {
		p.distribute(p.carve(r, class, woken), class, woken)
	}
	return ok
}

// put takes a block back that has no handles.
func (p *Pool) put(blk *block) {
	if debug {
		blk.mangle()
	}
	p.inUse.Add(-int64(len(blk.mem)))
	if p.waiting.Load() != 0 {
		p.putSlow(blk)
		return
	}
	// Whoever begins to wait adds to waiting first and looks at the stack then, so one of us sees the other.
	index, class := blk.index, int(blk.class)
	p.push(index, index, class)
	if p.waiting.Load() != 0 {
		p.putRaced(index, class)
	}
}

// Scarce reports whether more than three quarters of the limit are handed out. It costs two loads.
func (p *Pool) Scarce() bool { return p.inUse.Load() > p.limit/4*3 }

// Ample reports whether less than a quarter of the limit is handed out: then nobody is short of a buffer because somebody takes a
// larger one than need be. It costs two loads.
func (p *Pool) Ample() bool { return p.inUse.Load() < p.limit/4 }

// Compact takes b over. When buffers are scarce and b uses no more than a quarter of its block, it gives a
// copy in a buffer of the right size and releases b; else, and when no smaller buffer can be had, it gives b
// itself.
func (p *Pool) Compact(b *Buf) *Buf {
	n, blockBytes := b.Len(), len(b.blk.mem)
	if n > blockBytes/4 || blockBytes == PageBytes || !p.Scarce() {
		return b
	}
	small, ok := p.TryGet(max(n, 1))
	if !ok {
		return b
	}
	small.SetLen(n)
	copy(small.Bytes(), b.Bytes())
	b.Release()
	return small
}

// PoolStats is what Stats tells.
type PoolStats struct {
	LimitBytes  int64
	MappedBytes int64  // taken from the system
	InUseBytes  int64  // handed out, in whole blocks
	Buffers     int    // blocks handed out
	Handles     int    // handles on them
	Waiters     int    // in Get, Request and Notify
	Gets        uint64 // buffers given so far
	Fails       uint64 // times that TryGet gave none
}

// Stats looks at every block, which takes some microseconds for each mapped megabyte. While others use the
// pool the figures may be from slightly different moments.
func (p *Pool) Stats() PoolStats {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := PoolStats{
		LimitBytes:  p.limit,
		MappedBytes: p.mapped,
		InUseBytes:  p.inUse.Load(),
		Waiters:     int(p.waiting.Load() & (closedBias - 1)),
		Gets:        p.gets.Load(),
		Fails:       p.fails.Load(),
	}
	for _, ch := range p.chunks[:p.chunkLen] {
		for blk := range ch.region().blocks() {
			state := blk.state.Load()
			s.Gets += state >> handleBits
			if n := handles(state); n > 0 {
				s.Buffers++
				s.Handles += n
			}
		}
	}
	return s
}

// Outstanding describes the handles that are out: in debug builds one text for each with the stack that took
// it, else one for each size of buffer with the counts. It is for tests that look for leaks.
func (p *Pool) Outstanding() []string {
	if debug {
		return p.takers()
	}
	var buffers, refs [classCount]int
	p.mu.Lock()
	for _, ch := range p.chunks[:p.chunkLen] {
		for blk := range ch.region().blocks() {
			if n := handles(blk.state.Load()); n > 0 {
				buffers[blk.class]++
				refs[blk.class] += n
			}
		}
	}
	p.mu.Unlock()
	var s []string
	for class, n := range buffers {
		if n > 0 {
			s = append(s, fmt.Sprintf("%d buffers of %d bytes with %d handles",
				n, classBytes(class), refs[class]))
		}
	}
	return s
}

// Close ends the pool: Get fails with ErrClosed, also where it waits; the functions given to Notify are
// dropped. It unmaps what has no handle; the rest lives on until its last handle goes, and the error tells
// which handles those are. A second Close only tells which are still out.
func (p *Pool) Close() error {
	var woken queue
	p.mu.Lock()
	err := p.shut(&woken)
	p.mu.Unlock()
	woken.call()
	if out := p.Outstanding(); len(out) > 0 {
		err = errors.Join(err, errors.New("mem: pool closed with buffers out:\n"+strings.Join(out, "\n")))
	}
	return err
}
