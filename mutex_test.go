package unio_test

import (
	"context"
	"errors"
	"iter"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
)

// spawn starts fn as the i-th of several callers, which are in turn a task of a loop, a goroutine, and a task of the next
// loop. It is called by a goroutine.
func spawn(rt *unio.Runtime, i int, fn func()) {
	if i%3 == 1 {
		go fn()
		return
	}
	rt.Go(fn)
}

// asCoroutine runs fn in a coroutine that a task made.
func asCoroutine(t testing.TB, rt *unio.Runtime, fn func()) {
	t.Helper()
	done := make(chan struct{})
	rt.Go(func() {
		defer close(done)
		next, stop := iter.Pull(func(yield func(struct{}) bool) { fn() })
		defer stop()
		next()
	})
	await(t, done, "a coroutine")
}

func TestMutexIsFirstComeFirstServed(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		const n = 30
		var m unio.Mutex
		var order []int
		if err := m.Lock(t.Context()); err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		for i := range n {
			spawn(rt, i, func() {
				if err := m.Lock(context.Background()); err != nil {
					t.Error(err)
				}
				order = append(order, i)
				m.Unlock()
				done <- struct{}{}
			})
			until(t, "it waits", func() bool { return m.Waiting() == i+1 })
		}
		m.Unlock()
		for range n {
			await(t, done, "one who waited")
		}
		if !slices.IsSorted(order) || len(order) != n {
			t.Errorf("order %v", order)
		}
		if !m.TryLock() {
			t.Error("it is not free at the end")
		}
	})
}

// Whoever unlocks and locks again stands behind those who wait already.
func TestMutexIsNotTakenFromThoseWhoWait(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		var m unio.Mutex
		m.Lock(t.Context())
		got := make(chan struct{})
		rt.Go(func() { m.Lock(context.Background()); close(got) })
		until(t, "the task waits", func() bool { return m.Waiting() == 1 })
		m.Unlock()
		if m.TryLock() {
			t.Error("it was taken from a task that waited")
		}
		await(t, got, "the task")
		m.Unlock() // what the task has locked
		if !m.TryLock() {
			t.Error("it is not free")
		}
	})
}

func TestMutexIsHeldAcrossIO(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		backend := serve(t, rt, echo)
		var m unio.Mutex
		shared, err := rt.Dial(t.Context(), "tcp", backend.Addr().String(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer shared.Close()
		ask := func(what string) (string, error) {
			if err := m.Lock(context.Background()); err != nil {
				return "", err
			}
			defer m.Unlock()
			if _, err := shared.Write([]byte(what)); err != nil {
				return "", err
			}
			got := make([]byte, len(what))
			for n := 0; n < len(got); {
				k, err := shared.Read(got[n:])
				if err != nil {
					return "", err
				}
				n += k
			}
			return string(got), nil
		}
		const callers, each = 12, 20
		done := make(chan struct{})
		for i := range callers {
			spawn(rt, i, func() {
				defer func() { done <- struct{}{} }()
				for range each {
					what := string(rune('a'+i)) + "?"
					if got, err := ask(what); got != what || err != nil {
						t.Errorf("asked %q, got %q, %v", what, got, err)
					}
				}
			})
		}
		for range callers {
			await(t, done, "a caller")
		}
		if n := rt.Stats().Stalls; n != 0 {
			t.Errorf("%d stalls", n)
		}
	})
}

func TestMutexErrors(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		var m unio.Mutex
		canceled, cancel := context.WithCancel(context.Background())
		cancel()
		if err := m.Lock(canceled); err != nil {
			t.Errorf("Lock of a free one: %v", err)
		}
		eachCaller(t, rt, func(t testing.TB) {
			wantIs(t, "Lock with a context that has ended", m.Lock(canceled), context.Canceled)
			ctx, cancel := context.WithTimeout(context.Background(), pause)
			defer cancel()
			wantIs(t, "Lock until a deadline", m.Lock(ctx), context.DeadlineExceeded)
		})
		asCoroutine(t, rt, func() { wantIs(t, "Lock in a coroutine", m.Lock(context.Background()), unio.ErrCoroutine) })
		m.Unlock()
		asCoroutine(t, rt, func() {
			if err := m.Lock(context.Background()); err != nil {
				t.Errorf("Lock of a free one in a coroutine: %v", err)
			}
			m.Unlock()
		})
		func() {
			defer func() {
				if recover() == nil {
					t.Error("Unlock of a free one does not panic")
				}
			}()
			m.Unlock()
		}()
		if !m.TryLock() {
			t.Error("it is not free at the end")
		}
	})
}

// Many lock, with contexts that end at any moment, and unlock what others have locked. Whatever happens, one holds it at
// a time, and it is free in the end: a lock that was handed to one who had given up would be lost.
func TestMutexUnderCancellation(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		const callers = 12
		rounds := scale(400, 100)
		var m unio.Mutex
		var held, locked, gaveUp int // held and locked by the Mutex
		var failed atomic.Int32
		done := make(chan int)
		one := func(i int) (gaveUp int) {
			r := rand.New(rand.NewPCG(1, uint64(i)))
			for range rounds {
				ctx, cancel := context.WithCancel(context.Background())
				switch r.IntN(4) {
				case 0:
					go cancel()
				case 1:
					defer cancel()
				}
				err := m.Lock(ctx)
				own := ctx.Err()
				cancel()
				if err != nil {
					if !errors.Is(err, context.Canceled) || own == nil {
						failed.Add(1)
					}
					gaveUp++
					continue
				}
				locked++
				if held++; held != 1 {
					failed.Add(1)
				}
				if r.IntN(8) == 0 {
					unio.Sleep(time.Microsecond)
				}
				held--
				if r.IntN(8) == 0 {
					rt.Go(m.Unlock)
				} else {
					m.Unlock()
				}
			}
			return gaveUp
		}
		for i := range callers {
			spawn(rt, i, func() { done <- one(i) })
		}
		for range callers {
			gaveUp += await(t, done, "a caller")
		}
		ctx, cancel := context.WithTimeout(t.Context(), bound)
		defer cancel()
		if err := m.Lock(ctx); err != nil {
			t.Fatalf("the lock is lost: %v", err)
		}
		if locked+gaveUp != callers*rounds || failed.Load() != 0 {
			t.Errorf("%d locked, %d gave up, %d failures", locked, gaveUp, failed.Load())
		}
		t.Logf("%d locked, %d gave up", locked, gaveUp)
	})
}

