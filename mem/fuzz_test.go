package mem

import (
	"slices"
	"testing"
)

// model is what the pool is held against: blocks with the bytes that were written to them, handles as ranges
// of them.
type model struct {
	t       *testing.T
	p       *Pool
	handles []*modelHandle
	blocks  map[*modelBlock]bool
	waiters []*modelWaiter
	gets    uint64
	stamp   byte
}

type modelBlock struct {
	size, refs  int
	chunk, page int
	written     map[int]byte
}

type modelHandle struct {
	b           *Buf
	blk         *modelBlock
	off, n, max int
}

type modelWaiter struct {
	n, calls int
	cancel   func()
}

const modelHandlesMax = 100

func FuzzBuf(f *testing.F) {
	f.Add([]byte{0, 1, 0, 2, 0, 7, 4, 1, 5, 9, 3, 1, 2, 200, 5, 1, 3, 0})
	f.Add([]byte{0, 255, 0, 255, 0, 255, 0, 0, 6, 255, 6, 10, 3, 0, 7, 0, 3, 0, 7, 0, 8, 0})
	f.Add(slices.Repeat([]byte{0, 0, 0, 200, 1, 17, 4, 3, 6, 250, 3, 5, 7, 1}, 40))
	f.Fuzz(func(t *testing.T, script []byte) {
		m := &model{t: t, p: newPool(t, 3*MaxBytes+3*PageBytes), blocks: map[*modelBlock]bool{}}
		for ; len(script) >= 2; script = script[2:] {
			m.step(script[0]%9, int(script[1]))
		}
		m.finish()
	})
}

// size spreads a byte over all classes.
func (m *model) size(arg int) int { return 1 + int(int64(arg*arg*arg)*(MaxBytes-1)/(255*255*255)) }

func (m *model) step(op byte, arg int) {
	switch op {
	case 0:
		m.get(m.size(arg))
		return
	case 6:
		m.notify(m.size(arg))
		return
	case 7:
		m.answer(arg)
		return
	case 8:
		m.check()
		return
	}
	if len(m.handles) == 0 {
		return
	}
	at := arg % len(m.handles)
	h := m.handles[at]
	switch op {
	case 1:
		i := h.n * arg / 256
		j := i + (h.n-i)*(arg%7)/6
		m.add(&modelHandle{b: h.b.Slice(i, j), blk: h.blk, off: h.off + i, n: j - i, max: j - i})
	case 2:
		c := *h
		c.b = h.b.Ref()
		m.add(&c)
	case 3:
		m.release(at)
	case 4:
		h.n = h.max * (arg + 1) / 256
		h.b.SetLen(h.n)
	case 5:
		m.write(h)
	}
}

func (m *model) add(h *modelHandle) {
	h.blk.refs++
	m.blocks[h.blk] = true
	m.handles = append(m.handles, h)
	if len(m.handles) > modelHandlesMax {
		m.release(0)
	}
}

func (m *model) get(n int) bool {
	b, ok := m.p.TryGet(n)
	if !ok {
		if len(m.blocks) == 0 && len(m.waiters) == 0 {
			m.t.Fatalf("an empty pool has no %d bytes: %+v", n, m.p.Stats())
		}
		return false
	}
	m.gets++
	size := PageBytes
	for size < n {
		size *= 2
	}
	m.add(&modelHandle{b: b, blk: &modelBlock{
		size: size, chunk: int(b.blk.chunk.number), page: b.blk.region().first, written: map[int]byte{},
	}, n: n, max: size})
	return true
}

func (m *model) release(at int) {
	h := m.handles[at]
	m.read(h)
	m.handles = slices.Delete(m.handles, at, at+1)
	if h.blk.refs--; h.blk.refs == 0 {
		delete(m.blocks, h.blk)
	}
	h.b.Release()
}

// write marks both ends of a handle.
func (m *model) write(h *modelHandle) {
	m.stamp++
	p := h.b.Bytes()
	for i := range min(h.n, 8) {
		for _, at := range []int{i, h.n - 1 - i} {
			p[at] = m.stamp
			h.blk.written[h.off+at] = m.stamp
		}
	}
}

