package unio_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/engine/guest"
	"github.com/unio-go/unio/internal/engine/stdengine"
	"github.com/unio-go/unio/mem"
	"github.com/unio-go/unio/uniotest"
)

func TestOptionsThatAreWrong(t *testing.T) {
	for _, o := range []unio.Options{{Loops: -1}, {BufBytes: -1}, {BufBytes: 1}, {Engine: "kqueue"}, {WaitInPlace: true}} {
		if rt, err := unio.New(&o); err == nil {
			rt.Close()
			t.Errorf("%+v: no error", o)
		}
	}
}

// An option that is out of its bounds is refused by its name, before a thread or memory is taken.
func TestOptionsOutOfBounds(t *testing.T) {
	for _, c := range []struct {
		o    unio.Options
		want string
	}{
		{unio.Options{Loops: 100_000}, "unio: Options.Loops is 100000: it is a number of threads up to 1024"},
		{unio.Options{BufBytes: 4095}, "unio: Options.BufBytes is 4095: it is a size in bytes from 4096 to 1099511627776"},
		{unio.Options{BufBytes: 1<<40 + 1}, "unio: Options.BufBytes is 1099511627777: "},
	} {
		rt, err := unio.New(&c.o)
		if err == nil {
			rt.Close()
		}
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
	rt, err := unio.New(&unio.Options{Loops: 1, BufBytes: 4096})
	if err != nil {
		t.Fatal(err)
	}
	rt.Close()
}

func TestEngineThatTheEnvironmentNames(t *testing.T) {
	for _, e := range uniotest.Engines() {
		if err := uniotest.Refused(e); err != nil {
			t.Logf("not here: %v", err)
			continue
		}
		t.Setenv(unio.EngineVariable, string(e))
		if r := uniotest.New(t, nil).Report(); r.Engine != e || !strings.Contains(r.Reason, unio.EngineVariable) {
			t.Errorf("%s: %+v", e, r)
		}
		if r := uniotest.New(t, &unio.Options{Engine: unio.Std}).Report(); r.Engine != unio.Std {
			t.Errorf("the program's choice does not come first: %+v", r)
		}
	}
	t.Setenv(unio.EngineVariable, "auto")
	if r := uniotest.New(t, nil).Report(); !slices.Contains(uniotest.Engines(), r.Engine) || r.Reason == "" {
		t.Errorf("%+v", r)
	}
}

// Where nobody chooses, the connections of goroutines need not be on the engine of the others; they work the same.
func TestGoroutinesWhereNobodyChoosesAnEngine(t *testing.T) {
	t.Setenv(unio.EngineVariable, "")
	rt := uniotest.New(t, nil)
	r := rt.Report()
	want := r.Engine
	if r.Engine == unio.Uring && runtime.GOMAXPROCS(0) > 1 && uniotest.Refused(unio.Epoll) == nil {
		want = unio.Epoll
	}
	if r.Goroutines != want {
		t.Errorf("goroutines are served by %s, want %s", r.Goroutines, want)
	}
	ln := listen(t, rt, nil)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c, err := ln.AcceptConn()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		echo(c)
	}()
	c, err := rt.Dial(context.Background(), "tcp", ln.Addr().String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	exchange(t, c)
	c.Close()
	await(t, ended, "the other side")
}

func TestUnknownEngineInTheEnvironmentIsAnError(t *testing.T) {
	t.Setenv(unio.EngineVariable, "iouring")
	rt, err := unio.New(nil)
	if err == nil {
		rt.Close()
		t.Fatal("no error")
	}
	for _, word := range []string{unio.EngineVariable, `"iouring"`, "uring", "epoll", "std"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%v: does not say %s", err, word)
		}
	}
}

// An engine that is not in the binary is an error that says so, never another engine.
func TestEngineThatTheBuildLeavesOut(t *testing.T) {
	for _, e := range []unio.Engine{unio.Uring, unio.Epoll} {
		if slices.Contains(uniotest.Engines(), e) {
			continue
		}
		rt, err := unio.New(&unio.Options{Engine: e})
		if err == nil {
			rt.Close()
			t.Errorf("%s: no error", e)
		} else if !strings.Contains(err.Error(), "not in this binary") {
			t.Errorf("%s: %v", e, err)
		}
	}
}

