package mem

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/unio-go/unio/internal/waitfor"
)

// bound is how long a test waits for what must happen.
const bound = 20 * time.Second

// until waits for a condition.
func until(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(bound); !cond(); time.Sleep(50 * time.Microsecond) {
		if time.Now().After(end) {
			t.Fatal("never: " + what)
		}
	}
}

// await waits for a channel to give something.
func await[T any](t testing.TB, c <-chan T, what string) T {
	t.Helper()
	return waitfor.Value(t, c, bound, what)
}

func TestGetRefusesImpossibleSizes(t *testing.T) {
	p := newPool(t, 3*PageBytes)
	for _, n := range []int{-1, 0, 2*PageBytes + 1, MaxBytes + 1} {
		if _, err := p.Get(t.Context(), n); err == nil {
			t.Errorf("%d: no error", n)
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%d: Notify did not panic", n)
				}
			}()
			p.Notify(n, func() {})
		}()
	}
}

func TestGetWaitsInOrder(t *testing.T) {
	p := newPool(t, PageBytes)
	b := get(t, p, 1)
	const n = 20
	order := make(chan int, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			b, err := p.Get(t.Context(), 1)
			if err != nil {
				t.Error(err)
				return
			}
			order <- i
			b.Release()
		})
		until(t, "waiter", func() bool { return p.Stats().Waiters == i+1 })
	}
	b.Release()
	wg.Wait()
	for i := range n {
		if got := <-order; got != i {
			t.Fatalf("waiter %d was served at place %d", got, i)
		}
	}
}

func TestGetEndsWithItsContext(t *testing.T) {
	p := newPool(t, PageBytes)
	b := get(t, p, 1)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := p.Get(ctx, 1)
		done <- err
	}()
	until(t, "waiter", func() bool { return p.Stats().Waiters == 1 })
	cancel()
	if err := await(t, done, "Get"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	b.Release()
	get(t, p, 1).Release()
}

func TestCloseEndsGet(t *testing.T) {
	p := newPool(t, PageBytes)
	b := get(t, p, 1)
	done := make(chan error, 1)
	go func() {
		_, err := p.Get(t.Context(), 1)
		done <- err
	}()
	until(t, "waiter", func() bool { return p.Stats().Waiters == 1 })
	if err := p.Close(); err == nil {
		t.Error("no error with a buffer out")
	}
	if err := await(t, done, "Get"); err != ErrClosed {
		t.Error(err)
	}
	b.Release()
}

func TestNotifyWakesOneForEachBuffer(t *testing.T) {
	p := newPool(t, 2*PageBytes)
	a, b := get(t, p, 1), get(t, p, 1)
	var order []int
	for i := range 4 {
		p.Notify(1, func() { order = append(order, i) })
	}
	a.Release()
	if len(order) != 1 || order[0] != 0 {
		t.Fatalf("after one release: %v", order)
	}
	a = get(t, p, 1)
	a.Release()
	b.Release()
	if len(order) != 3 || order[2] != 2 {
		t.Fatalf("after three releases: %v", order)
	}
	called := false
	p.Notify(1, func() { called = true })
	if !called {
		t.Error("not called at once with a buffer free")
	}
	get(t, p, 1).Release()
	if len(order) != 4 {
		t.Errorf("after four releases: %v", order)
	}
}

func TestCancelledNotifyIsNotCalled(t *testing.T) {
	p := newPool(t, PageBytes)
	b := get(t, p, 1)
	cancel := p.Notify(1, func() { t.Error("called") })
	called := false
	p.Notify(1, func() { called = true })
	cancel()
	cancel()
	b.Release()
	if !called {
		t.Error("the next was not called")
	}
}

func TestCalledWaiterThatCancelsPassesTheCallOn(t *testing.T) {
	p := newPool(t, PageBytes)
	b := get(t, p, 1)
	first, second := false, false
	cancel := p.Notify(1, func() { first = true })
	p.Notify(1, func() { second = true })
	b.Release()
	if !first || second {
		t.Fatalf("after the release: %v %v", first, second)
	}
	cancel()
	if !second {
		t.Error("the wake-up was lost")
	}
}

