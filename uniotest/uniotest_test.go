package uniotest_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
)

// recorder is a test that only notes what it is told, so that leaks can be provoked on purpose.
type recorder struct {
	testing.TB
	errors   []string
	cleanups []func()
}

func (r *recorder) Helper()                      {}
func (r *recorder) Logf(format string, a ...any) {}
func (r *recorder) Cleanup(fn func())            { r.cleanups = append(r.cleanups, fn) }
func (r *recorder) Errorf(format string, a ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, a...))
}

// end runs what a test runs at its end.
func (r *recorder) end() {
	for _, fn := range slices.Backward(r.cleanups) {
		fn()
	}
}

// wants fails unless one error has all of the words.
func (r *recorder) wants(t *testing.T, words ...string) {
	t.Helper()
	for _, e := range r.errors {
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(e, w) }) {
			return
		}
	}
	t.Errorf("no error with %q; there are:\n%s", words, strings.Join(r.errors, "\n"))
}

func TestCheckLeaksFindsAGoroutine(t *testing.T) {
	uniotest.ShortSettle(t)
	r := &recorder{TB: t}
	uniotest.CheckLeaks(r)
	stop := make(chan struct{})
	go leakGoroutine(stop)
	r.end()
	close(stop)
	r.wants(t, "1 goroutines leaked", "leakGoroutine", "created by")
}

func leakGoroutine(stop chan struct{}) { <-stop }

func TestCheckLeaksWaitsForAGoroutineThatEnds(t *testing.T) {
	r := &recorder{TB: t}
	uniotest.CheckLeaks(r)
	go time.Sleep(50 * time.Millisecond)
	r.end()
	if len(r.errors) > 0 {
		t.Error(r.errors)
	}
}

func TestCheckLeaksFindsADescriptor(t *testing.T) {
	uniotest.ShortSettle(t)
	if runtime.GOOS != "linux" {
		t.Skip("descriptors are listed on linux only")
	}
	r := &recorder{TB: t}
	uniotest.CheckLeaks(r)
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.end()
	f.Close()
	ln.Close()
	r.wants(t, "2 descriptors leaked", "/dev/null", "socket:", "local "+ln.Addr().String())
}

// Package net keeps the pipes through which it splices for later.
func TestCheckLeaksKnowsThePipesOfPackageNet(t *testing.T) {
	uniotest.ShortSettle(t)
	r := &recorder{TB: t}
	uniotest.CheckLeaks(r)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	p, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	c.(*net.TCPConn).CloseWrite()
	if n, err := io.Copy(p, p); n != 5 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	for _, end := range []io.Closer{c, p, ln} {
		end.Close()
	}
	r.end()
	if len(r.errors) > 0 {
		t.Error(r.errors)
	}
}

func TestCleanTestPasses(t *testing.T) {
	r := &recorder{TB: t}
	rt := uniotest.New(r, nil)
	c := echoPair(t, rt)
	if _, err := c.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	c.Close()
	r.end()
	if len(r.errors) > 0 {
		t.Error(r.errors)
	}
}

func TestNewFindsABuffer(t *testing.T) {
	uniotest.ShortSettle(t)
	r := &recorder{TB: t}
	rt := uniotest.New(r, nil)
	b, err := rt.Alloc(context.Background(), 100)
	if err != nil {
		t.Fatal(err)
	}
	r.end()
	b.Release()
	r.wants(t, "buffers out")
}

func TestNewFindsATask(t *testing.T) {
	uniotest.ShortSettle(t)
	if testing.Short() {
		t.Skip("short: a task that does not end holds Runtime.Close for ten seconds")
	}
	r := &recorder{TB: t}
	rt := uniotest.New(r, nil)
	stop, ended := make(chan struct{}), make(chan struct{})
	rt.Go(func() {
		defer close(ended)
		unio.Offload(func() { stuckInOffload(stop) })
	})
	r.end()
	close(stop)
	r.wants(t, "1 tasks had not ended")
	r.wants(t, "1 tasks", "unio.Offload")
	r.wants(t, "goroutines leaked", "stuckInOffload")
}

func stuckInOffload(stop chan struct{}) { <-stop }

func TestIdleFindsWhatIsInUse(t *testing.T) {
	uniotest.ShortSettle(t)
	r := &recorder{TB: t}
	rt := uniotest.New(t, nil)
	c := echoPair(t, rt)
	uniotest.Idle(r, rt)
	c.Close()
	r.wants(t, "connections")
	r.wants(t, "tasks", "echoHandler")
	r = &recorder{TB: t}
	for end := time.Now().Add(10 * time.Second); rt.Stats().Conns != 0 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	uniotest.Idle(r, rt)
	if len(r.errors) > 0 {
		t.Error(r.errors)
	}
}

// echoPair is a connection of package net to an echo server of rt that serves one connection.
func echoPair(t *testing.T, rt *unio.Runtime) net.Conn {
	t.Helper()
	ln, err := rt.Listen("tcp", "127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	accepted := make(chan struct{})
	go ln.Serve(func(c *unio.Conn) {
		close(accepted)
		echoHandler(c)
	})
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	select {
	case <-accepted:
	case <-time.After(20 * time.Second):
		t.Fatal("the connection is not accepted")
	}
	ln.Close()
	return c
}

func echoHandler(c *unio.Conn) {
	for {
		b, err := c.Recv()
		if err != nil {
			return
		}
		if c.Send(b) != nil {
			return
		}
	}
}

func TestEachEngineRunsEveryEngineOfTheBuild(t *testing.T) {
	t.Setenv(uniotest.EngineVariable, "")
	var want, ran []unio.Engine
	for _, e := range uniotest.Engines() {
		if uniotest.Refused(e) == nil {
			want = append(want, e)
		}
	}
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		ran = append(ran, rt.Report().Engine)
		if !strings.HasSuffix(t.Name(), "/"+string(rt.Report().Engine)) {
			t.Errorf("subtest %s runs on %s", t.Name(), rt.Report().Engine)
		}
	})
	if !slices.Equal(want, ran) || len(ran) == 0 {
		t.Errorf("ran %v, want %v", ran, want)
	}
}

func TestEachEngineRunsTheOneThatTheVariableNames(t *testing.T) {
	for _, only := range uniotest.Engines() {
		t.Setenv(uniotest.EngineVariable, string(only))
		uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
			if got := rt.Report().Engine; got != only {
				t.Errorf("ran on %s, want %s", got, only)
			}
		})
	}
}