func TestReportAndStats(t *testing.T) {
	uniotest.EachEngineWith(t, &unio.Options{Loops: 3}, func(t *testing.T, rt *unio.Runtime) {
		r := rt.Report()
		if r.Loops != 3 || !strings.Contains(r.Reason, "Options.Engine") || runtime.GOOS == "linux" && r.Kernel == "" {
			t.Errorf("%+v", r)
		}
		before := rt.Stats()
		ln := serve(t, rt, echo)
		p := dialNet(t, ln)
		exchange(t, p)
		var s unio.Stats
		// A loop tells what it has counted at the end of its turn, when the echo may have arrived already.
		until(t, fmt.Sprintf("the counters have gone up from %+v", before), func() bool {
			s = rt.Stats()
			return s.Conns == 1 && s.Tasks == 1 && s.Ops > before.Ops && s.Turns > before.Turns && s.Mails > before.Mails
		})
		b, err := rt.Alloc(t.Context(), 5000)
		if err != nil {
			t.Fatal(err)
		}
		if n := rt.Stats().BuffersOut; n < 1 {
			t.Errorf("%d buffers out with one allocated", n)
		}
		b.Release()
	})
}

func TestTwoRuntimesInOneProcess(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, a *unio.Runtime) {
		b, err := unio.New(nil) // of the best engine
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { b.Close() })
		la, lb := serve(t, a, echo), serve(t, b, echo)
		for _, dial := range []struct {
			rt *unio.Runtime
			to *unio.Listener
		}{{a, lb}, {b, la}} {
			// A task of one runtime uses a connection of the other: its calls come from a foreign loop.
			for _, from := range []*unio.Runtime{a, b} {
				eachCaller(t, from, func(t testing.TB) {
					c, err := dial.rt.Dial(context.Background(), "tcp", dial.to.Addr().String(), nil)
					if err != nil {
						t.Fatal(err)
					}
					defer c.Close()
					exchange(t, c)
				})
			}
		}
	})
}

func TestAllocWaitsForARelease(t *testing.T) {
	uniotest.EachEngineWith(t, &unio.Options{Loops: 2, BufBytes: 32 << 20}, func(t *testing.T, rt *unio.Runtime) {
		eachCaller(t, rt, func(t testing.TB) {
			var all []*mem.Buf
			for b, ok := rt.Pool().TryGet(mem.MaxBytes); ok; b, ok = rt.Pool().TryGet(mem.MaxBytes) {
				all = append(all, b)
			}
			ctx, cancel := context.WithTimeout(context.Background(), pause)
			defer cancel()
			_, err := rt.Alloc(ctx, mem.MaxBytes)
			wantIs(t, "Alloc until a deadline", err, context.DeadlineExceeded)
			time.AfterFunc(pause, all[0].Release)
			b, err := rt.Alloc(context.Background(), mem.MaxBytes)
			if err != nil {
				t.Fatal(err)
			}
			b.Release()
			for _, b := range all[1:] {
				b.Release()
			}
			for _, n := range []int{0, -1, mem.MaxBytes + 1} {
				if _, err := rt.Alloc(context.Background(), n); err == nil {
					t.Errorf("a buffer of %d bytes", n)
				}
			}
		})
	})
}

func TestShutdownLetsHandlersFinish(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		started := make(chan struct{})
		ln := serve(t, rt, func(c *unio.Conn) {
			close(started)
			unio.Sleep(2 * pause)
			c.Write([]byte("finished"))
		})
		p := dialNet(t, ln)
		await(t, started, "the handler")
		if err := rt.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		got := make([]byte, 8)
		if n, err := p.Read(got); string(got[:n]) != "finished" || err != nil {
			t.Errorf("%q, %v", got[:n], err)
		}
	})
}

