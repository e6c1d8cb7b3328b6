package interop

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// bound is how long a test waits for what must happen: far more than it takes on a busy machine.
const bound = 30 * time.Second

// freshAddr is an address to listen at.
func freshAddr(t testing.TB, network string) string {
	t.Helper()
	if network != "unix" {
		return "127.0.0.1:0"
	}
	dir, err := os.MkdirTemp("", "u") // short: a path has 108 bytes, unix(7)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "s")
}
