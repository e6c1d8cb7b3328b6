//go:build linux && !unio_nouring

package filering

import (
	"strconv"
	"testing"
	"time"
)

func name(n int) string { return "n=" + strconv.Itoa(n) }

// patience is how long anything may take that is not expected to take any time.
const patience = 60 * time.Second

func wait(t *testing.T, what string, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(patience):
		t.Fatalf("not within %v: %s", patience, what)
	}
}
