package mem

import (
	"strings"
	"testing"
)

func TestNewPoolRefusesBadLimits(t *testing.T) {
	for _, limit := range []int64{-1, 1, PageBytes - 1, limitMaxBytes + 1} {
		if _, err := NewPool(&PoolOptions{LimitBytes: limit}); err == nil {
			t.Errorf("limit %d: no error", limit)
		}
	}
	p, err := NewPool(nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Stats().LimitBytes; got != 256<<20 {
		t.Errorf("default limit is %d", got)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

func TestSizes(t *testing.T) {
	p := newPool(t, 0)
	for _, c := range []struct{ n, want int }{
		{1, 4096}, {4095, 4096}, {4096, 4096}, {4097, 8192}, {16 << 10, 16 << 10}, {65537, 128 << 10},
		{MaxBytes - 1, MaxBytes}, {MaxBytes, MaxBytes},
	} {
		b := get(t, p, c.n)
		if b.Len() != c.n || b.Cap() != c.want || len(b.Bytes()) != c.n || cap(b.Bytes()) != c.want {
			t.Errorf("%d: len %d cap %d, %d and %d of the bytes",
				c.n, b.Len(), b.Cap(), len(b.Bytes()), cap(b.Bytes()))
		}
		if addr := addressOf(b.Bytes()); addr%PageBytes != 0 {
			t.Errorf("%d: address %#x is not aligned", c.n, addr)
		}
		b.Release()
	}
	for _, n := range []int{-1, 0, MaxBytes + 1} {
		if _, ok := p.TryGet(n); ok {
			t.Errorf("a buffer of %d bytes", n)
		}
	}
}

func TestSmallLimits(t *testing.T) {
	for _, limit := range []int64{
		PageBytes, PageBytes + 1, 3 * PageBytes, MaxBytes - PageBytes, MaxBytes + 3*PageBytes,
	} {
		p := newPool(t, limit)
		var bufs []*Buf
		for {
			b, ok := p.TryGet(1)
			if !ok {
				break
			}
			bufs = append(bufs, b)
		}
		if want := int(limit / PageBytes); len(bufs) != want {
			t.Errorf("limit %d: %d pages, want %d", limit, len(bufs), want)
		}
		if s := p.Stats(); s.MappedBytes > s.LimitBytes {
			t.Errorf("limit %d: %+v", limit, s)
		}
		for _, b := range bufs {
			b.Release()
		}
		if b, ok := p.TryGet(p.MaxLen()); !ok {
			t.Errorf("limit %d: no buffer of %d bytes", limit, p.MaxLen())
		} else {
			b.Release()
		}
	}
}

func TestSliceCannotGrowOverItsNeighbour(t *testing.T) {
	p := newPool(t, 0)
	b := get(t, p, 100)
	head, body := b.Slice(0, 10), b.Slice(10, 100)
	b.Release()
	if head.Cap() != 10 || cap(head.Bytes()) != 10 {
		t.Errorf("cap %d, of the bytes %d", head.Cap(), cap(head.Bytes()))
	}
	body.Bytes()[0] = 'x'
	_ = append(head.Bytes(), 'y')
	if body.Bytes()[0] != 'x' {
		t.Error("append to the slice wrote to its neighbour")
	}
	head.SetLen(3)
	again := head.Ref()
	again.SetLen(10)
	if head.Len() != 3 || again.Len() != 10 {
		t.Errorf("len %d and %d", head.Len(), again.Len())
	}
	for _, f := range []func(){
		func() { head.SetLen(11) }, func() { head.SetLen(-1) },
		func() { head.Slice(0, 4) }, func() { head.Slice(2, 1) }, func() { head.Slice(-1, 1) },
	} {
		mustPanic(t, "out of range", f)
	}
	head.Release()
	again.Release()
	body.Release()
}

func TestManyHandles(t *testing.T) {
	p := newPool(t, 0)
	b := get(t, p, 1000)
	bufs := []*Buf{b}
	for i := range 1000 {
		bufs = append(bufs, bufs[i/2].Ref())
	}
	if s := p.Stats(); s.Handles != 1001 || s.Buffers != 1 || s.InUseBytes != PageBytes || s.Gets != 1 {
		t.Errorf("%+v", s)
	}
	seen := map[*Buf]bool{}
	for i, b := range bufs {
		if seen[b] {
			t.Fatal("one handle was given twice")
		}
		seen[b] = true
		if got := p.Stats().InUseBytes; got != PageBytes {
			t.Fatalf("%d bytes in use with %d handles left", got, len(bufs)-i)
		}
		b.Release()
	}
	if s := p.Stats(); s.Handles != 0 || s.Buffers != 0 || s.InUseBytes != 0 {
		t.Errorf("%+v", s)
	}
}

func TestHotBufferIsReused(t *testing.T) {
	p := newPool(t, 0)
	cold := get(t, p, 1)
	hot := get(t, p, 1)
	want := addressOf(hot.Bytes())
	cold.Release()
	hot.Release()
	for range 10 {
		b := get(t, p, 1)
		if got := addressOf(b.Bytes()); got != want {
			t.Fatalf("address %#x, want the last released %#x", got, want)
		}
		b.Release()
	}
}

func TestChunkIsCutForAnotherSize(t *testing.T) {
	p := newPool(t, 2*MaxBytes)
	for size := PageBytes; size <= MaxBytes; size *= 2 {
		var bufs []*Buf
		for range 2 * MaxBytes / size {
			bufs = append(bufs, get(t, p, size))
		}
		if _, ok := p.TryGet(1); ok {
			t.Fatalf("size %d: a buffer beyond the limit", size)
		}
		for _, b := range bufs {
			b.Release()
		}
	}
	s := p.Stats()
	if s.MappedBytes != 2*MaxBytes || s.Fails != classCount {
		t.Errorf("%+v", s)
	}
	if want := uint64(2*(MaxBytes/PageBytes)*2 - 2); s.Gets != want {
		t.Errorf("%d gets, want %d", s.Gets, want)
	}
}

func TestScarceAndCompact(t *testing.T) {
	p := newPool(t, 4*MaxBytes)
	big := get(t, p, 64<<10)
	big.SetLen(copy(big.Bytes(), "few bytes"))
	if got := p.Compact(big); got != big || p.Scarce() {
		t.Fatal("compacted while there was enough")
	}
	page := get(t, p, 1)
	a, b := get(t, p, MaxBytes), get(t, p, MaxBytes)
	if p.Scarce() {
		t.Error("scarce at half of the limit")
	}
	var rest []*Buf
	for !p.Scarce() {
		rest = append(rest, get(t, p, 64<<10))
	}
	small := p.Compact(big)
	if small == big || small.Cap() != PageBytes || string(small.Bytes()) != "few bytes" {
		t.Errorf("cap %d, %q", small.Cap(), small.Bytes())
	}
	full := rest[0]
	if p.Scarce() {
		full.SetLen(20 << 10)
		if got := p.Compact(full); got != full {
			t.Error("a buffer that is used by more than a quarter was copied")
		}
	}
	small.SetLen(0)
	if got := p.Compact(small); got != small {
		t.Error("a buffer of the smallest size was copied")
	}
	for _, b := range append(rest, small, page, a, b) {
		b.Release()
	}
}

func TestTryGetUpToLeavesPages(t *testing.T) {
	const limit, size = 8 << 20, 64 << 10
	p := newPool(t, limit)
	var all []*Buf
	large := 0
	for b, ok := p.TryGetUpTo(size); ok; b, ok = p.TryGetUpTo(size) {
		all = append(all, b)
		if b.Len() == size {
			large++
		} else if b.Len() != PageBytes {
			t.Fatalf("a buffer of %d bytes", b.Len())
		}
	}
	if pages := len(all) - large; large*size != limit/4*3 || pages*PageBytes != limit/4 {
		t.Errorf("%d large buffers and %d pages", large, pages)
	}
	for _, b := range all {
		b.Release()
	}
	if b, ok := p.TryGetUpTo(size); !ok || b.Len() != size {
		t.Error("no large buffer when there are enough")
	} else {
		b.Release()
	}
	if b, ok := p.TryGetUpTo(0); ok {
		t.Errorf("%d bytes for none", b.Len())
	}
}

// Memory that was cut for other large buffers and is free again is as good as new.
func TestTryGetUpToTakesWhatWasLargeBefore(t *testing.T) {
	const limit, size = 8 << 20, 64 << 10
	p := newPool(t, limit)
	var all []*Buf
	for b, ok := p.TryGet(size / 4); ok; b, ok = p.TryGet(size / 4) {
		all = append(all, b)
	}
	for _, b := range all {
		b.Release()
	}
	all = all[:0]
	for range limit / 2 / size {
		b, ok := p.TryGetUpTo(size)
		if !ok || b.Len() != size {
			t.Fatalf("%d large buffers of a pool of which nothing is in use, want %d", len(all), limit/2/size)
		}
		all = append(all, b)
	}
	for _, b := range all {
		b.Release()
	}
}

// Where large buffers are all that is left, pages are cut out of one.
func TestTryGetUpToWithoutPages(t *testing.T) {
	const size = 64 << 10
	p := newPool(t, 4<<20)
	var all []*Buf
	for b, ok := p.TryGet(size); ok; b, ok = p.TryGet(size) {
		all = append(all, b)
	}
	if _, ok := p.TryGetUpTo(size); ok {
		t.Error("a buffer of a pool that is used up")
	}
	all[0].Release()
	all = all[1:]
	for range size / PageBytes {
		b, ok := p.TryGetUpTo(size)
		if !ok || b.Len() != PageBytes {
			t.Fatal("a large buffer is left, and not all of it is given")
		}
		all = append(all, b)
	}
	for _, b := range all {
		b.Release()
	}
}

func TestCompactWithoutSmallerBuffers(t *testing.T) {
	p := newPool(t, MaxBytes)
	b := get(t, p, MaxBytes)
	b.SetLen(1)
	if got := p.Compact(b); got != b {
		t.Error("a copy out of nothing")
	}
	b.SetLen(0)
	if got := p.Compact(b); got != b {
		t.Error("a copy out of nothing")
	}
	b.Release()
}

func TestCloseKeepsMemoryWithBuffersOut(t *testing.T) {
	p, err := NewPool(&PoolOptions{LimitBytes: 3 * MaxBytes})
	if err != nil {
		t.Fatal(err)
	}
	get(t, p, MaxBytes).Release()
	kept := get(t, p, 100)
	copy(kept.Bytes(), "still here")
	err = p.Close()
	if err == nil || !strings.Contains(err.Error(), "buffers out") {
		t.Fatalf("Close: %v", err)
	}
	if got := p.Stats().MappedBytes; got != MaxBytes {
		t.Errorf("%d bytes mapped, want the chunk of the one that is out", got)
	}
	if _, ok := p.TryGet(1); ok {
		t.Error("a buffer from a closed pool")
	}
	if _, err := p.Get(t.Context(), 1); err != ErrClosed {
		t.Errorf("Get: %v", err)
	}
	p.Notify(1, func() { t.Error("notified by a closed pool") })()
	if string(kept.Bytes()[:10]) != "still here" {
		t.Error("memory was lost")
	}
	kept.Release()
	if got := p.Stats().MappedBytes; got != 0 {
		t.Errorf("%d bytes mapped after the last release", got)
	}
	if err := p.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

func TestOutstanding(t *testing.T) {
	p := newPool(t, 0)
	b := get(t, p, 5000)
	s := b.Slice(0, 1)
	want := 1
	if debug {
		want = 2
	}
	if out := p.Outstanding(); len(out) != want {
		t.Errorf("%q", out)
	}
	b.Release()
	s.Release()
	if out := p.Outstanding(); len(out) != 0 {
		t.Errorf("%q", out)
	}
}

func TestDoubleReleasePanics(t *testing.T) {
	p := newPool(t, 0)
	b := get(t, p, 1)
	held := make([]*Buf, 6) // the last ones are beyond the slots
	for i := range held {
		held[i] = b.Ref()
	}
	last := held[len(held)-1]
	for _, h := range append(held, b) {
		h.Release()
	}
	mustPanic(t, "Buf.Release of a released handle", b.Release)
	mustPanic(t, "Buf.Release of a released handle", last.Release)
	mustPanic(t, "Buf.Bytes of a released handle", func() { b.Bytes() })
	mustPanic(t, "Buf.Len of a released handle", func() { b.Len() })
	mustPanic(t, "Buf.Cap of a released handle", func() { b.Cap() })
	mustPanic(t, "Buf.SetLen of a released handle", func() { b.SetLen(0) })
	mustPanic(t, "Buf.Slice of a released handle", func() { b.Slice(0, 0) })
	mustPanic(t, "Buf.Ref of a released handle", func() { b.Ref() })
	if s := p.Stats(); s.Handles != 0 || s.InUseBytes != 0 {
		t.Errorf("%+v", s)
	}
}

func TestNoAllocations(t *testing.T) {
	if debug {
		t.Skip("debug builds record stacks")
	}
	p := newPool(t, 0)
	keep := get(t, p, 1000)
	defer keep.Release()
	for name, f := range map[string]func(){
		"get":   func() { get(t, p, 64<<10).Release() },
		"slice": func() { keep.Slice(1, 2).Release() },
		"ref":   func() { keep.Ref().Release() },
		"chunk": func() { p.Chunk(keep.Bytes()) },
		"many": func() {
			var s [slotCount * 2]*Buf
			for i := range s {
				s[i] = keep.Ref()
			}
			for _, b := range s {
				b.Release()
			}
		},
		"compact": func() { p.Compact(keep.Ref()).Release() },
	} {
		least := testing.AllocsPerRun(100, f)
		for range 5 {
			least = min(least, testing.AllocsPerRun(100, f))
		}
		if least != 0 {
			t.Errorf("%s: %v allocations", name, least)
		}
	}
}

func mustPanic(t *testing.T, want string, f func()) (text string) {
	t.Helper()
	defer func() {
		t.Helper()
		text, _ = recover().(string)
		if !strings.Contains(text, want) {
			t.Errorf("panic %q, want %q", text, want)
		}
	}()
	f()
	return ""
}
