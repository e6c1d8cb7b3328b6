// Package hugeheap has the kernel back the Go heap by huge pages, which the Go runtime does not ask for. Go's heap scatters what
// belongs together, stacks of goroutines and coroutines among it, and where each page has an entry of its own the processor's
// translation buffers are what a server with a few hundred connections runs out of first, above all in a virtual machine.
// docs/decisions/0021-huge-pages.md has the figures.
package hugeheap

import (
	"runtime"
	"runtime/metrics"
	"sync"
)

// Heap keeps the heap of this process advised, madvise(2) MADV_HUGEPAGE, as it grows. Pages that are there already become huge when
// the kernel's khugepaged finds them, within seconds. Close ends the watching; what has been advised stays so.
type Heap struct {
	mu     sync.Mutex
	bytes  uint64 // that the Go runtime had mapped when last looked
	closed bool
}

// Advise begins. It fails with errors.ErrUnsupported where there are no huge pages to have, and tells why.
func Advise() (*Heap, error) {
	if err := available(); err != nil {
		return nil, err
	}
	makeRoom(mappedBytes())
	h := &Heap{bytes: mappedBytes()}
	if err := advise(); err != nil {
		return nil, err
	}
	h.watch()
	return h, nil
}

// roomBytes is how much of a small heap is advised before it is used. A page that a program touches after the advice is huge from
// then on. A heap grows within milliseconds of the first load, and a server that allocates nothing has no collection for hours.
const roomBytes = 32 << 20

// makeRoom has the Go runtime map memory for a heap that is small: an object that large, never touched and so of no pages, is made
// and given up.
func makeRoom(mapped uint64) {
	if mapped >= roomBytes {
		return
	}
	runtime.KeepAlive(make([]byte, roomBytes-mapped))
	runtime.GC()
}

// Close ends the watching. A nil Heap is closed already.
func (h *Heap) Close() {
	if h == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
}

// cycle is an object that dies with the next collection.
type cycle struct{ _ *cycle }

// watch has the end of each collection tell: the heap has grown by then to what it grows to, and nothing wakes a program that is
// idle.
func (h *Heap) watch() { runtime.AddCleanup(new(cycle), (*Heap).collected, h) }

// collected advises what the heap has grown by.
func (h *Heap) collected() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return
	}
	if now := mappedBytes(); now != h.bytes && advise() == nil {
		h.bytes = now
	}
	h.watch()
}

// mappedBytes is how much address space the Go runtime has made ready for its heap.
func mappedBytes() (sum uint64) {
	parts := []metrics.Sample{
		{Name: "/memory/classes/heap/free:bytes"}, {Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/released:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"},
		{Name: "/memory/classes/heap/unused:bytes"},
	}
	metrics.Read(parts)
	for _, p := range parts {
		sum += p.Value.Uint64()
	}
	return sum
}
