package unio_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
)

func TestListenErrors(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		ln := listen(t, rt, nil)
		_, err := rt.Listen("tcp", ln.Addr().String(), nil)
		if !errors.Is(err, syscall.EADDRINUSE) && !strings.Contains(fmt.Sprint(err), "in use") &&
			!strings.Contains(fmt.Sprint(err), "one usage of each") {
			t.Errorf("a port in use: %v", err)
		}
		for network, addr := range map[string]string{"udp": "127.0.0.1:0", "tcp": "nonsense", "unix": "/no/such/folder/s"} {
			if _, err := rt.Listen(network, addr, nil); err == nil {
				t.Errorf("%s %s: no error", network, addr)
			} else if _, ok := errors.AsType[*net.OpError](err); !ok {
				t.Errorf("%s %s: %v is no *net.OpError", network, addr, err)
			}
		}
		for _, o := range []unio.ListenOptions{
			{FirstByteLimit: time.Second}, {OnFirstByte: true, FirstByteLimit: -1},
		} {
			if _, err := rt.Listen("tcp", "127.0.0.1:0", &o); err == nil {
				t.Errorf("%+v: no error", o)
			}
		}
	})
}

func TestListenControlSeesTheSocket(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		called := ""
		listen(t, rt, &unio.ListenOptions{Control: func(network, _ string, c syscall.RawConn) error {
			called = network
			return c.Control(func(uintptr) {})
		}})
		if called != "tcp4" {
			t.Errorf("called for %q", called)
		}
	})
}

func TestCloseEndsAcceptAndServe(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		wait := map[string]func(ln *unio.Listener) error{
			"Accept": func(ln *unio.Listener) error { _, err := ln.Accept(); return err },
			"Serve":  func(ln *unio.Listener) error { return ln.Serve(echo) },
		}
		for what, call := range wait {
			for _, from := range []string{"goroutine", "task"} {
				ln := listen(t, rt, nil)
				ended := make(chan error, 1)
				run := func() { ended <- call(ln) }
				if from == "task" {
					rt.Go(run)
				} else {
					go run()
				}
				time.Sleep(pause)
				if err := ln.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
				wantIs(t, what+" in a "+from, await(t, ended, what+" to end"), net.ErrClosed)
				wantIs(t, what+" after Close", call(ln), net.ErrClosed)
				wantIs(t, "a second Close", ln.Close(), net.ErrClosed)
				if _, err := net.Dial("tcp", ln.Addr().String()); err == nil {
					t.Error("the port is still open")
				}
			}
		}
	})
}

func TestAcceptAndServeDoNotMix(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		ln := serve(t, rt, echo)
		exchange(t, dialNet(t, ln))
		for what, err := range map[string]error{
			"Accept": func() error { _, err := ln.Accept(); return err }(),
			"Serve":  ln.Serve(echo),
		} {
			if err == nil || !strings.Contains(err.Error(), "in use by Serve") {
				t.Errorf("%s beside Serve: %v", what, err)
			}
		}
		if err := ln.Serve(nil); err == nil {
			t.Error("Serve without a handler")
		}
	})
}

func TestUnixSocketPathIsRemoved(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		dir := filepath.Dir(freshAddr(t, "unix"))
		for i, end := range []func(*unio.Listener) error{
			func(ln *unio.Listener) error { return ln.Close() },
			func(ln *unio.Listener) error { go ln.Serve(echo); time.Sleep(pause); return ln.Close() },
			func(*unio.Listener) error { return rt.Close() }, // last
		} {
			path := filepath.Join(dir, fmt.Sprint(i))
			ln, err := rt.Listen("unix", path, nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := end(ln); err != nil {
				t.Error(err)
			}
			if _, err := os.Lstat(path); err == nil {
				t.Errorf("%d: the path is still there", i)
			}
		}
	})
}

func TestOnFirstByteStartsTheHandlerThen(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		var started atomic.Int32
		ln := listen(t, rt, &unio.ListenOptions{OnFirstByte: true})
		go ln.Serve(func(c *unio.Conn) { started.Add(1); echo(c) })
		quiet, p := dialNet(t, ln), dialNet(t, ln)
		until(t, "both are connections", func() bool { return rt.Stats().Conns == 2 })
		if n := rt.Stats().Tasks; n != 0 || started.Load() != 0 {
			t.Errorf("%d tasks, %d handlers before the first byte", n, started.Load())
		}
		exchange(t, p)
		exchange(t, p)
		if started.Load() != 1 {
			t.Errorf("%d handlers", started.Load())
		}
		exchange(t, quiet)
		for _, c := range []net.Conn{quiet, p} {
			halfClose(c)
			if _, err := c.Read(make([]byte, 1)); err != io.EOF {
				t.Error(err)
			}
		}
		unused := dialNet(t, ln)
		halfClose(unused)
		if _, err := unused.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("a connection that ended before it began: %v", err)
		}
		ln.Close()
		uniotest.Idle(t, rt)
	})
}