func TestRequestIsServedInOrderAndNobodyComesBetween(t *testing.T) {
	p := newPool(t, PageBytes)
	b := get(t, p, 1)
	var order []int
	for i := range 3 {
		p.Request(100, func(got *Buf) {
			if _, ok := p.TryGet(1); ok || got.Len() != 100 {
				t.Errorf("request %d: %d bytes, and the pool has more: %v", i, got.Len(), ok)
			}
			order = append(order, i)
			got.Release()
		})
	}
	cancel := p.Request(1, func(*Buf) { t.Error("called after cancel") })
	cancel()
	cancel()
	b.Release()
	if len(order) != 3 || order[0] != 0 || order[2] != 2 {
		t.Errorf("served in the order %v", order)
	}
	p.Request(1, func(got *Buf) { b = got })
	if b.Len() != 1 {
		t.Error("not served at once with a buffer free")
	}
	p.Request(1, func(*Buf) { t.Error("called by Close") })
	p.Close()
	p.Request(1, func(*Buf) { t.Error("called after Close") })
	b.Release()
}

// Who was called comes a little later. Who asks again and again meanwhile would always be there before.
func TestRequestComesBehindThoseWhoWereCalled(t *testing.T) {
	for _, cancels := range []bool{false, true} {
		p := newPool(t, 2*PageBytes)
		a, b := get(t, p, 1), get(t, p, 1)
		called := false
		cancel := p.Notify(1, func() { called = true })
		a.Release()
		var got []*Buf
		for range 2 {
			p.Request(1, func(b *Buf) { got = append(got, b) })
		}
		if !called || len(got) > 0 {
			t.Fatalf("called %v, %d requests served with one free buffer", called, len(got))
		}
		if cancels {
			cancel()
		} else {
			get(t, p, 1).Release()
		}
		if len(got) != 1 {
			t.Fatalf("cancels %v: %d requests served with one buffer", cancels, len(got))
		}
		b.Release()
		if len(got) != 2 {
			t.Fatalf("cancels %v: %d requests served with two buffers", cancels, len(got))
		}
		got[0].Release()
		got[1].Release()
	}
}

// A buffer that nobody was called for lies there until the promise of another one is kept, and no longer.
func TestRequestGetsWhatNobodyWasCalledFor(t *testing.T) {
	p := newPool(t, 2*PageBytes)
	a, b := get(t, p, 1), get(t, p, 1)
	p.Notify(1, func() {})
	a.Release() // and the promise stands
	b.Release()
	var got *Buf
	p.Request(1, func(b *Buf) { got = b })
	if got != nil {
		t.Fatal("served before those who were called")
	}
	a = get(t, p, 1)
	if got == nil {
		t.Fatal("a free buffer lies there, and somebody waits")
	}
	a.Release()
	got.Release()
}

func TestOnWaitTellsOfEachWaiter(t *testing.T) {
	p := newPool(t, PageBytes)
	b := get(t, p, 1)
	var kept, calls int
	stop := p.OnWait(func() {
		calls++
		if !p.Wanted() {
			t.Error("called while nobody waits")
		}
		if b != nil {
			kept++
			b.Release()
			b = nil
		}
	})
	if p.Wanted() {
		t.Error("nobody waits")
	}
	got, err := p.Get(t.Context(), 1) // waits for what is given back because it waits
	if err != nil || kept != 1 || calls != 1 {
		t.Fatalf("%v after %d calls", err, calls)
	}
	cancel := p.Notify(1, func() {})
	if calls != 2 {
		t.Errorf("%d calls for two waiters", calls)
	}
	cancel()
	stop()
	stop()
	p.Notify(1, func() {})()
	if calls != 2 {
		t.Error("called after stop")
	}
	got.Release()
}

// Where there is enough for all, what is kept is not what others lack.
func TestOnWaitIsForSmallPools(t *testing.T) {
	for _, c := range []struct {
		limit   int64
		keepers int
		small   bool
	}{{2*MaxBytes - PageBytes, 1, true}, {2 * MaxBytes, 1, false}, {2 * MaxBytes, 32, false}, {2 * MaxBytes, 33, true}} {
		p := newPool(t, c.limit)
		told := 0
		var stop func()
		for range c.keepers {
			stop = p.OnWait(func() { told++ })
		}
		var all []*Buf
		for b, ok := p.TryGet(1); ok; b, ok = p.TryGet(1) {
			all = append(all, b)
		}
		cancel := p.Notify(1, func() {})
		if p.Wanted() != c.small || (told == c.keepers) != c.small {
			t.Errorf("%d bytes for %d: wanted %v, %d told", c.limit, c.keepers, p.Wanted(), told)
		}
		if stop(); c.keepers > 1 && p.Wanted() {
			t.Errorf("%d bytes for %d: still small with one less", c.limit, c.keepers)
		}
		cancel()
		for _, b := range all {
			b.Release()
		}
	}
}