func TestCloseEndsTasksThatWaitForEachOther(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		var m unio.Mutex
		m.Lock(t.Context()) // and nobody unlocks it
		full, empty := unio.NewChan[int](1), unio.NewChan[int](1)
		full.TrySend(1)
		waits := []func() error{
			func() error { return m.Lock(context.Background()) },
			func() error { return m.Lock(t.Context()) },
			func() error { return full.Send(context.Background(), 2) },
			func() error { _, err := empty.Recv(context.Background()); return err },
			func() error {
				g, ctx := unio.NewGroup(context.Background())
				g.Go(func() error { return m.Lock(ctx) })
				return g.Wait()
			},
			func() error {
				var g unio.Group
				g.SetLimit(1)
				for range 2 {
					g.Go(func() error { _, err := empty.Recv(context.Background()); return err })
				}
				return g.Wait()
			},
		}
		ended := make(chan error, 2*len(waits))
		for range 2 {
			for _, wait := range waits {
				rt.Go(func() {
					err := wait()
					if again := wait(); !errors.Is(again, net.ErrClosed) {
						t.Errorf("a wait that began later: %v", again)
					}
					ended <- err
				})
			}
		}
		until(t, "they wait", func() bool {
			return m.Waiting() == 6 && full.WaitingSenders() == 2 && empty.WaitingReceivers() == 4
		})
		start := time.Now()
		if err := rt.Close(); err != nil {
			t.Error(err)
		}
		if d := time.Since(start); d > bound/2 {
			t.Errorf("Close took %v", d)
		}
		for range cap(ended) {
			wantIs(t, "a wait", await(t, ended, "a task"), net.ErrClosed)
		}
		if n := m.Waiting() + full.WaitingSenders() + empty.WaitingReceivers(); n != 0 {
			t.Errorf("%d still wait", n)
		}
	})
}

// The lock passes between runtimes too.
func TestMutexOfTwoRuntimes(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		other, err := unio.New(&unio.Options{Engine: rt.Report().Engine, Loops: 1})
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		var m unio.Mutex
		n := 0
		done := make(chan struct{})
		for i := range 4 {
			[]*unio.Runtime{rt, other}[i%2].Go(func() {
				for range 200 {
					if err := m.Lock(context.Background()); err != nil {
						t.Error(err)
						break
					}
					n++
					m.Unlock()
				}
				done <- struct{}{}
			})
		}
		for range 4 {
			await(t, done, "a task")
		}
		if n != 4*200 {
			t.Errorf("%d", n)
		}
	})
}

// Two tasks that wait for each other hold no loop. The log names both, once.
func TestDeadlockIsNamedByTheWatchdog(t *testing.T) {
	logged(t, unio.Options{Loops: 2, StallLimit: 50 * time.Millisecond},
		func(t *testing.T, rt *unio.Runtime, log *syncBuffer) {
			before := len(log.String())
			line := func() string { return log.String()[before:] }
			var a, b unio.Mutex
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			ended := make(chan error, 2)
			both := make(chan struct{}, 2)
			rt.Go(func() { ended <- takesAThenB(ctx, &a, &b, both) })
			rt.Go(func() { ended <- takesBThenA(ctx, &a, &b, both) })
			const text = "waits for a lock"
			until(t, "both are named", func() bool { return strings.Count(line(), text) == 2 })
			for _, part := range []string{"for=Mutex", "waited=", "takesAThenB", "takesBThenA", "unio.(*Mutex).Lock"} {
				if !strings.Contains(line(), part) {
					t.Errorf("there is no %q in %s", part, line())
				}
			}
			time.Sleep(4 * 50 * time.Millisecond) // several looks of the watchdog
			if n := strings.Count(line(), text); n != 2 {
				t.Errorf("%d lines", n)
			}
			cancel()
			// One of them may have got what the other gave back.
			wantIs(t, "Lock", errors.Join(await(t, ended, "a task"), await(t, ended, "the other task")), context.Canceled)
			if n := rt.Stats().Stalls; n != 0 {
				t.Errorf("%d stalls", n)
			}
		})
}

func takesAThenB(ctx context.Context, a, b *unio.Mutex, both chan struct{}) error {
	a.Lock(ctx)
	defer a.Unlock()
	meet2(both)
	return b.Lock(ctx)
}

func takesBThenA(ctx context.Context, a, b *unio.Mutex, both chan struct{}) error {
	b.Lock(ctx)
	defer b.Unlock()
	meet2(both)
	return a.Lock(ctx)
}

// meet2 returns when two have called it.
func meet2(both chan struct{}) {
	both <- struct{}{}
	for len(both) < 2 {
		unio.Sleep(time.Millisecond)
	}
}
