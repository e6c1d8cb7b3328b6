package uniotest

import (
	"runtime"
	"strings"
)

// stacksBytesMax bounds a dump of all goroutines; some sixty thousand goroutines fit.
const stacksBytesMax = 64 << 20

// takeGoroutines is every goroutine but the caller's and those that are not a test's: the tests themselves, which may be
// parallel ones, and what the standard library starts once and keeps.
func takeGoroutines() snapshot {
	buf := make([]byte, 64<<10)
	for {
		n := runtime.Stack(buf, true)
		if n < len(buf) || len(buf) >= stacksBytesMax {
			buf = buf[:n]
			break
		}
		buf = make([]byte, 2*len(buf))
	}
	all := strings.Split(strings.TrimSpace(string(buf)), "\n\n")
	s := snapshot{}
	for _, g := range all[1:] { // the caller comes first
		// "goroutine 18 [IO wait, 2 minutes]:": the number is never used again.
		if id, _, ok := strings.Cut(g, " ["); ok && !isKept(g) {
			s[id] = g
		}
	}
	return s
}

func isKept(stack string) bool {
	for _, frame := range []string{
		"testing.tRunner(", "testing.(*T).Run(", "testing.(*F).Fuzz", "testing.runFuzzing(",
		"os/signal.signal_recv(", "os/signal.loop(", "runtime.ReadTrace(", "runtime/pprof.profileWriter(",
	} {
		if strings.Contains(stack, "\n"+frame) {
			return true
		}
	}
	return false
}

// tasks picks the stacks of tasks, which the frame that runs them shows.
func (s snapshot) tasks() []string {
	var found []string
	for _, text := range s.since(nil) {
		if strings.Contains(text, "/internal/loop.(*Task).serve(") {
			found = append(found, text)
		}
	}
	return found
}