func TestShutdownIsCutShortByItsContext(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		ended := make(chan error, 1)
		started := make(chan struct{})
		ln := serve(t, rt, func(c *unio.Conn) {
			close(started)
			_, err := c.Recv()
			ended <- err
		})
		dialNet(t, ln)
		await(t, started, "the handler")
		ctx, cancel := context.WithTimeout(t.Context(), pause)
		defer cancel()
		wantIs(t, "Shutdown", rt.Shutdown(ctx), context.DeadlineExceeded)
		wantIs(t, "Recv", await(t, ended, "the handler's end"), net.ErrClosed)
	})
}

func TestCloseAndShutdownInATaskAreRefused(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		errs := make(chan error, 2)
		rt.Go(func() { errs <- rt.Close(); errs <- rt.Shutdown(context.Background()) })
		for range 2 {
			if err := await(t, errs, "the task"); err == nil || !strings.Contains(err.Error(), "task") {
				t.Errorf("%v", err)
			}
		}
	})
}

// TestCloseInEveryState closes a runtime while something waits in each call that waits.
func TestCloseInEveryState(t *testing.T) {
	type state struct {
		name string
		wait func(rt *unio.Runtime, c *unio.Conn) error
		want error
	}
	states := []state{
		{"Recv", func(_ *unio.Runtime, c *unio.Conn) error { _, err := c.Recv(); return err }, net.ErrClosed},
		{"Read", func(_ *unio.Runtime, c *unio.Conn) error { _, err := c.Read(make([]byte, 1)); return err }, net.ErrClosed},
		{"Read with a deadline", func(_ *unio.Runtime, c *unio.Conn) error {
			c.SetDeadline(time.Now().Add(time.Hour))
			_, err := c.Read(make([]byte, 1))
			return err
		}, net.ErrClosed},
		{"Accept", func(rt *unio.Runtime, _ *unio.Conn) error {
			ln, err := rt.Listen("tcp", "127.0.0.1:0", nil)
			if err == nil {
				_, err = ln.Accept()
			}
			return err
		}, net.ErrClosed},
		{"Serve", func(rt *unio.Runtime, _ *unio.Conn) error {
			ln, err := rt.Listen("tcp", "127.0.0.1:0", nil)
			if err == nil {
				err = ln.Serve(echo)
			}
			return err
		}, net.ErrClosed},
		{"Group", func(_ *unio.Runtime, c *unio.Conn) error {
			var g unio.Group
			g.Go(func() error { _, err := c.Recv(); return err })
			return g.Wait()
		}, net.ErrClosed},
	}
	for _, st := range states {
		t.Run(st.name, func(t *testing.T) {
			uniotest.EachEngineWith(t, nil, func(t *testing.T, rt *unio.Runtime) {
				ended := make(chan error, 2)
				kept := make(chan *unio.Conn, 1)
				ln := serve(t, rt, func(c *unio.Conn) {
					c.Keep()
					kept <- c
					ended <- st.wait(rt, c)
				})
				dialNet(t, ln)
				c := await(t, kept, "the handler")
				go func() { ended <- st.wait(rt, c) }()
				time.Sleep(pause)
				start := time.Now()
				if err := rt.Close(); err != nil {
					t.Error(err)
				}
				if d := time.Since(start); d > bound/2 {
					t.Errorf("Close took %v", d)
				}
				for range 2 {
					wantIs(t, st.name, await(t, ended, "the call"), st.want)
				}
			})
		})
	}
}

func TestCloseWakesTasksThatSleepOrWaitForBuffers(t *testing.T) {
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1, BufBytes: 32 << 20}, func(t *testing.T, rt *unio.Runtime) {
		var all []*mem.Buf
		for b, ok := rt.Pool().TryGet(mem.MaxBytes); ok; b, ok = rt.Pool().TryGet(mem.MaxBytes) {
			all = append(all, b)
		}
		var ended atomic.Int32
		end := func() {
			if ended.Add(1) == 2 {
				for _, b := range all {
					b.Release()
				}
			}
		}
		rt.Go(func() { unio.Sleep(time.Hour); end() })
		rt.Go(func() {
			_, err := rt.Alloc(context.Background(), mem.MaxBytes)
			wantIs(t, "Alloc", err, net.ErrClosed)
			end()
		})
		time.Sleep(pause)
		start := time.Now()
		if err := rt.Close(); err != nil {
			t.Error(err)
		}
		if d := time.Since(start); d > bound/2 {
			t.Errorf("Close took %v", d)
		}
		if ended.Load() != 2 {
			t.Errorf("%d of 2 tasks ended", ended.Load())
		}
	})
}

