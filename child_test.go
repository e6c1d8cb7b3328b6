package unio_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
)

// childVariable names the function that this test binary runs as a child instead of its tests.
const childVariable = "UNIO_TEST_CHILD"

// children are what cannot be done in the process of the tests: it ends, or changes the limits of, the process.
var children = map[string]func(rt *unio.Runtime, args []string){
	"exit-in-task":      exitAfterClose,
	"exit-in-goroutine": exitAfterClose,
	"lock-across-io":    lockAcrossIO,
	"no-descriptors":    noDescriptors,
	"idle-connections":  holdIdleConnections,
	"no-files-anywhere": noDescriptorsAnywhere,
	"one-file-left":     oneDescriptorLeft,
	"no-memory":         noMemory,
	"forbidden-later":   ringForbiddenLater,
	"cache-says-end":    cacheSaysEnd,
}

// bareChildren make their runtimes themselves.
var bareChildren = map[string]func(args []string){
	"copy-input":      func([]string) { copyInput(nil, nil) },
	"sleep-first":     func([]string) { sleepBeforeAnyRuntime(nil, nil) },
	"few-descriptors": func([]string) { fewDescriptors(nil, nil) },
	"no-ring":         ringForbidden,
	"little-memlock":  littleMemlock,
	"rings-disabled":  ringsDisabled,
	"file-memlock":    filesWithLittleMemlock,
	"file-no-ring":    filesWithoutRing,
	"file-no-statx":   directWithoutStatx,
	"map-of-another":  mapOfAnother,
	"huge-pages":      hugePages,
}

func TestMain(m *testing.M) {
	if name := os.Getenv(childVariable); name != "" {
		runChild(name)
	}
	os.Exit(m.Run())
}

func runChild(name string) {
	args := append([]string{name}, strings.Fields(os.Getenv(childVariable+"_ARGS"))...)
	if fn := bareChildren[name]; fn != nil {
		fn(args)
		os.Exit(0)
	}
	rt, err := unio.New(&unio.Options{Loops: 1})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	children[name](rt, args)
	if err := rt.Close(); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	os.Exit(0)
}

// child runs a function in a process of its own with the engine of rt, and returns what it said.
func child(t testing.TB, rt *unio.Runtime, name string, args ...string) (string, error) {
	t.Helper()
	return childOn(rt.Report().Engine, name, args...)
}

// childOn is child on an engine, or on what the child itself chooses.
func childOn(e unio.Engine, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*bound)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+name, childVariable+"_ARGS="+strings.Join(args, " "),
		unio.EngineVariable+"="+string(e))
	out, err := cmd.CombinedOutput()
	return string(out), err
}

const exitBytes = 3 << 20

// Write; Close; os.Exit(0) delivers what package net would deliver.
func TestExitAfterCloseLosesNothing(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		for _, name := range []string{"exit-in-task", "exit-in-goroutine"} {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() {
				out, err := child(t, rt, name, ln.Addr().String())
				if err != nil {
					err = fmt.Errorf("%w\n%s", err, out)
				}
				ended <- err
			}()
			ln.(*net.TCPListener).SetDeadline(time.Now().Add(bound))
			p, err := ln.Accept()
			if err != nil {
				t.Fatalf("%s: %v, and of the child: %v", name, err, await(t, ended, "the child"))
			}
			p.SetDeadline(time.Now().Add(bound))
			time.Sleep(pause) // the child gets ahead
			got, err := io.ReadAll(p)
			if !bytes.Equal(got, newStream(6).next(make([]byte, exitBytes))) || err != nil {
				t.Errorf("%s: %d of %d bytes arrived, %v", name, len(got), exitBytes, err)
			}
			if err := await(t, ended, "the child"); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			p.Close()
			ln.Close()
		}
	})
}

func exitAfterClose(rt *unio.Runtime, args []string) {
	run := func() {
		c, err := rt.Dial(context.Background(), "tcp", args[1], nil)
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		c.Write(newStream(6).next(make([]byte, exitBytes)))
		c.Close()
		os.Exit(0)
	}
	if args[0] == "exit-in-task" {
		rt.Go(run)
	} else {
		go run()
	}
	select {}
}

// A switch of a coroutine with another count of LockOSThread is the end of the process (runtime/coro.go): nothing but
// the rule in the package comment protects from it. Should this test fail one day, the rule can go.
func TestLockOSThreadHeldAcrossIOEndsTheProcess(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		out, err := child(t, rt, "lock-across-io")
		if err == nil || !strings.Contains(out, "OS thread locking must match") {
			t.Errorf("%v\n%s", err, out)
		}
	})
}

func lockAcrossIO(rt *unio.Runtime, _ []string) {
	done := make(chan struct{})
	rt.Go(func() {
		defer close(done)
		runtime.LockOSThread()
		unio.Sleep(time.Millisecond)
	})
	<-done
}

// The functions that concern the caller asked for the loops of the process before there were any, and crashed.
func TestFunctionsBeforeAnyRuntime(t *testing.T) {
	rt := uniotest.New(t, &unio.Options{Engine: unio.Std})
	if out, err := child(t, rt, "sleep-first"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func sleepBeforeAnyRuntime(*unio.Runtime, []string) {
	unio.Sleep(time.Millisecond)
	unio.Offload(func() {})
	var g unio.Group
	g.Go(func() error { return nil })
	if err := g.Wait(); err != nil {
		os.Exit(1)
	}
	os.Exit(0)
}

// When descriptors run out, accepted connections wait in the backlog and are served later.
func TestAcceptRecoversFromALackOfDescriptors(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("windows has no limit of descriptors to set")
	}
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		if out, err := child(t, rt, "no-descriptors"); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
}

// A lack of descriptors is no reason to take an engine that needs fewer.
func TestLackOfDescriptorsIsNoReasonToFallBack(t *testing.T) {
	if len(uniotest.Engines()) < 2 {
		return // there is nothing to fall back to
	}
	rt := uniotest.New(t, &unio.Options{Engine: unio.Std})
	if out, err := child(t, rt, "few-descriptors"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
