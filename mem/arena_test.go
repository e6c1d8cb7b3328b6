package mem

import (
	"math/rand/v2"
	"runtime"
	"testing"
)

// needArena skips where chunks are not found by address.
func needArena(t *testing.T, p *Pool) {
	t.Helper()
	if p.arena.memory == nil {
		t.Skip("lacks: a range of addresses for a pool's chunks, which only Linux gives")
	}
}

func TestChunkIsFoundForEveryBuffer(t *testing.T) {
	p := newPool(t, 3*MaxBytes+5*PageBytes)
	needArena(t, p)
	var bufs []*Buf
	for _, size := range []int{PageBytes, 64 << 10, MaxBytes} {
		bufs = append(bufs, get(t, p, size))
	}
	for b, ok := p.TryGet(1); ok; b, ok = p.TryGet(1) {
		bufs = append(bufs, b)
	}
	chunks := map[int]uintptr{}
	for _, b := range bufs {
		number, memory, ok := p.Chunk(b.Bytes())
		if !ok || number < 0 || number >= p.Chunks() {
			t.Fatalf("a buffer of %d bytes: chunk %d of %d, %v", b.Len(), number, p.Chunks(), ok)
		}
		at, base := addressOf(b.Bytes()), addressOf(memory)
		if at < base || at+uintptr(b.Cap()) > base+uintptr(len(memory)) {
			t.Fatalf("%#x is not in %#x, %d bytes", at, base, len(memory))
		}
		if was, seen := chunks[number]; seen && was != base {
			t.Fatalf("chunk %d is at %#x and %#x", number, was, base)
		}
		chunks[number] = base
		part := b.Bytes()[b.Len()/2:]
		if n, _, ok := p.Chunk(part); !ok || n != number {
			t.Fatalf("a part of it: chunk %d, %v", n, ok)
		}
	}
	if len(chunks) != p.Chunks() || p.Chunks() != 5 {
		t.Errorf("%d chunks of %d are used, want 5", len(chunks), p.Chunks())
	}
	rand.Shuffle(len(bufs), func(i, j int) { bufs[i], bufs[j] = bufs[j], bufs[i] })
	for _, b := range bufs {
		b.Release()
	}
}

func TestChunkIsNotFoundForOtherMemory(t *testing.T) {
	p, other := newPool(t, 4*MaxBytes), newPool(t, MaxBytes)
	needArena(t, p)
	a, b := get(t, p, MaxBytes), get(t, p, MaxBytes)
	foreign := get(t, other, 100)
	var local [PageBytes]byte
	for what, m := range map[string][]byte{
		"nil":                      nil,
		"nothing":                  a.Bytes()[:0],
		"Go's memory":              make([]byte, PageBytes),
		"a stack's":                local[:],
		"another pool's":           foreign.Bytes(),
		"two chunks":               p.arena.memory[MaxBytes-1 : MaxBytes+1],
		"a chunk that is not used": p.arena.memory[2*MaxBytes:][:PageBytes],
		"one used and one not":     p.arena.memory[2*MaxBytes-1 : 2*MaxBytes+1],
		"everything":               p.arena.memory,
	} {
		if n, _, ok := p.Chunk(m); ok {
			t.Errorf("%s: chunk %d", what, n)
		}
	}
	runtime.KeepAlive(&local)
	for _, b := range []*Buf{a, b, foreign} {
		b.Release()
	}
}

func TestChunkOfAClosedPoolIsFoundWhileItsBufferIsOut(t *testing.T) {
	p, err := NewPool(&PoolOptions{LimitBytes: 2 * MaxBytes})
	if err != nil {
		t.Fatal(err)
	}
	needArena(t, p)
	a, b := get(t, p, MaxBytes), get(t, p, MaxBytes)
	gone, kept := a.Bytes(), b.Bytes()
	a.Release()
	if err := p.Close(); err == nil {
		t.Fatal("Close does not tell that a buffer is out")
	}
	if _, _, ok := p.Chunk(gone); ok {
		t.Error("the chunk that Close has unmapped is found")
	}
	if _, _, ok := p.Chunk(kept); !ok {
		t.Error("the chunk of the buffer that is out is not found")
	}
	b.Release()
	if _, _, ok := p.Chunk(kept); ok {
		t.Error("found after the last buffer")
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

// A limit of the address space may forbid to reserve it, not to use what there is.
func TestPoolWithoutARange(t *testing.T) {
	p := &Pool{limit: 2*MaxBytes + PageBytes}
	if err := p.open(false, func(int) []byte { return nil }); err != nil {
		t.Fatal(err)
	}
	bufs := []*Buf{get(t, p, MaxBytes), get(t, p, MaxBytes), get(t, p, 1)}
	for i, b := range bufs {
		b.Bytes()[0] = byte(i)
		if _, _, ok := p.Chunk(b.Bytes()); ok {
			t.Error("a chunk was found without a range")
		}
	}
	for i, b := range bufs {
		if b.Bytes()[0] != byte(i) {
			t.Errorf("buffer %d reads %d", i, b.Bytes()[0])
		}
		b.Release()
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if got := p.Stats().MappedBytes; got != 0 {
		t.Errorf("%d bytes mapped after Close", got)
	}
}