func TestAllocInACoroutineIsRefusedWhereItHadToWait(t *testing.T) {
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1, BufBytes: 32 << 20}, func(t *testing.T, rt *unio.Runtime) {
		ctx, cancel := context.WithTimeout(t.Context(), 100*pause)
		defer cancel()
		asCoroutine(t, rt, func() {
			b, err := rt.Alloc(ctx, 100)
			if err != nil {
				t.Error(err)
			} else {
				b.Release()
			}
		})
		for b, ok := rt.Pool().TryGet(mem.MaxBytes); ok; b, ok = rt.Pool().TryGet(mem.MaxBytes) {
			defer b.Release()
		}
		asCoroutine(t, rt, func() {
			_, err := rt.Alloc(ctx, mem.MaxBytes)
			wantIs(t, "Alloc", err, unio.ErrCoroutine)
			if _, err = rt.Alloc(ctx, 0); err == nil || errors.Is(err, unio.ErrCoroutine) {
				t.Errorf("Alloc of nothing: %v", err)
			}
		})
	})
}

// Close returns in its time also when a task holds a loop, which is the last that it waits for.
func TestCloseTakesNoLongerThanItsLimit(t *testing.T) {
	const limit = 2200 * time.Millisecond
	unio.ShortClose(t, limit)
	var group unio.Group
	for _, e := range uniotest.Engines() {
		group.Go(func() error {
			rt, err := unio.New(&unio.Options{Engine: e, Loops: 1})
			if err != nil {
				return err
			}
			started, ended := make(chan struct{}), make(chan struct{})
			release := make(chan struct{})
			rt.Go(func() {
				defer close(ended)
				close(started)
				<-release
			})
			<-started
			begin := time.Now()
			err = rt.Close()
			took := time.Since(begin)
			close(release)
			<-ended
			if err == nil || !strings.Contains(err.Error(), "holds it") || took > limit+bound/2 {
				t.Errorf("%s: Close took %v: %v", e, took, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
}

// A Runtime that New has not made says so in the caller, where it can be recovered.
func TestRuntimeThatWasNotMadeByNew(t *testing.T) {
	var rt unio.Runtime
	_, errListen := rt.Listen("tcp", "127.0.0.1:0", nil)
	_, errDial := rt.Dial(t.Context(), "tcp", "127.0.0.1:1", nil)
	_, errFile := rt.OpenFile("/", os.O_RDONLY, 0, nil)
	_, errFS := rt.FS("/")
	for what, err := range map[string]error{
		"Listen": errListen, "Dial": errDial, "OpenFile": errFile, "FS": errFS, "GoOn": rt.GoOn(0, func() {}),
		"Close": rt.Close(), "Shutdown": rt.Shutdown(t.Context()),
	} {
		if err == nil || !strings.Contains(err.Error(), "a Runtime is made by New") {
			t.Errorf("%s: %v", what, err)
		}
	}
	panics(t, "Go", func() { rt.Go(func() {}) })
}

// What can never run is refused at the call, and not where it would have run.
func TestCallsWithoutAFunction(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		eachCaller(t, rt, func(t testing.TB) {
			panics(t, "Go", func() { rt.Go(nil) })
			var g unio.Group
			panics(t, "Group.Go", func() { g.Go(nil) })
			if err := g.Wait(); err != nil {
				t.Error(err)
			}
			if err := rt.GoOn(0, nil); err == nil || !strings.Contains(err.Error(), "needs a function") {
				t.Errorf("GoOn: %v", err)
			}
		})
		got := make(chan error, 3)
		ln := serve(t, rt, func(c *unio.Conn) {
			got <- c.Await(0, nil)
			got <- c.Await(-5, func(*unio.Conn, error) {})
			_, err := c.Read(make([]byte, 1)) // nothing waits
			got <- err
		})
		p := dialNet(t, ln)
		io.WriteString(p, "x")
		for _, want := range []string{"Await needs a function", "Await for -5ns: 0 is no limit"} {
			if err := await(t, got, "Await"); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %s", err, want)
			}
		}
		if err := await(t, got, "Recv"); err != nil {
			t.Error(err)
		}
		if n := rt.Stats().Panics; n != 0 {
			t.Errorf("%d tasks have panicked", n)
		}
	})
}

func TestCallsAfterRuntimeClose(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		ln := serve(t, rt, echo)
		c, err := rt.Dial(t.Context(), "tcp", ln.Addr().String(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := rt.Close(); err != nil {
			t.Fatal(err)
		}
		if err := rt.Close(); err != nil {
			t.Errorf("a second Close: %v", err)
		}
		_, errRecv := c.Recv()
		_, errWrite := c.Write([]byte("x"))
		_, errAccept := ln.Accept()
		_, errDial := rt.Dial(context.Background(), "tcp", ln.Addr().String(), nil)
		_, errListen := rt.Listen("tcp", "127.0.0.1:0", nil)
		_, errAlloc := rt.Alloc(t.Context(), 1)
		for what, err := range map[string]error{
			"Recv": errRecv, "Write": errWrite, "Accept": errAccept, "Dial": errDial, "Listen": errListen, "Alloc": errAlloc,
			"Conn.Close": c.Close(), "Listener.Close": ln.Close(),
		} {
			wantIs(t, what, err, net.ErrClosed)
		}
		rt.Go(func() { t.Error("a task began") })
		rt.Stats()
		rt.Report()
	})
}

func TestCloseFromManyGoroutines(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		ln := serve(t, rt, echo)
		errs := make(chan error)
		for range 4 {
			dialNet(t, ln)
		}
		for range 4 {
			go func() { errs <- rt.Close() }()
		}
		for range 4 {
			if err := await(t, errs, "Close"); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestGroupJoinsErrors(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		eachCaller(t, rt, func(t testing.TB) {
			var g unio.Group
			one, two := errors.New("one"), errors.New("two")
			for range 2 { // it is ready again after Wait
				g.Go(func() error { unio.Sleep(time.Millisecond); return one })
				g.Go(func() error { return nil })
				g.Go(func() error { return two })
				err := g.Wait()
				wantIs(t, "Wait", err, one)
				wantIs(t, "Wait", err, two)
			}
			if err := g.Wait(); err != nil {
				t.Errorf("Wait with nothing to wait for: %v", err)
			}
			g.Go(func() error { runtime.Goexit(); return nil })
			if err := g.Wait(); err == nil {
				t.Error("Goexit is no error")
			}
		})
		failed := make(chan error, 1)
		rt.Go(func() {
			var g unio.Group
			g.Go(func() error { panic("on purpose") })
			failed <- g.Wait()
		})
		if err := await(t, failed, "the group"); err == nil {
			t.Error("a panic is no error")
		}
		if n := rt.Stats().Panics; n != 1 {
			t.Errorf("%d panics counted", n)
		}
	})
}

func TestOffloadRunsElsewhereAndPassesPanicsOn(t *testing.T) {
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		eachCaller(t, rt, func(t testing.TB) {
			ran := false
			unio.Offload(func() { time.Sleep(time.Millisecond); ran = true })
			if !ran {
				t.Error("it did not run")
			}
			func() {
				defer func() {
					if r := recover(); r != "on purpose" {
						t.Errorf("recovered %v", r)
					}
				}()
				unio.Offload(func() { panic("on purpose") })
			}()
		})
		// The only loop goes on while something is offloaded.
		release := make(chan struct{})
		rt.Go(func() { unio.Offload(func() { <-release }) })
		other := make(chan struct{})
		rt.Go(func() { close(other) })
		await(t, other, "another task")
		close(release)
	})
}