// A large buffer wants a whole chunk, and users of small ones keep every chunk in use: without help it would
// wait for good.
func TestLargeWaiterIsServedWhileSmallBuffersCirculate(t *testing.T) {
	p := newPool(t, 2*MaxBytes)
	const held = 300 // more than a chunk has, so that both are in use
	small := make([]*Buf, held)
	for i := range small {
		small[i] = get(t, p, 1)
	}
	done := make(chan *Buf, 1)
	go func() {
		b, err := p.Get(t.Context(), MaxBytes)
		if err != nil {
			t.Error(err)
		}
		done <- b
	}()
	until(t, "waiter", func() bool { return p.Stats().Waiters == 1 })
	r := rand.New(rand.NewPCG(1, 2))
	for end := time.Now().Add(bound); ; {
		select {
		case b := <-done:
			b.Release()
			for _, b := range small {
				if b != nil {
					b.Release()
				}
			}
			return
		default:
		}
		if time.Now().After(end) {
			t.Fatalf("never served: %+v", p.Stats())
		}
		i := r.IntN(held)
		if small[i] != nil {
			small[i].Release()
		}
		small[i], _ = p.TryGet(1)
		runtime.Gosched()
	}
}

// The chunk with the fewest buffers out is drained first, but one of its buffers is kept for good.
func TestDrainTurnsToAnotherChunk(t *testing.T) {
	p := newPool(t, 2*MaxBytes)
	pages := make([]*Buf, 2*chunkBlocks)
	for i := range pages {
		pages[i] = get(t, p, 1)
	}
	for _, b := range pages[1:chunkBlocks] {
		b.Release()
	}
	called := false
	p.Notify(MaxBytes, func() { called = true })
	other := pages[chunkBlocks:]
	for i := 0; !called; i++ {
		if i > 100*drainAgain {
			t.Fatalf("never served: %+v", p.Stats())
		}
		j := i % len(other)
		if other[j] != nil {
			other[j].Release()
		}
		other[j], _ = p.TryGet(1)
	}
	get(t, p, MaxBytes).Release()
	pages[0].Release()
	for _, b := range other {
		if b != nil {
			b.Release()
		}
	}
}

func TestWaiterOfAnotherSizeGetsTheFreeChunk(t *testing.T) {
	p := newPool(t, MaxBytes)
	a := get(t, p, MaxBytes)
	var small, large bool
	p.Notify(MaxBytes/2, func() { large = true })
	p.Notify(PageBytes, func() { small = true })
	a.Release()
	if !large || small {
		t.Fatalf("large %v, small %v: the first who waits is the first to be served", large, small)
	}
	b := get(t, p, MaxBytes/2)
	if !small {
		t.Fatal("the small one was forgotten with half of the chunk free")
	}
	get(t, p, 1).Release()
	b.Release()
	get(t, p, MaxBytes).Release()
}

// One buffer of each of many sizes kept each chunk for one size, and who asked for another size waited for ever while most of the
// pool was free.
func TestOneBufferOfEachSizeDoesNotStopOthers(t *testing.T) {
	for _, limit := range []int64{MaxBytes, 2 * MaxBytes, 4 * MaxBytes} {
		for size := PageBytes; size < MaxBytes/2; size *= 2 {
			p := newPool(t, limit)
			var held []*Buf
			for other := PageBytes; other < MaxBytes/2; other *= 2 {
				if other != size {
					if b, ok := p.TryGet(other); ok {
						held = append(held, b)
					}
				}
			}
			called := 0
			p.Request(size, func(b *Buf) { called++; b.Release() })
			p.Notify(size, func() { called++ })
			if called != 2 {
				t.Fatalf("%d of 2 have %d bytes: %+v", called, size, p.Stats())
			}
			get(t, p, size).Release()
			for _, b := range held {
				b.Release()
			}
		}
	}
}

// Every second page is free, and neighbours come one by one.
func TestNeighboursThatComeBackServeALargerWaiter(t *testing.T) {
	p := newPool(t, MaxBytes)
	pages := make([]*Buf, chunkBlocks)
	for i := range pages {
		pages[i] = get(t, p, 1)
	}
	slices.SortFunc(pages, func(a, b *Buf) int { return int(a.blk.index) - int(b.blk.index) })
	for i := 0; i < len(pages); i += 2 {
		pages[i].Release()
	}
	var order []int
	for _, n := range []int{4, 2, 8} {
		p.Request(n*PageBytes, func(b *Buf) { order = append(order, n); pages = append(pages, b) })
	}
	for i, want := range [][]int{{2}, {2}, {2, 4}, {2, 4}, {2, 4}, {2, 4}, {2, 4, 8}} {
		i = 2*[]int{0, 2, 3, 4, 5, 6, 7}[i] + 1
		pages[i].Release()
		pages[i] = nil
		if !slices.Equal(order, want) {
			t.Fatalf("after page %d those for %v were served, want %v", i, order, want)
		}
	}
	for i, b := range pages {
		if b != nil && (i >= chunkBlocks || i%2 == 1) {
			b.Release()
		}
	}
}

