package unio_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
)

func TestGroupLimitAndNesting(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		eachCaller(t, rt, func(t testing.TB) {
			var g unio.Group
			const limit, n = 3, 50
			g.SetLimit(limit)
			var running, most, ran atomic.Int32
			for range n {
				g.Go(func() error {
					if now := running.Add(1); now > most.Load() {
						most.Store(now)
					}
					unio.Sleep(time.Microsecond)
					running.Add(-1)
					ran.Add(1)
					return nil
				})
			}
			if err := g.Wait(); err != nil || ran.Load() != n || most.Load() > limit {
				t.Errorf("%d ran, %d at a time, %v", ran.Load(), most.Load(), err)
			}
			g.SetLimit(0)
			failed := errors.New("on purpose")
			for range 3 { // functions start functions
				g.Go(func() error {
					g.Go(func() error {
						unio.Sleep(time.Microsecond)
						g.Go(func() error { ran.Add(1); return failed })
						return nil
					})
					return nil
				})
			}
			wantIs(t, "Wait", g.Wait(), failed)
			if ran.Load() != n+3 {
				t.Errorf("%d ran", ran.Load())
			}
		})
	})
}

func TestGroupInACoroutine(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		var g unio.Group
		g.SetLimit(1)
		release := make(chan struct{})
		g.Go(func() error { <-release; return nil })
		asCoroutine(t, rt, func() {
			g.Go(func() error { t.Error("it ran above the limit"); return nil })
			wantIs(t, "Wait in a coroutine", g.Wait(), unio.ErrCoroutine)
		})
		close(release)
		wantIs(t, "Wait after Go in a coroutine", g.Wait(), unio.ErrCoroutine)
	})
}

// Tasks of several loops and goroutines put functions into one Group, and several wait for it.
func TestGroupOfManyCallers(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		var g unio.Group
		g.SetLimit(4)
		const callers, each = 6, 30
		var ran atomic.Int32
		var callersLeft atomic.Int32
		callersLeft.Store(callers)
		g.Go(func() error { // the Group is not done before all have called
			for callersLeft.Load() > 0 {
				unio.Sleep(time.Microsecond)
			}
			return nil
		})
		done := make(chan error)
		for i := range callers {
			spawn(rt, i, func() {
				for range each {
					g.Go(func() error { unio.Sleep(0); ran.Add(1); return nil })
				}
				callersLeft.Add(-1)
				done <- g.Wait()
			})
		}
		for range callers {
			if err := await(t, done, "a caller"); err != nil {
				t.Error(err)
			}
		}
		if ran.Load() != callers*each || g.Waiting() != 0 {
			t.Errorf("%d ran, %d wait", ran.Load(), g.Waiting())
		}
	})
}

// The failure: whoever waited in Go got the place of a function that ended, whatever the limit was by then, and no more
// than that.
func TestGroupLimitHoldsForThoseWhoWait(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		var g unio.Group
		var running, over atomic.Int32
		release := make(chan struct{})
		hold := func() error {
			running.Add(1)
			<-release
			over.Add(1)
			running.Add(-1)
			return nil
		}
		for range 4 {
			g.Go(hold)
		}
		until(t, "four run", func() bool { return running.Load() == 4 })
		g.SetLimit(1)
		const waiters = 5
		began := make(chan int32, waiters)
		for range waiters {
			go g.Go(func() error { began <- over.Load(); return hold() })
		}
		until(t, "the others wait", func() bool { return g.Waiting() == waiters })
		for range 4 {
			release <- struct{}{}
		}
		if n := await(t, began, "the first who waited"); n != 4 {
			t.Errorf("with a limit of 1 a function began when %d of 4 were over", n)
		}
		g.SetLimit(3)
		until(t, "three run", func() bool { return running.Load() == 3 && g.Waiting() == 2 })
		g.SetLimit(0)
		until(t, "all run", func() bool { return running.Load() == waiters })
		close(release)
		if err := g.Wait(); err != nil || over.Load() != 4+waiters {
			t.Errorf("%d were over, %v", over.Load(), err)
		}
	})
}