func TestSleepKeepsItsTimeAndOrder(t *testing.T) {
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		eachCaller(t, rt, func(t testing.TB) {
			for _, d := range []time.Duration{-1, 0, time.Millisecond, pause} {
				start := time.Now()
				unio.Sleep(d)
				if got := time.Since(start); got < d || got > d+bound/2 {
					t.Errorf("Sleep(%v) took %v", d, got)
				}
			}
		})
		const n = 200
		var began [n + 1]time.Time // by task; each begins when the one before it sleeps
		var length [n]time.Duration
		var order []int
		done := make(chan struct{})
		rt.Go(func() {
			defer close(done)
			var g unio.Group
			for i := range n {
				length[i] = pause + time.Duration((i*37)%n)*200*time.Microsecond // in no order
				g.Go(func() error {
					began[i] = time.Now()
					unio.Sleep(length[i])
					order = append(order, i)
					return nil
				})
			}
			g.Go(func() error { began[n] = time.Now(); return nil })
			g.Wait()
		})
		await(t, done, "the sleepers")
		var due time.Time // no earlier than this was the latest of those that have woken due
		for _, i := range order {
			if began[i+1].Add(length[i]).Before(due) {
				t.Errorf("task %d woke after one that was due later", i)
			}
			if d := began[i].Add(length[i]); d.After(due) {
				due = d
			}
		}
	})
}

