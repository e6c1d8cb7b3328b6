//go:build !race && !uniodebug

package gate_test

import (
	"os"
	"testing"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
)

// allocationsMax is how many allocations a request on kept connections may cost, counted over the whole
// process.
const allocationsMax = 0.5

// The engine std is left out: it starts a goroutine for what package net would block on.
func TestRequestsDoNotAllocate(t *testing.T) {
	only := unio.Engine(os.Getenv(uniotest.EngineVariable))
	for _, e := range uniotest.Engines() {
		if e == unio.Std || uniotest.Refused(e) != nil || only != "" && e != only {
			continue
		}
		t.Run(string(e), func(t *testing.T) {
			for _, answer := range []string{dated, ok} {
				once := pingPong(t, e, answer, logged(t))
				for range 100 {
					once()
				}
				if n := testing.AllocsPerRun(2000, once); n > allocationsMax {
					t.Errorf("%v allocations for each request, with %q from the server", n, answer)
				}
			}
		})
	}
}