func TestOnFirstByteClosesTheSilent(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		ln := listen(t, rt, &unio.ListenOptions{OnFirstByte: true, FirstByteLimit: 10 * pause})
		go ln.Serve(echo)
		silent, busy := dialNet(t, ln), dialNet(t, ln)
		exchange(t, busy)
		start := time.Now()
		if _, err := silent.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Read: %v", err)
		}
		if d := time.Since(start); d > bound/2 {
			t.Errorf("closed after %v", d)
		}
		time.Sleep(5 * pause)
		exchange(t, busy)
	})
}

func TestConnectionsAreSpreadOverTheLoops(t *testing.T) {
	uniotest.EachEngineWith(t, &unio.Options{Loops: 3}, func(t *testing.T, rt *unio.Runtime) {
		const conns = 30
		ln := serve(t, rt, echo)
		all := make([]net.Conn, conns)
		for i := range all {
			all[i] = dialNet(t, ln)
			exchange(t, all[i])
		}
		if s := rt.Stats(); s.Conns != conns || s.Tasks != conns {
			t.Errorf("%d connections, %d tasks", s.Conns, s.Tasks)
		}
		// A handler that holds its loop holds a third of the connections and no more.
		held := make(chan struct{})
		var holding atomic.Bool
		rt.Go(func() { holding.Store(true); <-held })
		until(t, "a loop is held", holding.Load)
		answers := make(chan bool, conns)
		for _, p := range all {
			go func() {
				io.WriteString(p, "x")
				_, err := p.Read(make([]byte, 1))
				answers <- err == nil
			}()
		}
		for range conns * 2 / 3 {
			await(t, answers, "the connections of the other loops")
		}
		close(held)
		for range conns / 3 {
			await(t, answers, "the connections of the loop that was held")
		}
	})
}

func TestAcceptKeepsToTheDeadline(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		eachCaller(t, rt, func(t testing.TB) {
			ln := listen(t, rt, nil)
			defer ln.Close()
			for _, when := range []time.Time{time.Now().Add(-time.Second), time.Now().Add(pause)} {
				ln.SetDeadline(when)
				_, err := ln.Accept()
				wantTimeout(t, "Accept", err)
			}
			ln.SetDeadline(time.Now().Add(time.Hour))
			time.AfterFunc(pause, func() { ln.SetDeadline(time.Now()) })
			_, err := ln.Accept()
			wantTimeout(t, "Accept whose deadline is moved", err)

			ln.SetDeadline(time.Time{})
			unio.Offload(func() { dialNet(t, ln) })
			c, err := ln.Accept()
			if err != nil {
				t.Errorf("after the deadline is gone: %v", err)
				return
			}
			c.Close()
			ln.Close()
			wantIs(t, "SetDeadline after Close", ln.SetDeadline(time.Now()), net.ErrClosed)
		})
	})
}

func TestListenerGivesItsSocket(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		eachCaller(t, rt, func(t testing.TB) {
			ln := listen(t, rt, nil)
			defer ln.Close()
			raw, err := ln.SyscallConn()
			if err != nil {
				t.Error(err)
				return
			}
			called := false
			if err := raw.Control(func(uintptr) { called = true }); err != nil || !called {
				t.Errorf("Control called: %v, %v", called, err)
			}
			f, err := ln.File()
			if err != nil {
				t.Error(err)
				return
			}
			defer f.Close()
			other, err := net.FileListener(f)
			if err != nil {
				t.Error(err)
				return
			}
			defer other.Close()
			if other.Addr().String() != ln.Addr().String() {
				t.Errorf("the file is of %v, want %v", other.Addr(), ln.Addr())
			}
			ln.Close()
			_, err = ln.File()
			wantIs(t, "File after Close", err, net.ErrClosed)
			_, err = ln.SyscallConn()
			wantIs(t, "SyscallConn after Close", err, net.ErrClosed)
			wantIs(t, "Control after Close", raw.Control(func(uintptr) {}), net.ErrClosed)
		})
	})
}

// A loop of a runtime that ends had closed the socket, and File gave a file of whatever had got the number since.
func TestListenerFileWhileTheRuntimeEnds(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		serving, over := make(chan struct{}, 100), make(chan struct{})
		ln := serve(t, rt, func(*unio.Conn) {
			serving <- struct{}{}
			unio.Offload(func() { <-over }) // it holds the end of the runtime up, and no loop
		})
		raw, err := ln.SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		dialNet(t, ln)
		await(t, serving, "the handler")
		closed := make(chan error, 1)
		go func() { closed <- rt.Close() }()
		until(t, "the socket is closed", func() bool {
			p, err := net.Dial("tcp", ln.Addr().String())
			if err == nil {
				p.Close()
				time.Sleep(pause)
			}
			return err != nil
		})
		for range 20 { // they get the numbers that are free
			f, err := os.Open(".")
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
		}
		f, err := ln.File()
		wantIs(t, "File", err, net.ErrClosed)
		if err == nil {
			f.Close()
		}
		_, err = ln.SyscallConn()
		wantIs(t, "SyscallConn", err, net.ErrClosed)
		wantIs(t, "Control", raw.Control(func(uintptr) {}), net.ErrClosed)
		close(over)
		if err := await(t, closed, "the end of the runtime"); err != nil {
			t.Error(err)
		}
	})
}

