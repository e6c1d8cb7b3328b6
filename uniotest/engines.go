package uniotest

import (
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"

	"github.com/unio-go/unio"
)

// EngineVariable is the environment variable that restricts EachEngine to one engine, as in
// UNIO_TEST_ENGINE=epoll go test ./...
const EngineVariable = "UNIO_TEST_ENGINE"

// Engines lists the engines of this build, best first, whether or not this machine lets them work. An engine that a
// build tag has left out, or that the system does not have, is not among them.
func Engines() []unio.Engine {
	var all []unio.Engine
	if hasUring {
		all = append(all, unio.Uring)
	}
	if hasEpoll {
		all = append(all, unio.Epoll)
	}
	return append(all, unio.Std)
}

// EachEngine runs fn as a subtest on each engine of this build, with a new runtime of two loops that is closed and
// checked for leaks after fn and the functions that fn gave to t.Cleanup. An engine that this machine refuses is a
// skipped subtest, which says why.
func EachEngine(t *testing.T, fn func(t *testing.T, rt *unio.Runtime)) {
	t.Helper()
	EachEngineWith(t, nil, fn)
}

// EachEngineWith is EachEngine with options for the runtimes; nil is good. Options.Engine is set for each subtest. Loops
// is 2 where o does not say it, so that tests meet other loops on every machine, and what the runtime logs goes to the
// test's log where o has no Logger.
func EachEngineWith(t *testing.T, o *unio.Options, fn func(t *testing.T, rt *unio.Runtime)) {
	t.Helper()
	only := unio.Engine(os.Getenv(EngineVariable))
	if only != "" && !slices.Contains([]unio.Engine{unio.Uring, unio.Epoll, unio.Std}, only) {
		t.Fatalf("%s=%s: there are uring, epoll and std", EngineVariable, only)
	}
	for _, name := range Engines() {
		if only != "" && name != only {
			continue
		}
		t.Run(string(name), func(t *testing.T) {
			if err := Refused(name); err != nil {
				t.Skip(err)
			}
			opts := unio.Options{Loops: 2}
			if o != nil {
				opts = *o
			}
			opts.Engine = name
			fn(t, New(t, &opts))
		})
	}
}

// refusals remembers what Refused has found out.
var refusals sync.Map

// Refused says why an engine cannot work on this machine, nil when it can. It tries once in a process.
func Refused(name unio.Engine) error {
	once, _ := refusals.LoadOrStore(name, sync.OnceValue(func() error {
		rt, err := unio.New(&unio.Options{Engine: name, Loops: 1})
		if err != nil {
			return err
		}
		if err := rt.Close(); err != nil {
			return fmt.Errorf("closing a runtime on trial: %w", err)
		}
		return nil
	}))
	return once.(func() error)()
}

// New makes a runtime that is closed and checked for leaks at the end of the test. An option that does not say
// otherwise is as in EachEngineWith; Engine is what the options or the environment choose.
func New(t testing.TB, o *unio.Options) *unio.Runtime {
	t.Helper()
	var opts unio.Options
	if o != nil {
		opts = *o
	}
	if opts.Loops == 0 {
		opts.Loops = 2
	}
	CheckLeaks(t)
	if opts.Logger == nil {
		opts.Logger = testLogger(t)
	}
	rt, err := unio.New(&opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeRuntime(t, rt) })
	return rt
}