// read finds in a handle what was written to its block, by whichever handle.
func (m *model) read(h *modelHandle) {
	p := h.b.Bytes()
	if len(p) != h.n || cap(p) != h.max || h.b.Len() != h.n || h.b.Cap() != h.max {
		m.t.Fatalf("len %d cap %d, want %d and %d", len(p), cap(p), h.n, h.max)
	}
	for at, want := range h.blk.written {
		if i := at - h.off; i >= 0 && i < h.n && p[i] != want {
			m.t.Fatalf("byte %d is %d, want %d", at, p[i], want)
		}
	}
}

func (m *model) notify(n int) {
	if len(m.waiters) >= modelHandlesMax {
		return
	}
	w := &modelWaiter{n: n}
	w.cancel = m.p.Notify(n, func() { w.calls++ })
	m.waiters = append(m.waiters, w)
}

// answer lets a waiter that was called take its buffer or cancel; one that was not called cancels sometimes.
func (m *model) answer(arg int) {
	for i, w := range m.waiters {
		if w.calls > 1 {
			m.t.Fatalf("called %d times", w.calls)
		}
		if w.calls == 1 || arg%8 == 7 {
			m.waiters = slices.Delete(m.waiters, i, i+1)
			if w.calls == 0 || arg%4 == 3 {
				w.cancel()
			} else if !m.get(w.n) {
				m.notify(w.n)
			}
			return
		}
	}
}

func (m *model) check() {
	for _, h := range m.handles {
		m.read(h)
	}
	want := PoolStats{Handles: len(m.handles), Buffers: len(m.blocks), Gets: m.gets}
	for blk := range m.blocks {
		want.InUseBytes += int64(blk.size)
	}
	for _, w := range m.waiters {
		if w.calls == 0 {
			want.Waiters++
		}
	}
	got := m.p.Stats()
	want.LimitBytes, want.MappedBytes, want.Fails = m.p.limit, got.MappedBytes, got.Fails
	if got != want || got.MappedBytes > got.LimitBytes {
		m.t.Fatalf("stats\n got %+v\nwant %+v", got, want)
	}
	m.waits()
}

// waits finds those who wait though what they wait for is free in one piece. Who was called may have the first go.
func (m *model) waits() {
	for range 3 { // as if time went by, while nothing comes back to what is drained
		m.p.relent(m.p.watches)
	}
	for _, w := range m.waiters {
		if w.calls > 0 {
			return
		}
	}
	taken := map[[2]int]bool{}
	for blk := range m.blocks {
		for i := range blk.size / PageBytes {
			at := [2]int{blk.chunk, blk.page + i}
			if taken[at] {
				m.t.Fatalf("page %d of chunk %d is in two buffers", at[1], at[0])
			}
			taken[at] = true
		}
	}
	for _, w := range m.waiters {
		n := 1 << classOf(w.n)
		if m.p.chunkBytes() >= int64(n)<<pageShift {
			m.t.Fatalf("%d pages waited for, with memory that is not mapped", n)
		}
		for _, ch := range m.p.chunks[:m.p.chunkLen] {
			for first := 0; first+n <= ch.pages; first += n {
				free := true
				for i := range n {
					free = free && !taken[[2]int{int(ch.number), first + i}]
				}
				if free {
					m.t.Fatalf("%d pages waited for, which are free from page %d of chunk %d on: %+v", n, first, ch.number, m.p.Stats())
				}
			}
		}
	}
}

// finish releases everything, upon which everybody who waits must be called in turn.
func (m *model) finish() {
	m.check()
	for len(m.handles) > 0 {
		m.release(len(m.handles) - 1)
	}
	for rounds := 0; len(m.waiters) > 0; rounds++ {
		before := len(m.waiters)
		m.answer(0)
		for len(m.handles) > 0 {
			m.release(0)
		}
		if len(m.waiters) == before && rounds > 10*modelHandlesMax {
			m.t.Fatalf("%d wait for good: %+v", before, m.p.Stats())
		}
	}
	m.check()
}