func TestUnixSocketPathStaysWhereAsked(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		path := freshAddr(t, "unix")
		ln, err := rt.Listen("unix", path, nil)
		if err != nil {
			t.Fatal(err)
		}
		ln.SetUnlinkOnClose(false)
		ln.Close()
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	})
}

// The socket of a Listen whose Control function did not return stayed open, and Listen of a task panicked after a Goexit.
func TestListenControlThatDoesNotReturn(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		listen := func(control func()) (thrown any, err error) {
			defer func() { thrown = recover() }()
			ln, err := rt.Listen("tcp", "127.0.0.1:0", &unio.ListenOptions{
				Control: func(string, string, syscall.RawConn) error { control(); return nil },
			})
			if err == nil {
				err = ln.Close()
			}
			return nil, err
		}
		eachCaller(t, rt, func(t testing.TB) {
			if thrown, _ := listen(func() { panic("on purpose") }); thrown != "on purpose" {
				t.Errorf("a panic in Control came out as %v", thrown)
			}
			if thrown, err := listen(runtime.Goexit); thrown != nil || err == nil || !strings.Contains(err.Error(), "Goexit") {
				t.Errorf("Goexit in Control: %v, %v", thrown, err)
			}
			if thrown, err := listen(func() {}); thrown != nil || err != nil {
				t.Errorf("the Listen after it: %v, %v", thrown, err)
			}
		})
	})
}

// A listener was in use for good by a Serve that had never begun.
func TestServeAfterOneThatWasWithdrawn(t *testing.T) {
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1, StallLimit: 50 * time.Millisecond}, func(t *testing.T, rt *unio.Runtime) {
		held, release := make(chan struct{}), make(chan struct{})
		rt.Go(func() { close(held); <-release })
		await(t, held, "the task")
		ln := listen(t, rt, nil)
		wantIs(t, "Serve on a loop that is held", ln.Serve(echo), unio.ErrStalled)
		close(release)
		served := make(chan error, 1)
		go func() {
			err := unio.ErrStalled // until the task has ended
			for errors.Is(err, unio.ErrStalled) {
				err = ln.Serve(echo)
			}
			served <- err
		}()
		exchange(t, dialNet(t, ln))
		if err := ln.Close(); err != nil {
			t.Error(err)
		}
		wantIs(t, "Serve", await(t, served, "Serve"), net.ErrClosed)
	})
}

// The path was removed when all tasks had ended, long after the socket was closed: whoever had taken its place was not found.
func TestRuntimeCloseLeavesThePathToASuccessor(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		path := freshAddr(t, "unix")
		ln, err := rt.Listen("unix", path, nil)
		if err != nil {
			t.Fatal(err)
		}
		busy, goOn := make(chan struct{}, 1), make(chan struct{})
		go ln.Serve(func(*unio.Conn) {
			select {
			case busy <- struct{}{}:
			default:
			}
			unio.Offload(func() { <-goOn })
		})
		dialNet(t, ln)
		await(t, busy, "the handler")
		closed := make(chan error, 1)
		go func() { closed <- rt.Close() }()
		until(t, "nobody listens", func() bool {
			c, err := net.Dial("unix", path)
			if err == nil {
				c.Close()
			}
			return err != nil
		})
		os.Remove(path)
		next, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		defer next.Close()
		close(goOn)
		if err := await(t, closed, "Close"); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(path); err != nil {
			t.Errorf("the path of the successor: %v", err)
		}
	})
}

// The socket was still being closed when Close returned to a task of its loop.
func TestPortIsFreeWhenATaskHasClosedItsListener(t *testing.T) {
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		ln := listen(t, rt, nil)
		errs := make(chan error, 2)
		go ln.Serve(func(*unio.Conn) {
			errs <- ln.Close()
			next, err := rt.Listen("tcp", ln.Addr().String(), nil)
			if err == nil {
				next.Close()
			}
			errs <- err
		})
		dialNet(t, ln)
		for range 2 {
			if err := await(t, errs, "the handler"); err != nil {
				t.Error(err)
			}
		}
	})
}

// Serve waits, and in a coroutine that a task made that stopped the loop for good.
func TestServeInACoroutineIsRefused(t *testing.T) {
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		ln := listen(t, rt, nil)
		asCoroutine(t, rt, func() { wantIs(t, "Serve", ln.Serve(echo), unio.ErrCoroutine) })
		go ln.Serve(echo)
		exchange(t, dialNet(t, ln))
	})
}
