package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/bench/internal/host"
	"github.com/unio-go/unio/bench/internal/proxies"
	"github.com/unio-go/unio/bench/internal/server"
)

// TestMain lets the test binary be what a run starts: generator, server, pinned process.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && strings.HasPrefix(os.Args[1], "__") {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestHiddenCommandsBeginAlike(t *testing.T) {
	for _, verb := range []string{server.Verb, host.PinVerb, proxies.UpstreamVerb, proxies.GoProxyVerb} {
		if !strings.HasPrefix(verb, "__") {
			t.Errorf("%s: hidden commands begin with __", verb)
		}
	}
}

func TestShortRunOfTwoContenders(t *testing.T) {
	if _, _, err := host.ChooseCPUs(); errors.Is(err, host.ErrOneCPU) {
		t.Skipf("lacks: two CPUs: %v", err)
	}
	dir := t.TempDir()
	var out bytes.Buffer
	err := run([]string{
		"echo", "-quick", "-slice", "10ms", "-contenders", "gnet",
		"-cases", "conns=50/size=64/(depth=1$|rate)", "-out", dir,
	}, &out)
	if err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for _, want := range []string{"net/goroutine", "gnet/event", "open loop", "ping-pong"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
	raws, err := filepath.Glob(filepath.Join(dir, "echo-*.txt"))
	if err != nil || len(raws) != 1 {
		t.Fatalf("raw files %v, %v", raws, err)
	}
	for _, cmd := range []string{"show", "check", "plot"} {
		out.Reset()
		if err := run([]string{cmd, raws[0]}, &out); err != nil || out.Len() == 0 {
			t.Errorf("%s: %v\n%s", cmd, err, out.String())
		}
	}
}

func TestWithoutArgumentsItTellsWhatThereIs(t *testing.T) {
	var out bytes.Buffer
	if err := run(nil, &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"echo", "randread", "proxies", "show", "check", "plot", "-rounds", "-contenders"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
}

func TestWrongCommandsAreRefused(t *testing.T) {
	for _, args := range [][]string{
		{"ecko"}, {"show"}, {"show", "/nowhere"}, {"echo", "-rounds", "1"}, {"echo", "more"},
		{"echo", "-cases", "x"}, {"proxies", "more"}, {"proxies", "-cases", "zzz"}, {"proxies", "-rounds", "4"},
		{"randread", "more"}, {"randread", "-mode", "fast"}, {"randread", "-size", "big"},
		{"randread", "-cases", "zzz"}, {"randread", "-rounds", "1", "-dir", "/nowhere"}, {server.Verb}, {server.Verb, "carrier-pigeon"},
	} {
		if err := run(args, new(bytes.Buffer)); err == nil {
			t.Errorf("%v: no error", args)
		}
	}
}

// A soak of two seconds on each engine: all manners of clients meet all styles of servers, and nothing is lost.
func TestShortSoak(t *testing.T) {
	for _, engine := range []string{"uring", "epoll", "std"} {
		t.Run(engine, func(t *testing.T) {
			if rt, err := unio.New(&unio.Options{Engine: unio.Engine(engine), Loops: 1}); err != nil {
				t.Skipf("lacks: the engine %s: %v", engine, err)
			} else if err := rt.Close(); err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			err := run([]string{"soak", "-engine", engine, "-duration", "2s", "-conns", "100", "-think", "50ms", "-tick", "1s"}, &out)
			if err != nil {
				t.Fatalf("%v\n%s", err, out.String())
			}
			for _, want := range []string{"soak of " + engine, " load ", " idle ", "nothing leaked"} {
				if !strings.Contains(out.String(), want) {
					t.Errorf("%q is missing in\n%s", want, out.String())
				}
			}
		})
	}
}

// interrupting sends this process a signal as soon as something was written.
type interrupting struct {
	bytes.Buffer
	signal syscall.Signal
	sent   bool
}

func (w *interrupting) Write(p []byte) (int, error) {
	if !w.sent {
		w.sent = true
		_ = syscall.Kill(os.Getpid(), w.signal) // to oneself that is always permitted
	}
	return w.Buffer.Write(p)
}

// A soak that was broken off told that nothing was lost and ended as one that went well, and the next engine began. The signal that ends
// a process left the files of a comparison, and is heard as Ctrl-C is.
func TestABrokenOffSoakHasNotPassed(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		out := interrupting{signal: signal}
		err := run([]string{"soak", "-engine", "std,std", "-duration", "1h", "-conns", "5", "-think", "10ms"}, &out)
		if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "broken off") {
			t.Errorf("%v: %v, want %v", signal, err, context.Canceled)
		}
		if n := strings.Count(out.String(), "soak of std: 1h"); n != 1 {
			t.Errorf("%v: %d engines were begun with:\n%s", signal, n, out.String())
		}
	}
}

// What cannot be soaked is an error.
func TestSoaksThatMakeNoSense(t *testing.T) {
	for _, args := range [][]string{
		{"soak", "-engine", "kqueue", "-duration", "1s"}, {"soak", "-conns", "0"}, {"soak", "-tick", "0"}, {"soak", "x"},
	} {
		if err := run(args, new(bytes.Buffer)); err == nil {
			t.Errorf("%v: no error", args)
		}
	}
}