func TestGoOnStartsTasksOnTheLoopThatIsNamed(t *testing.T) {
	uniotest.EachEngineWith(t, &unio.Options{Loops: 2}, func(t *testing.T, rt *unio.Runtime) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		type result struct {
			loop int
			err  error
		}
		got := make(chan result, 1)
		for i := range 2 {
			for _, from := range []string{"goroutine", "the other loop", "the same loop"} {
				ask := func() {
					err := rt.GoOn(i, func() {
						c, err := rt.Dial(t.Context(), "tcp", ln.Addr().String(), nil)
						if err != nil {
							got <- result{err: err}
							return
						}
						got <- result{c.Loop(), c.Close()}
					})
					if err != nil {
						got <- result{err: err}
					}
				}
				switch from {
				case "goroutine":
					ask()
				case "the other loop":
					rt.GoOn(1-i, ask)
				default:
					rt.GoOn(i, ask)
				}
				if r := await(t, got, "the task"); r.err != nil || r.loop != i {
					t.Errorf("a task started from %s on loop %d ran on %d: %v", from, i, r.loop, r.err)
				}
			}
		}
		for _, i := range []int{-1, 2} {
			if rt.GoOn(i, func() { t.Error("a task began on a loop that there is not") }) == nil {
				t.Errorf("GoOn(%d) is no error with two loops", i)
			}
		}
		rt.Close()
		if err := rt.GoOn(0, func() { t.Error("a task began") }); !errors.Is(err, net.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	})
}

// A loop that sleeps in place is woken by mail, by data and by the garbage collector as others are: were a wake-up lost, each
// of these would take the 5 ms of such a sleep.
func TestLoopsThatWaitInPlaceAreWoken(t *testing.T) {
	const rounds = 1000
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(max(runtime.GOMAXPROCS(0), 2)))
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1, WaitInPlace: true}, func(t *testing.T, rt *unio.Runtime) {
		c := dialNet(t, serve(t, rt, echo))
		began := time.Now()
		ran := make(chan struct{})
		for range rounds {
			if err := rt.GoOn(0, func() { ran <- struct{}{} }); err != nil {
				t.Fatal(err)
			}
			await(t, ran, "the task")
			if _, err := c.Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
		}
		if d := time.Since(began); d > rounds*5*time.Millisecond {
			t.Errorf("%d messages and as many mails took %v", rounds, d)
		}
		began = time.Now()
		for range 20 {
			runtime.GC()
		}
		if d := time.Since(began); d > 20*500*time.Millisecond {
			t.Errorf("20 collections beside a quiet loop took %v", d)
		}
	})
}