// A region is drained for one who waits, and who keeps a page of it waits himself, for what is kept back there.
func TestDrainThatIsStuckEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, MaxBytes)
		pages := make([]*Buf, chunkBlocks)
		for i := range pages {
			pages[i] = get(t, p, 1)
		}
		cancel := p.Request(MaxBytes, func(*Buf) { t.Error("served with a page out") })
		for _, b := range pages[1:] {
			b.Release() // more than it takes for a drain
		}
		ctx, end := context.WithTimeout(t.Context(), bound)
		defer end()
		b, err := p.Get(ctx, 64<<10)
		if err != nil {
			t.Fatalf("%v, with one page out", err)
		}
		cancel()
		b.Release()
		pages[0].Release()
	})
}

// A waiter that was called comes a little later. If its chunk were cut for whoever asks meanwhile, it would
// be called in vain each time.
func TestChunkOfACalledWaiterIsNotCutForAnother(t *testing.T) {
	for _, cancels := range []bool{false, true} {
		p := newPool(t, MaxBytes)
		b := get(t, p, MaxBytes)
		large, small := false, false
		cancel := p.Notify(MaxBytes, func() { large = true })
		b.Release()
		if _, ok := p.TryGet(1); ok || !large {
			t.Fatalf("the block was given away: called %v", large)
		}
		p.Notify(1, func() { small = true })
		if small {
			t.Fatal("called with nothing to be had")
		}
		if cancels {
			cancel()
		} else {
			get(t, p, MaxBytes).Release()
		}
		if !small {
			t.Errorf("cancels %v: the small one was forgotten", cancels)
		}
		get(t, p, 1).Release()
	}
}

// The bytes of a buffer say who holds it; two holders of one block would see each other's.
func TestStress(t *testing.T) {
	p := newPool(t, 4*MaxBytes)
	const workers, rounds = 8, 3000
	sizes := []int{1, PageBytes, 9000, 64 << 10, 300 << 10, MaxBytes}
	mail := make(chan *Buf, 16)
	var workersDone, mailDone sync.WaitGroup
	mailDone.Go(func() {
		for b := range mail {
			b.Release()
		}
	})
	var notified atomic.Int64
	for id := range workers {
		workersDone.Go(func() {
			r := rand.New(rand.NewPCG(uint64(id), 1))
			for range rounds {
				n := sizes[r.IntN(len(sizes))]
				b, ok := p.TryGet(n)
				if !ok && r.IntN(4) == 0 {
					given := make(chan *Buf, 1)
					p.Request(n, func(b *Buf) { given <- b })
					b, ok = <-given, true
				}
				if !ok && r.IntN(3) == 0 {
					woken := make(chan struct{})
					p.Notify(n, func() { notified.Add(1); close(woken) })
					<-woken
					b, ok = p.TryGet(n)
				}
				if !ok {
					wait := time.Duration(r.IntN(300)) * time.Microsecond
					ctx, cancel := context.WithTimeout(t.Context(), wait)
					got, err := p.Get(ctx, n)
					cancel()
					if err != nil {
						p.Notify(n, func() {})() // the call, if there was one, is passed on
						continue
					}
					b = got
				}
				mark := byte(r.Uint32())
				b.Bytes()[0], b.Bytes()[n-1] = mark, mark
				s := b.Slice(n-1, n)
				runtime.Gosched()
				if b.Bytes()[0] != mark || s.Bytes()[0] != mark {
					t.Error("the buffer has two owners")
				}
				b.Release()
				mail <- s
			}
		})
	}
	finished := make(chan struct{})
	go func() { workersDone.Wait(); close(finished) }()
	select {
	case <-finished:
	case <-time.After(3 * bound):
		t.Fatalf("somebody waits for good: %+v", p.Stats())
	}
	close(mail)
	mailDone.Wait()
	if s := p.Stats(); s.InUseBytes != 0 || s.Waiters != 0 || s.Handles != 0 {
		t.Errorf("%+v", s)
	}
	t.Logf("%d notified, %+v", notified.Load(), p.Stats())
}
