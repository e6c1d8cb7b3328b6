// Package waitfor bounds what tests wait for, so that a test that fails says what never came and does not hang. Only tests import
// it, of every floor; it leans on the standard library alone.
package waitfor

import (
	"runtime"
	"testing"
	"time"
)

// Value receives from c. After bound it fails the test with what was waited for and the stacks of all goroutines.
func Value[T any](t testing.TB, c <-chan T, bound time.Duration, what string) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(bound):
		buf := make([]byte, 1<<20)
		t.Fatalf("waited in vain for %s\n%s", what, buf[:runtime.Stack(buf, true)])
	}
	return v
}
