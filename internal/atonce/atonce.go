// Package atonce runs a test on several engines side by side, for tests that wait most of their time. It is above uniotest, and
// only tests import it.
package atonce

import (
	"os"
	"slices"
	"sync"
	"testing"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
)

// Run calls fn as a subtest on each of the engines, all at the same time, with a runtime of so many loops. The engines must share
// nothing that fn changes. The runtimes are the whole test's: leaks are looked for when all have ended. An engine that this
// machine refuses is a skipped subtest, and [uniotest.EngineVariable] restricts them to one, as with [uniotest.EachEngine].
func Run(t *testing.T, engines []unio.Engine, loops int, fn func(t *testing.T, rt *unio.Runtime)) {
	t.Helper()
	if only := unio.Engine(os.Getenv(uniotest.EngineVariable)); only != "" {
		if !slices.Contains([]unio.Engine{unio.Uring, unio.Epoll, unio.Std}, only) {
			t.Fatalf("%s=%s: there are uring, epoll and std", uniotest.EngineVariable, only)
		}
		engines = slices.DeleteFunc(slices.Clone(engines), func(e unio.Engine) bool { return e != only })
	}
	var all sync.WaitGroup
	defer all.Wait()
	for _, name := range engines {
		refused := uniotest.Refused(name)
		var rt *unio.Runtime
		if refused == nil {
			rt = uniotest.New(t, &unio.Options{Engine: name, Loops: loops})
		}
		// t.Parallel would have as many at once as there are CPUs, and these wait.
		all.Go(func() {
			t.Run(string(name), func(t *testing.T) {
				if refused != nil {
					t.Skipf("lacks: the engine %s: %v", name, refused)
				}
				t.Cleanup(func() { // what a runtime keeps would seem to be another's leak
					if err := rt.Close(); err != nil {
						t.Error(err)
					}
				})
				fn(t, rt)
			})
		})
	}
}