// The failure: the first who came back from Wait took the errors along, and the others heard of none.
func TestGroupTellsAllWhoWait(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		var g unio.Group
		bad := errors.New("on purpose")
		for range 2 { // the Group is ready again
			release := make(chan struct{})
			g.Go(func() error { <-release; return bad })
			const waiters = 4
			errs := make(chan error, waiters)
			for i := range waiters {
				spawn(rt, i, func() { errs <- g.Wait() })
			}
			until(t, "all wait", func() bool { return g.Waiting() == waiters })
			close(release)
			for range waiters {
				wantIs(t, "Wait", await(t, errs, "a Wait"), bad)
			}
			if err := g.Wait(); err != nil {
				t.Errorf("Wait after Wait: %v", err)
			}
		}
	})
}

func TestGroupPanicIsWhatWaitReturns(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		got := make(chan error, 2)
		cause := errors.New("the cause")
		rt.Go(func() {
			g, ctx := unio.NewGroup(context.Background())
			g.Go(func() error { panic(cause) })
			g.Go(func() error { <-ctx.Done(); return nil }) // the loop runs it after the first
			got <- g.Wait()
			got <- context.Cause(ctx)
		})
		for _, what := range []string{"Wait", "Cause"} {
			wantIs(t, what, await(t, got, what), cause)
		}
	})
}

func TestGroupContext(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		eachCaller(t, rt, func(t testing.TB) {
			g, ctx := unio.NewGroup(context.Background())
			var never unio.Chan[int]
			first := errors.New("first")
			g.Go(func() error { _, err := never.Recv(ctx); return err })
			g.Go(func() error { unio.Sleep(time.Millisecond); return first })
			err := g.Wait()
			wantIs(t, "Wait", err, first)
			wantIs(t, "Wait", err, context.Canceled)
			wantIs(t, "Cause", context.Cause(ctx), first)
			g, ctx = unio.NewGroup(context.Background())
			g.Go(func() error { return ctx.Err() })
			if err := g.Wait(); err != nil {
				t.Error(err)
			}
			wantIs(t, "the context after Wait", ctx.Err(), context.Canceled)
		})
	})
}

// backends are servers of which each answers "ok", says nothing, or closes at once.
func backends(t testing.TB, rt *unio.Runtime, says string) (addrs []string) {
	for _, how := range says {
		ln := serve(t, rt, func(c *unio.Conn) {
			switch how {
			case 'o':
				c.Write([]byte("ok"))
			case 's':
				io.Copy(io.Discard, c)
			}
		})
		addrs = append(addrs, ln.Addr().String())
	}
	return addrs
}

// ask dials a backend and reads its answer. The connection ends with the context.
func ask(ctx context.Context, rt *unio.Runtime, addr string) (string, error) {
	c, err := rt.Dial(ctx, "tcp", addr, nil)
	if err != nil {
		return "", err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	p := make([]byte, 2)
	if _, err := io.ReadFull(c, p); err != nil {
		return "", fmt.Errorf("%s: %w", addr, err)
	}
	return string(p), nil
}

func TestGroupFanOut(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		eachCaller(t, rt, func(t testing.TB) {
			// All: the first who fails ends the others.
			g, ctx := unio.NewGroup(context.Background())
			for _, addr := range backends(t, rt, "oscs") {
				g.Go(func() error { _, err := ask(ctx, rt, addr); return err })
			}
			err := g.Wait()
			wantIs(t, "all", err, io.EOF)
			if !errors.Is(err, net.ErrClosed) && !errors.Is(err, context.Canceled) {
				t.Errorf("the backends that say nothing: %v", err)
			}

			// The first: who has an answer ends the others.
			first := unio.NewChan[string](1)
			g, ctx = unio.NewGroup(context.Background())
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			for _, addr := range backends(t, rt, "sos") {
				g.Go(func() error {
					if answer, err := ask(ctx, rt, addr); err == nil {
						first.TrySend(answer)
						cancel()
					}
					return nil
				})
			}
			if err := g.Wait(); err != nil {
				t.Error(err)
			}
			if answer, ok := first.TryRecv(); answer != "ok" || !ok {
				t.Errorf("%q, %v", answer, ok)
			}
		})
	})
}