func TestShutdownLetsATaskFinishThatHasJustBeenStarted(t *testing.T) {
	const nap = 2 * time.Millisecond
	uniotest.EachEngine(t, func(t *testing.T, one *unio.Runtime) {
		for range 10 {
			rt := uniotest.New(t, &unio.Options{Engine: one.Report().Engine, Loops: 2})
			var slept atomic.Int64
			begun := time.Now()
			rt.Go(func() {
				unio.Sleep(nap)
				slept.Store(int64(time.Since(begun)))
			})
			if err := rt.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
			if d := time.Duration(slept.Load()); d < nap {
				t.Fatalf("the task ended after %v", d)
			}
		}
	})
}

// A coroutine that a task made has the task's thread, so that it waited for itself.
func TestCloseAndShutdownInACoroutineAreRefused(t *testing.T) {
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		asCoroutine(t, rt, func() {
			ctx, cancel := context.WithTimeout(t.Context(), pause)
			defer cancel()
			for _, err := range []error{rt.Shutdown(ctx), rt.Close()} {
				if err == nil || !strings.Contains(err.Error(), "a task cannot") {
					t.Error(err)
				}
			}
		})
	})
}

// The listener went on for all of the Shutdown when its loop was held at the beginning.
func TestShutdownClosesAListenerWhoseLoopIsHeld(t *testing.T) {
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1, StallLimit: 50 * time.Millisecond}, func(t *testing.T, rt *unio.Runtime) {
		ln, held, release := serveHeld(t, rt)
		p := dialNet(t, ln)
		await(t, held, "the handler")
		down := make(chan error, 1)
		go func() { down <- rt.Shutdown(t.Context()) }()
		until(t, "the loop is found held", func() bool { return rt.Stats().Stalls > 0 })
		time.Sleep(4 * pause)
		close(release)
		exchange(t, p)
		until(t, "the port is closed", func() bool {
			q, err := net.Dial("tcp", ln.Addr().String())
			if err == nil {
				q.Close()
			}
			return err != nil
		})
		p.Close()
		if err := await(t, down, "Shutdown"); err != nil {
			t.Error(err)
		}
	})
}

// Without a watchdog nothing ended the wait for a loop that is held.
func TestShutdownHeedsItsContextWhileALoopIsHeld(t *testing.T) {
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1, StallLimit: -1}, func(t *testing.T, rt *unio.Runtime) {
		held, release := make(chan struct{}), make(chan struct{})
		ln := serve(t, rt, func(c *unio.Conn) { close(held); <-release })
		dialNet(t, ln)
		await(t, held, "the handler")
		ctx, cancel := context.WithTimeout(t.Context(), pause)
		defer cancel()
		down := make(chan error, 1)
		go func() { down <- rt.Shutdown(ctx) }()
		for end := time.Now().Add(bound / 5); ; time.Sleep(time.Millisecond) {
			if errors.Is(rt.GoOn(0, func() {}), net.ErrClosed) {
				break
			}
			if time.Now().After(end) {
				t.Error("the runtime is not being closed")
				break
			}
		}
		close(release)
		wantIs(t, "Shutdown", await(t, down, "Shutdown"), context.DeadlineExceeded)
	})
}

// The loops that had been made were left running, since a task may not close a runtime.
func TestNewThatFailsInATaskLeavesNoLoop(t *testing.T) {
	rt := uniotest.New(t, nil)
	loops := 0
	defer guest.Invite("faulty", func() (guest.Guest, error) {
		return guest.Guest{Open: func(c engine.Config) (engine.Engine, error) {
			if loops++; loops == 2 {
				return nil, syscall.EMFILE
			}
			return stdengine.New(c)
		}}, nil
	})()
	failed := make(chan error, 1)
	rt.Go(func() {
		_, err := unio.New(&unio.Options{Engine: "faulty", Loops: 2})
		failed <- err
	})
	if err := await(t, failed, "New"); !errors.Is(err, syscall.EMFILE) || strings.Contains(err.Error(), "Close") {
		t.Error(err)
	}
}
